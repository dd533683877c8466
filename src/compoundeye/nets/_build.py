"""Networks by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from compoundeye.nets._resnet import ResNet
from compoundeye.nets._sizes import SIZES, near, vit_config
from compoundeye.nets._vit import ViT
from compoundeye.records import EyeError

NETWORKS: Mapping[str, str] = {
    **{f"vit-{name}/{size.config.patch}": f"vision transformer: {size.source}" for name, size in SIZES.items()},
    "resnet-w32": "small residual network for small pictures; w64 is twice as wide",
}
"""Names that ``build`` knows, each with what it is; the number after "/" (patch) or "w" (width) may be another."""


def build(name: str, *, pretrained: bool | str | os.PathLike[str] = False, **options: Any) -> nn.Module:
    """A network that makes features of pictures: float [N, C, S, S] to [N, D], D being its ``features``.

    Args:
        name: one of ``NETWORKS``.
        options: of the network: ``image`` (pixels of a side) for all, fields of ``ViTConfig`` for a vision
            transformer, arguments of ``ResNet`` for a residual network.

    Raises:
        EyeError: no such network or option, or weights that are not of this network.
    """
    for pattern, make in _MAKERS.items():
        if found := re.fullmatch(pattern, name):
            return make(name, found, pretrained, options)
    raise EyeError(f"there is no network {name!r}: did you mean {near(name, NETWORKS)}?")


def _vit(name: str, found: re.Match[str], pretrained: Any, options: dict[str, Any]) -> nn.Module:
    if found["patch"]:
        options = {"patch": int(found["patch"]), **options}
    return ViT(vit_config(found["size"], **options))


def _resnet(name: str, found: re.Match[str], pretrained: Any, options: dict[str, Any]) -> nn.Module:
    options.pop("image", None)  # works at any
    return _with(ResNet, name, {"width": int(found["width"] or 32), **options})


def _with(make: Callable[..., nn.Module], name: str, options: dict[str, Any]) -> nn.Module:
    try:
        return make(**options)
    except TypeError as error:
        raise EyeError(f"{name} cannot be built with {options}: {error}") from None


_MAKERS: Mapping[str, Callable[[str, re.Match[str], Any, dict[str, Any]], nn.Module]] = {
    r"vit-(?P<size>[a-z0-9]+)(/(?P<patch>[1-9]\d*))?": _vit,
    r"resnet(-w(?P<width>[1-9]\d*))?": _resnet,
}
