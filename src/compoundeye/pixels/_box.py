"""Any box of a picture, resized and perhaps mirrored: what training looks at.

A random-resized crop covers half of a picture on average. What lies below it is not decoded, chroma is interpolated
only where it will not be averaged away, and the pixels go straight into the batch.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from compoundeye.pixels._file import MAX_PIXELS, EncodedFile, open_file
from compoundeye.pixels._orient import stored_box, upright, upright_size
from compoundeye.pixels._out import check_out, handed
from compoundeye.pixels._scratch import borrow
from compoundeye.pixels._shrink import SOFTENED_FROM, shrink

_Pixels = NDArray[np.uint8]

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels of the picture as displayed."""


def crop_box(
    data: bytes,
    box: Box | Callable[[int, int], Box],
    size: tuple[int, int],
    *,
    out: _Pixels | None = None,
    flip: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> _Pixels:
    """The box, resized to uint8 [height, width, 3], sRGB, upright; mirrored left to right with `flip`.

    Args:
        data: the encoded picture.
        box: left, top, width, height in the picture as displayed, or a function from its width and height to them.
        size: height and width of the result.
        out: uint8 [height, width, 3], C-contiguous; receives the pixels and is returned.
        flip: mirror the result.
        max_pixels: larger pictures are refused before anything is decoded.

    Rows of an ordinary JPEG below the box are not decoded. A file without its end is truncated wherever the box lies,
    but other damage goes unseen if it shows only below the box, as most does: a scan that lost its way ends too early
    or too late. Ingest has read every picture to its end. Reduction is antialiased as in `crop_resize`, enlargement is
    bilinear.
    Raises PictureError, and ValueError for a box outside of the picture or an `out` that does not fit.
    """
    _check(size, out)
    file = open_file(data, max_pixels)
    turn = file.turn()
    shown = upright_size(*file.size, turn)
    wanted = box(*shown) if callable(box) else box
    _check_box(wanted, shown)
    height, width = size
    if turn == 1:
        space = borrow("unmirrored", height * width * 3) if flip else None
        target = out if space is None else space[: height * width * 3].reshape(height, width, 3)
        return _finished(_resized(file, wanted, height, width, target), out, flip)
    across, down = (height, width) if turn >= 5 else (width, height)
    turned = upright(_resized(file, stored_box(wanted, *shown, turn), down, across, None), turn)
    return _finished(np.ascontiguousarray(turned), out, flip)


def _resized(file: EncodedFile, box: Box, height: int, width: int, out: _Pixels | None) -> _Pixels:
    """The box of the picture as stored, in sRGB, in memory of its own or in `out`."""
    left, top, w, h = box
    scale = min(file.scale(w, width), file.scale(h, height))
    softened = min(w / width, h / height) >= SOFTENED_FROM * scale
    pixels = file.stored(scale, reuse=True, rough=softened, bottom=top + h)
    part = pixels[_edges(top, h, scale), _edges(left, w, scale)]
    return handed(file.to_srgb(shrink(part, width, height, out)), out)


def _edges(start: int, length: int, scale: int) -> slice:
    first = round(start / scale)
    return slice(first, max(first + 1, round((start + length) / scale)))


def _finished(pixels: _Pixels, out: _Pixels | None, flip: bool) -> _Pixels:
    if flip:
        return np.asarray(cv2.flip(pixels, 1, dst=out), np.uint8)
    return handed(pixels, out)


def _check(size: tuple[int, int], out: _Pixels | None) -> None:
    if min(size) < 1:
        raise ValueError(f"size must be at least 1 x 1, not {size}")
    check_out(out, *size)


def _check_box(box: Box, shown: tuple[int, int]) -> None:
    left, top, w, h = box
    if not (left >= 0 and top >= 0 and w >= 1 and h >= 1 and left + w <= shown[0] and top + h <= shown[1]):
        raise ValueError(f"box {box} does not lie within a picture of {shown[0]} x {shown[1]}")
