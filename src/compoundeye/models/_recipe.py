"""Pre-processing of a hub model: what ``preprocessor_config.json`` says, as one function from bytes to pixels.

CLIP and DINOv2 resize the shorter side and cut out the middle; SigLIP squeezes the whole picture into a square.
Both resample with a filter that widens when shrinking (Pillow's), which is what the models were trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from compoundeye.models._error import WeightsError
from compoundeye.models._hub import PREPROCESSOR
from compoundeye.models._safetensors import read_json
from compoundeye.pixels import decode

UInt8 = npt.NDArray[np.uint8]

_OVERSAMPLING = 2
"""A JPEG may be decoded at a cheaper scale as long as it keeps twice the pixels that the resize will leave:
the resize still averages over more than one decoded pixel, so what the cheaper scale cannot show is lost anyway."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an encoded picture becomes the model's input."""

    size: int
    """Side of the square that the model sees, pixels."""
    shorter: int | None
    """Length the shorter side is resized to before the middle is cut out; None squeezes the picture instead."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """Normalisation inside the graph: (pixel / 255 - mean) / std, per channel of RGB."""
    resample: Image.Resampling = Image.Resampling.BICUBIC

    def prepare(self, data: bytes, out: UInt8 | None = None, *, exact: bool = False) -> UInt8:
        """Encoded picture to uint8 [size, size, 3].

        ``exact=True`` decodes every pixel and equals the reference pre-processing within rounding (Pillow keeps 8 bits
        between its two passes); otherwise a large JPEG is decoded at a cheaper scale.

        Raises:
            PictureError: the picture cannot be decoded.
        """
        pixels = decode(data, at_least=None if exact else _OVERSAMPLING * (self.shorter or self.size))
        height, width = pixels.shape[:2]
        square = Image.fromarray(pixels).resize((self.size, self.size), self.resample, box=self._box(width, height))
        if out is None:
            return np.asarray(square, dtype=np.uint8)
        out[...] = np.asarray(square, dtype=np.uint8)
        return out

    def _box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The part of the picture (left, top, right, bottom) that fills the square.

        The reference resizes everything, rounding the longer side down, then cuts at whole pixels. Resizing only
        the part that is kept, with the same scale and origin, samples the same places, and its cost does not grow
        with the length of a panorama.
        """
        if self.shorter is None:
            return (0.0, 0.0, float(width), float(height))
        short, long = sorted((width, height))
        longer = self.shorter * long // short
        across, down = (longer, self.shorter) if width > height else (self.shorter, longer)
        left, top = (across - self.size) // 2, (down - self.size) // 2
        x, y = width / across, height / down
        return (left * x, top * y, (left + self.size) * x, (top + self.size) * y)


def read_recipe(folder: Path) -> Recipe:
    """The recipe of a model folder.

    Raises:
        WeightsError: ``preprocessor_config.json`` is missing or asks for something this code does not do.
    """
    path = folder / PREPROCESSOR
    config = read_json(path)
    for key in ("do_resize", "do_rescale", "do_normalize"):
        if config.get(key, True) is not True:
            raise WeightsError(f"{path} turns {key} off, which is not supported")
    shorter, size = _sizes(config, path)
    mean, std = _triple(config, "image_mean", path), _triple(config, "image_std", path)
    return Recipe(size, shorter, mean, std, _filter(config, path))


def _sizes(config: Mapping[str, Any], path: Path) -> tuple[int | None, int]:
    """Shorter side after resizing (None: squeezed) and side of the input.

    ``size`` is a number or {"shortest_edge": ...} with a crop after it, or {"height", "width"} without one.
    """
    size = config.get("size")
    crop = bool(config.get("do_center_crop", "crop_size" in config))
    final = _side(config.get("crop_size") if crop else size, path)
    if isinstance(size, Mapping) and "height" in size:
        if _side(size, path) != final:
            raise WeightsError(f"{path} squeezes the picture and then crops it, which is not supported")
        return None, final
    if not crop:
        raise WeightsError(f"{path} resizes the shorter side without cropping, so the input would not be square")
    shorter = _side(size.get("shortest_edge") if isinstance(size, Mapping) else size, path)
    if shorter < final:
        raise WeightsError(f"{path} cuts {final} pixels out of {shorter}: padding is not supported")
    return shorter, final


def _side(value: object, path: Path) -> int:
    if isinstance(value, Mapping):
        if value.get("height") != value.get("width"):
            raise WeightsError(f"{path} asks for an input that is not square: {dict(value)}")
        value = value.get("height")
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise WeightsError(f"{path}: {value!r} is not a size in pixels")
    return value


def _triple(config: Mapping[str, Any], key: str, path: Path) -> tuple[float, float, float]:
    value = config.get(key)
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(number, int | float) for number in value):
        raise WeightsError(f"{path}: {key} must be three numbers, not {value!r}")
    red, green, blue = map(float, value)
    return red, green, blue


def _filter(config: Mapping[str, Any], path: Path) -> Image.Resampling:
    try:
        return Image.Resampling(config.get("resample", Image.Resampling.BICUBIC))
    except ValueError:
        raise WeightsError(f"{path}: resample {config['resample']!r} is not one of Pillow's filters") from None
