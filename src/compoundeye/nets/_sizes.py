"""Vision transformers by name, from one for a laptop to one for thousands of GPUs."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compoundeye.nets._vit import ViTConfig
from compoundeye.records import EyeError


@dataclass(frozen=True, slots=True)
class Size:
    """One named shape."""

    config: ViTConfig
    """At 224 pixels, with the patch that its authors used most."""
    source: str


_SCALING = "Zhai et al., 2021, arXiv:2106.04560, table 2"
_FIRST = "Dosovitskiy et al., 2020, arXiv:2010.11929, table 1"
_HUGE = {"parallel": True, "qk_norm": True, "qkv_bias": False, "norm": "rms"}
"""ViT-22B, section 2: parallel layers, normalised queries and keys, no bias there, norms without bias and centring."""


def _size(source: str, width: int, depth: int, hidden: int, heads: int, patch: int, pool: str, **more: Any) -> Size:
    made: Any = {"pool": pool, **more}
    return Size(ViTConfig(width=width, depth=depth, hidden=hidden, heads=heads, patch=patch, **made), source)


SIZES: Mapping[str, Size] = {
    "ti": _size("Touvron et al., 2020, arXiv:2012.12877, table 1", 192, 12, 768, 3, 16, "token"),
    "s": _size("Touvron et al., 2020, arXiv:2012.12877, table 1", 384, 12, 1536, 6, 16, "token"),
    "b": _size(_FIRST, 768, 12, 3072, 12, 16, "token"),
    "l": _size(_FIRST, 1024, 24, 4096, 16, 16, "token"),
    "h": _size(_FIRST, 1280, 32, 5120, 16, 14, "token"),
    "so400m": _size("Alabdulmohsin et al., 2023, arXiv:2305.13035, section 4", 1152, 27, 4304, 16, 14, "attention"),
    "g": _size(_SCALING, 1408, 40, 6144, 16, 14, "attention"),
    "giant": _size(_SCALING + " (G)", 1664, 48, 8192, 16, 14, "attention"),
    "e": _size("Chen et al., 2022, arXiv:2209.06794, table 1", 1792, 56, 15360, 16, 14, "attention"),
    "22b": _size("Dehghani et al., 2023, arXiv:2302.05442, table 1", 6144, 48, 24576, 48, 14, "attention", **_HUGE),
    "200b": _size("ViT-22B's recipe, wider and deeper; not published", 16384, 64, 65536, 128, 14, "attention", **_HUGE),
}


def vit_config(size: str, **changes: Any) -> ViTConfig:
    """The configuration of a named size, with fields of ``ViTConfig`` changed.

    Raises:
        EyeError: no such size or field, or what is asked for cannot be built; the message offers the nearest names.
    """
    if size not in SIZES:
        raise EyeError(f"there is no vision transformer {size!r}: did you mean {near(size, SIZES)}?")
    return changed(SIZES[size].config, changes)


def changed(config: ViTConfig, changes: Mapping[str, Any]) -> ViTConfig:
    """A configuration with some of its fields changed.

    Raises:
        EyeError: no such field, or what is asked for cannot be built.
    """
    fields = {field.name: field for field in dataclasses.fields(config)}
    for name in changes:
        if name not in fields:
            raise EyeError(f"a vision transformer has no option {name!r}: did you mean {near(name, fields)}?")
    return dataclasses.replace(config, **changes)


def near(name: str, names: Mapping[str, Any]) -> str:
    """The names closest to one that does not exist, or all of them, for a message."""
    return ", ".join(difflib.get_close_matches(name, names, cutoff=0.4) or names)
