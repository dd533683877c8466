"""BCubed: for each thing, how much of its group belongs with it, and how much of what belongs with it is there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BCubed:
    """Means over things, 0..1; NaN where there is none."""

    precision: float
    """Of the group that a thing is in, the share that is of its kind, itself included."""
    recall: float
    """Of the things of its kind, the share that is in its group, itself included."""

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def bcubed(groups: npt.ArrayLike, truth: npt.ArrayLike, *, alone: int | None = None) -> BCubed:
    """BCubed precision and recall: Bagga and Baldwin 1998 ("Entity-based cross-document coreferencing using the vector
    space model"), each thing weighted alike, as Amigó et al. 2009 ("A comparison of extrinsic clustering evaluation
    metrics", section 4) recommend.

    Args:
        groups: [N] whole numbers, the group that each thing was put in.
        truth: [N] whole numbers, where each belongs.
        alone: a number in ``groups`` that is no group: each thing with it is a group of its own.

    Raises:
        ValueError: arrays of different lengths.
    """
    put, right = np.asarray(groups, np.int64), np.asarray(truth, np.int64)
    if put.shape != right.shape or put.ndim != 1:
        raise ValueError(f"groups {put.shape} and truth {right.shape} must be of one length")
    if not len(put):
        return BCubed(math.nan, math.nan)
    put = _numbers(put) if alone is None else _apart(put, alone)
    right = _numbers(right)
    both, sizes = np.unique(put * (right.max() + 1) + right, return_counts=True)
    group, kind = np.divmod(both, right.max() + 1)
    squared = sizes.astype(np.float64) ** 2  # each of `sizes` things shares its group and kind with `sizes`
    return BCubed(
        precision=float((squared / np.bincount(put)[group]).sum() / len(put)),
        recall=float((squared / np.bincount(right)[kind]).sum() / len(put)),
    )


def _numbers(values: Int64) -> Int64:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _apart(groups: Int64, alone: int) -> Int64:
    numbers = _numbers(groups)
    single = groups == alone
    numbers[single] = numbers.max() + 1 + np.arange(single.sum())
    return _numbers(numbers)
