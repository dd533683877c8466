"""Fewer pixels, quickly: one rule for thumbnails, hashes and model inputs."""

import cv2
import numpy as np
from numpy.typing import NDArray

_Pixels = NDArray[np.uint8]


def shrink(pixels: _Pixels, width: int, height: int, out: _Pixels | None = None) -> _Pixels:
    """Resize [h, w, 3] to [height, width, 3], always into memory of its own (or `out`).

    A factor of two or more is first reduced by its whole part through box averages, which leaves no aliasing; the rest,
    below two, is bilinear. (Bilinear alone would skip pixels; box averages alone cost five times as much when the
    factor is not whole.)
    """
    pixels = _reduce(pixels, width, height)
    return np.asarray(cv2.resize(pixels, (width, height), dst=out, interpolation=cv2.INTER_LINEAR), np.uint8)


def _reduce(pixels: _Pixels, width: int, height: int) -> _Pixels:
    """Box averages over whole factors. What does not divide is trimmed: less than one pixel of the result."""
    h, w = pixels.shape[:2]
    down, across = max(1, h // height), max(1, w // width)
    if down == across == 1:
        return pixels
    rows, columns = h // down, w // across
    top, left = (h - rows * down) // 2, (w - columns * across) // 2
    whole = pixels[top : top + rows * down, left : left + columns * across]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
