"""From pixels as stored to pixels as displayed."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_Pixels = NDArray[np.uint8]

# CIPA DC-008 (Exif 2.32) section 4.6.4.A, tag Orientation: where row 0 and column 0 of the stored picture lie.
_TURNS: dict[int, Callable[[_Pixels], _Pixels]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored.swapaxes(0, 1)[:, ::-1],
    7: lambda stored: stored.swapaxes(0, 1)[::-1, ::-1],
    8: lambda stored: stored.swapaxes(0, 1)[::-1],
}


def upright(stored: _Pixels, orientation: int) -> _Pixels:
    """A view of the pixels [H, W, 3] as they should be seen; [W, H, 3] for orientations 5 to 8. Copies nothing."""
    return _TURNS[orientation](stored)


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Width and height as displayed."""
    return (height, width) if orientation >= 5 else (width, height)


def stored_box(box: tuple[int, int, int, int], width: int, height: int, orientation: int) -> tuple[int, int, int, int]:
    """(left, top, width, height) in the stored picture of a box in the displayed one.

    `width` and `height` are those of the displayed picture.
    """
    left, top, w, h = box
    right, bottom = width - left - w, height - top - h
    x = right if orientation in (2, 3, 6, 7) else left
    y = bottom if orientation in (3, 4, 7, 8) else top
    return (y, x, h, w) if orientation >= 5 else (x, y, w, h)
