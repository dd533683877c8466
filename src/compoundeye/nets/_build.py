"""Networks by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from compoundeye.models import card, catalogue, weights
from compoundeye.nets._efficientnet import DEVIATION, LITE, MEAN, EfficientNetLite, read_lite
from compoundeye.nets._hub import Colours, hub_config, hub_pixel_scale
from compoundeye.nets._pretrained import read_pretrained
from compoundeye.nets._resnet import ResNet
from compoundeye.nets._sizes import SIZES, changed, near, vit_config
from compoundeye.nets._state import read_state
from compoundeye.nets._vit import ViT
from compoundeye.records import EyeError

Pretrained = bool | str | os.PathLike[str]

_HUB = "hub"
"""Architecture of the catalogue's cards that are folders in the model hub's layout."""

NETWORKS: Mapping[str, str] = {
    **{f"vit-{name}/{size.config.patch}": f"vision transformer, {size.source}" for name, size in SIZES.items()},
    "resnet-w32": "small residual network for small pictures; w64 is twice as wide",
    **{name: f"convolutional network for {scale.image} pixels" for name, scale in LITE.items()},
    **{name: "vision transformer with weights" for name, card in catalogue().items() if card.architecture == _HUB},
}
"""Names that ``build`` knows, each with what it is; the number after "/" (patch) or "w" (width) may be another."""


def build(name: str, *, pretrained: Pretrained = False, **options: Any) -> nn.Module:
    """A network that makes features of pictures: float [N, C, S, S] to [N, D], D being its ``features``.

    Args:
        name: one of ``NETWORKS``, or a folder with ``config.json`` and weights in the model hub's layout.
        pretrained: True for the catalogue's weights, or a file or folder of weights. A folder as name, and a model of
            the catalogue that is one, comes with its weights if there is no other file.
        options: of the network: ``image`` (pixels of a side) for all, fields of ``ViTConfig`` for a vision
            transformer, arguments of the class for others.

    Raises:
        EyeError: no such network or option, or weights that are not of this network.
        WeightsError: the catalogue's weights cannot be had.
    """
    if folder := _folder(name):
        source = folder if isinstance(pretrained, bool) else pretrained
        model = ViT(changed(hub_config(folder), options))
        read_pretrained(model, source)
        return model
    for pattern, make in _MAKERS.items():
        if found := re.fullmatch(pattern, name):
            return make(found, pretrained, options)
    raise EyeError(f"there is no network {name!r}: did you mean {near(name, NETWORKS)}?")


def pixel_scale(name: str) -> tuple[Colours, Colours]:
    """Mean and deviation, for red, green and blue from 0 to 255, that a network's published weights expect.

    127.5 and 127.5 where nothing else is known.

    Raises:
        EyeError: a folder without ``preprocessor_config.json``.
    """
    mean = deviation = (127.5, 127.5, 127.5)
    if name in LITE:
        mean, deviation = (MEAN,) * 3, (DEVIATION,) * 3
    elif folder := _folder(name):
        mean, deviation = hub_pixel_scale(folder)
    return mean, deviation


def _folder(name: str) -> Path | None:
    """Where the model is, if the name is a folder's or of a card that is one."""
    if name in catalogue() and card(name).architecture == _HUB:
        return weights(card(name)).parent
    return Path(name) if Path(name).is_dir() else None


def _vit(found: re.Match[str], pretrained: Pretrained, options: dict[str, Any]) -> nn.Module:
    if found["patch"]:
        options = {"patch": int(found["patch"]), **options}
    model = ViT(vit_config(found["size"], **options))
    if pretrained is True:
        raise EyeError(f"the catalogue has no weights for {found[0]}: give a file or a folder instead of true")
    if pretrained:
        read_pretrained(model, str(pretrained))
    return model


def _resnet(found: re.Match[str], pretrained: Pretrained, options: dict[str, Any]) -> nn.Module:
    model = _made(ResNet, found[0], {"width": int(found["width"] or 32), **options})
    if pretrained is True:
        raise EyeError(f"the catalogue has no weights for {found[0]}: give a file instead of true")
    if pretrained:
        try:
            model.load_state_dict(dict(read_state(str(pretrained))))
        except RuntimeError as error:
            reason = " ".join(str(error).split()[:30])
            raise EyeError(f"{pretrained} is not of {found[0]} with these options: {reason} ...") from None
    return model


def _lite(found: re.Match[str], pretrained: Pretrained, options: dict[str, Any]) -> nn.Module:
    name = found[0]
    model = _made(EfficientNetLite, name, {"scale": LITE[name], **options})
    if pretrained:
        assert isinstance(model, EfficientNetLite)
        path = weights(card(name)) if pretrained is True else Path(str(pretrained))
        read_lite(model, read_state(path), str(path))
    return model


def _made(make: Callable[..., nn.Module], name: str, options: dict[str, Any]) -> nn.Module:
    options.pop("image", None)  # works at any
    try:
        return make(**options)
    except TypeError as error:
        raise EyeError(f"{name} cannot be built: {error}; mend the options of the model") from None


_MAKERS: Mapping[str, Callable[[re.Match[str], Pretrained, dict[str, Any]], nn.Module]] = {
    r"vit-(?P<size>[a-z0-9]+)(/(?P<patch>[1-9]\d*))?": _vit,
    r"resnet(-w(?P<width>[1-9]\d*))?": _resnet,
    "|".join(LITE): _lite,
}
