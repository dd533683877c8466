"""From encoded bytes to the pixels that someone asked for."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from compoundeye.pixels._file import MAX_PIXELS, open_file
from compoundeye.pixels._orient import upright
from compoundeye.pixels._out import check_out, handed
from compoundeye.pixels._shrink import SOFTENED_FROM, shrink

_Pixels = NDArray[np.uint8]


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS, at_least: int | None = None) -> _Pixels:
    """Decode to uint8 [H, W, 3], sRGB, upright, transparency on white; the first frame of several.

    With `at_least`, a JPEG may come out at 1/2, 1/4 or 1/8 of its size as long as its shorter side keeps that
    many pixels. Raises PictureError, for "too many pixels" before anything is decoded.
    """
    file = open_file(data, max_pixels)
    scale = 1 if at_least is None else file.scale(min(file.size), at_least)
    pixels = file.to_srgb(file.stored(scale))
    return np.require(upright(pixels, file.turn()), requirements=["C", "W"])


def crop_resize(
    data: bytes,
    size: int,
    crop_fraction: float,
    *,
    exact: bool = False,
    out: _Pixels | None = None,
    max_pixels: int = MAX_PIXELS,
) -> _Pixels:
    """The central square of `crop_fraction` of the shorter side, resized to uint8 [size, size, 3], sRGB, upright.

    `out` (uint8 [size, size, 3], C-contiguous) receives the pixels and is returned. The fast way decodes a JPEG at the
    cheapest DCT scale that still covers `size` and resizes the square alone, its edges on whole pixels. `exact=True` is
    the slow reference: everything decoded, and Pillow's antialiased bilinear filter on the square's exact edges.
    Raises PictureError, and ValueError for arguments that make no sense.
    """
    _check(size, crop_fraction, out)
    if exact:
        square = _resize_box(decode(data, max_pixels=max_pixels), size, crop_fraction)
        return handed(square, out)
    file = open_file(data, max_pixels)
    crop = min(file.size) * crop_fraction
    scale = file.scale(crop, size)
    pixels = file.stored(scale, reuse=True, rough=crop >= SOFTENED_FROM * size * scale)
    turn = file.turn()
    if crop < size:  # enlarging would enlarge the rounding of the edges too
        square = _resize_box(pixels, size, crop_fraction)
    else:
        square = shrink(_central_square(pixels, file.size, scale, crop), size, size, out if turn == 1 else None)
    square = upright(file.to_srgb(square), turn)
    return np.require(square, requirements=["C", "W"]) if out is None else handed(square, out)


def _check(size: int, crop_fraction: float, out: _Pixels | None) -> None:
    if size < 1 or not 0 < crop_fraction <= 1:
        raise ValueError(f"size must be at least 1 and crop_fraction in (0, 1], not {size} and {crop_fraction}")
    check_out(out, size, size)


def _resize_box(pixels: _Pixels, size: int, crop_fraction: float) -> _Pixels:
    """The reference: Pillow's antialiased bilinear filter on the square's exact edges, in fractions of a pixel."""
    h, w = pixels.shape[:2]
    crop = min(h, w) * crop_fraction
    left, top = (w - crop) / 2, (h - crop) / 2
    box = (left, top, left + crop, top + crop)
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR, box=box))


def _central_square(pixels: _Pixels, full_size: tuple[int, int], scale: int, crop: float) -> _Pixels:
    """A view of the square, which measures `crop` at full size, in pixels decoded at 1/scale."""
    across, down = (_edges(side / scale, crop / scale) for side in full_size)
    return pixels[down, across]


def _edges(side: float, crop: float) -> slice:
    """Whole-pixel edges around the exact centre: a symmetric error of the square's size moves nothing sideways."""
    start = round((side - crop) / 2)
    return slice(start, max(start + 1, round(side - start)))
