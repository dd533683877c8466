"""Any of Pillow's pixel modes, with or without an ICC profile, to sRGB on white.

Source: IEC 61966-2-1 (sRGB); ICC.1:2022 (profiles), computed by Little CMS 2 through Pillow.
"""

from collections.abc import Callable
from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_SRGB = ImageCms.createProfile("sRGB")
_PROFILED = {"L", "RGB", "CMYK", "LAB"}  # the modes that Little CMS reads through Pillow
# A profile that moves no colour of the probe by more than this many of 255 levels is sRGB under some name. Published
# sRGB profiles differ among themselves by 1 or 2 (rounded primaries, tabulated curves).
_SAME_COLOUR = 2


def to_srgb(image: Image.Image, profile: bytes | None = None) -> NDArray[np.uint8]:
    """uint8 [H, W, 3]: wide integers and floats scaled, the profile applied, transparency laid on white.

    Floats within [0, 1] are taken as that range. Other floats and 32-bit integers state no range, so each such picture
    is stretched from its darkest to its lightest value. A profile that is broken or of another colour space is ignored.
    """
    if image.mode.startswith(("I", "F")):
        return np.repeat(_to_eight_bits(image)[:, :, None], 3, axis=2)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")  # from LA, PA, premultiplied, and colour-key transparency
        alpha = image.getchannel("A")
    colour = _apply(_base(image), profile)
    if alpha is not None:
        paper = Image.new("RGB", image.size, "white")
        paper.paste(colour, mask=alpha)
        colour = paper
    return np.asarray(colour)


def converter(profile: bytes | None, mode: str) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """A function from pixels [H, W, 3] in the profile's colours to sRGB; the identity where nothing would change.

    `mode` "L" says that the three channels are one grey, described by a grey profile.
    """
    transform = _transform(profile, mode) if profile else None
    if transform is None:
        return lambda pixels: pixels

    def convert(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        source = np.ascontiguousarray(pixels[:, :, 0] if mode == "L" else pixels)
        return np.asarray(transform.apply(Image.fromarray(source)))

    return convert


def _base(image: Image.Image) -> Image.Image:
    """To a mode that a profile can describe, without transparency."""
    return image if image.mode in _PROFILED else image.convert("RGB")


def _apply(image: Image.Image, profile: bytes | None) -> Image.Image:
    transform = _transform(profile, image.mode) if profile else None
    return image.convert("RGB") if transform is None else transform.apply(image)


def _to_eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 / 255 = 257, rounded to nearest
    levels = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    low, high = float(levels.min()), float(levels.max())
    if image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scaled: NDArray[np.float32] = (levels - low) * np.float32(255 / ((high - low) or 1))
    return np.rint(scaled).astype(np.uint8)


@lru_cache(maxsize=16)  # a corpus sees the same few profiles again and again
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the profile to sRGB; None where it is useless (broken, of another colour space) or changes nothing.

    Little CMS transforms are immutable once built, so threads share them.
    """
    try:
        transform = ImageCms.buildTransform(ImageCms.ImageCmsProfile(BytesIO(profile)), _SRGB, mode, "RGB")
        probe = _probe(mode)
        moved = transform.apply(probe)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if mode not in ("L", "RGB"):
        return transform
    change = np.asarray(moved, np.int16) - np.asarray(probe.convert("RGB"), np.int16)
    return transform if np.abs(change).max() > _SAME_COLOUR else None


def _probe(mode: str) -> Image.Image:
    """Every grey, and the 6 x 6 x 6 colour cube."""
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    cube = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), axis=-1).reshape(-1, 3)
    return Image.fromarray(np.concatenate([greys, cube])[None]).convert(mode)
