"""Chance as a pure function of where one is: any number for any position, without state, in one pass for a batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def chances(seed: int, positions: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), float64 [n, count]: the same for the same seed and position on any machine.

    SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) with the position's own
    start; 53 bits of each output.
    """
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64
        start = _mixed(positions.astype(np.uint64) + _mixed(np.uint64(seed % 2**64) + _GOLDEN))
        steps = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
        numbers = _mixed(start[:, None] + steps)
    return (numbers >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(x: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Stafford's variant 13)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)), np.uint64)
