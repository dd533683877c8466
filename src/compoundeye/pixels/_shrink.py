"""Fewer pixels, quickly: one rule for thumbnails, hashes and model inputs."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from compoundeye.pixels._scratch import borrow

_Pixels = NDArray[np.uint8]

# Pictures are spread over processes and threads, each picture is small: OpenCV's own threads within one cost a quarter
# of a millisecond of processor time and bring nothing. This holds for the whole process.
cv2.setNumThreads(1)

# Below this factor bilinear interpolation already uses every pixel nearly evenly; softening would change nothing.
SOFTENED_FROM = 1.15


def shrink(pixels: _Pixels, width: int, height: int, out: _Pixels | None = None) -> _Pixels:
    """Resize [h, w, 3] to [height, width, 3], always into memory of its own (or `out`).

    Whole factors of two and more are averaged away, the rest is softened as much as that rest needs, then interpolated.
    That is as close to Pillow's antialiased filter as averages over fractional boxes are, at a third of their cost.
    """
    pixels = _soften(_reduce(pixels, width, height), width, height)
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


def _soften(pixels: _Pixels, width: int, height: int) -> _Pixels:
    """The low-pass that a reduction by 1 < f < 2 needs before bilinear interpolation, in this thread's scratch.

    Antialiased bilinear is a triangle of half-width f, variance f² / 6; interpolation alone is one of half-width 1. The
    difference is made up by the kernel [a, 1 - 2a, a], of variance 2a, with a = (f² - 1) / 12; as a Gaussian of three
    taps (for which there is fast code) its sigma follows from a / (1 - 2a) = exp(-1 / (2 sigma²)).
    """
    h, w = pixels.shape[:2]
    factor = min(h / height, w / width)
    if factor < SOFTENED_FROM:
        return pixels
    a = (factor**2 - 1) / 12
    sigma = math.sqrt(-0.5 / math.log(a / (1 - 2 * a)))
    soft = borrow("soft", pixels.size)[: pixels.size].reshape(pixels.shape)
    return np.asarray(cv2.GaussianBlur(pixels, (3, 3), sigma, dst=soft), np.uint8)
