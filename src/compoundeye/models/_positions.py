"""Position embeddings for another picture size than they were trained at."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

_SHARPNESS = -0.75
"""Free parameter of the cubic kernel (Keys, 1981, doi:10.1109/TASSP.1981.1163711), as PyTorch's bicubic has it."""


def resize_positions(positions: Float32, side: int) -> Float32:
    """Resample a square grid of position embeddings, [old * old, D] to [side * side, D], row by row.

    Bicubic with pixel centres aligned and edges repeated: what the published DINOv2 code does between its training
    size (518 pixels, 37 x 37 patches) and the usual 224 (16 x 16).
    """
    old = math.isqrt(len(positions))
    if old == side:
        return positions
    taps = _taps(old, side)
    grid = positions.reshape(old, old, -1).astype(np.float64)
    resized: npt.NDArray[np.float64] = np.einsum("yi,xj,ijd->yxd", taps, taps, grid, optimize=True)
    return resized.reshape(side * side, -1).astype(np.float32)


def _taps(old: int, new: int) -> npt.NDArray[np.float64]:
    """[new, old]: how much of each old place goes into each new one."""
    centres = (np.arange(new) + 0.5) * (old / new) - 0.5
    first = np.floor(centres).astype(int)
    taps = np.zeros((new, old))
    for offset in (-1, 0, 1, 2):
        weight = _cubic(np.abs(centres - (first + offset)))
        np.add.at(taps, (np.arange(new), np.clip(first + offset, 0, old - 1)), weight)
    return taps


def _cubic(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    a = _SHARPNESS
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    result: npt.NDArray[np.float64] = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
    return result
