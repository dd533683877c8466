"""Intervals of error rates when one person is in many comparisons: people are drawn, not comparisons.

Drawing comparisons as if they were independent gives intervals that are far too narrow. A comparison of a with b counts
as often as both were drawn: T. Snijders and S. Borgatti, "Non-parametric standard errors and tests for network
statistics" (Connections 22, 1999); for faces and fingers R. Bolle, N. Ratha and S. Pankanti, "Error analysis of pattern
recognition systems: the subsets bootstrap" (Computer Vision and Image Understanding 93, 2004).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.evaluate._identification import Searches

Floats = npt.NDArray[np.floating[Any]]
Float64 = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]

FEW_SUBJECTS = 30
"""Below this a percentile interval is too narrow (as `bootstrap_interval` says of pictures)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a rate lies with the confidence that was asked for; NaN where nothing can be said."""

    low: float
    high: float


class SubjectBootstrap:
    """Draws people with replacement and tells what the error rates would have been.

    Cost: about 30 ns a comparison and a draw.
    """

    def __init__(
        self, scores: Floats, same: Flags, first: Integers, second: Integers, *, resamples: int = 1000, seed: int = 0
    ) -> None:
        """
        Args:
            scores: [P], NaN where no comparison could be made.
            same: [P] whether both are one person.
            first, second: [P] number of the person on each side, 0 to S - 1.

        Raises:
            ValueError: lengths differ, or a mated comparison is of two numbers, or a non-mated one of one number.
        """
        same = np.asarray(same, np.bool_)
        if not np.shape(scores) == same.shape == np.shape(first) == np.shape(second):
            raise ValueError("expected four arrays [P]")
        if not np.array_equal(np.equal(first, second), same):
            raise ValueError("a comparison is mated exactly where both sides are one person")
        self.subjects = int(max(np.max(first), np.max(second))) + 1 if len(same) else 0
        self._resamples, self._seed = resamples, seed
        exact = np.where(np.isnan(scores), -math.inf, np.asarray(scores, np.float64))
        order = np.argsort(exact, kind="stable")
        mated, other = order[same[order]], order[~same[order]]
        self._mated, self._nonmated = exact[mated], exact[other]
        self._who = np.asarray(first)[mated].astype(np.int32)
        self._pair = np.asarray(first)[other].astype(np.int32), np.asarray(second)[other].astype(np.int32)

    def fnmr_at_fmr(self, fmrs: Sequence[float], confidence: float = 0.95) -> list[Interval]:
        """FNMR at the threshold that each FMR needs, the threshold found anew in every draw."""

        def measure(mated: Float64, nonmated: Float64) -> list[float]:
            thresholds = _thresholds(self._nonmated, nonmated, fmrs)
            return [_missed(self._mated, mated, threshold) for threshold in thresholds]

        return self._intervals(measure, len(fmrs), confidence)

    def at_threshold(self, threshold: float, confidence: float = 0.95) -> tuple[Interval, Interval]:
        """FMR and FNMR at one threshold."""
        first = int(np.searchsorted(self._nonmated, threshold, side="left"))

        def measure(mated: Float64, nonmated: Float64) -> list[float]:
            total = nonmated.sum()
            false = nonmated[first:].sum() / total if total else math.nan
            return [float(false), _missed(self._mated, mated, threshold)]

        fmr, fnmr = self._intervals(measure, 2, confidence)
        return fmr, fnmr

    def _intervals(
        self, measure: Callable[[Float64, Float64], list[float]], count: int, confidence: float
    ) -> list[Interval]:
        return _summary(np.array([measure(*weights) for weights in self._draws()]), count, confidence)

    def _draws(self) -> Iterator[tuple[Float64, Float64]]:
        """How often each mated [M] and non-mated [N] comparison counts, in the order of their scores."""
        rng = np.random.default_rng(self._seed)
        first, second = self._pair
        for _ in range(self._resamples if self.subjects else 0):
            times = np.bincount(rng.integers(0, self.subjects, self.subjects), minlength=self.subjects).astype(float)
            yield times[self._who], times[first] * times[second]


def fnir_at_fpir(
    found: Searches,
    people: Integers,
    fpirs: Sequence[float],
    *,
    without_mate: bool = False,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Interval]:
    """Intervals of FNIR at the threshold that each FPIR needs, over people searched for; the gallery stays.

    Args:
        people: [P] number of the person in each search.
        without_mate: as in `Searches.fpir`.

    Raises:
        ValueError: not a number for each search, or a confidence not between 0 and 1.
    """
    if np.shape(people) != (len(found),):
        raise ValueError(f"expected a number of a person for each of {len(found)} searches")
    who = np.unique(people, return_inverse=True)[1]
    counted = np.flatnonzero(np.ones(len(found), bool) if without_mate else ~found.mated)
    strangers = counted[np.argsort(found.other[counted], kind="stable")]
    mates = np.flatnonzero(found.mated)
    mates = mates[np.argsort(found.mate[mates], kind="stable")]
    total = int(who.max()) + 1 if len(who) else 0
    rng, drawn = np.random.default_rng(seed), list[list[float]]()
    for _ in range(resamples if total else 0):
        times = np.bincount(rng.integers(0, total, total), minlength=total).astype(float)[who]
        thresholds = _thresholds(found.other[strangers], times[strangers], fpirs)
        drawn.append([_missed(found.mate[mates], times[mates], threshold) for threshold in thresholds])
    return _summary(np.array(drawn), len(fpirs), confidence)


def _summary(drawn: Float64, count: int, confidence: float) -> list[Interval]:
    """Percentile intervals of [resamples, count]; draws in which a rate is not defined say nothing about it."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, not {confidence}")
    if not count:
        return []
    ends = (1 - confidence) / 2, (1 + confidence) / 2
    return [_percentiles(column[~np.isnan(column)], ends) for column in drawn.reshape(-1, count).T]


def _thresholds(ascending: Float64, weights: Float64, fmrs: Sequence[float]) -> list[float]:
    """The lowest thresholds whose weighted shares of scores at or above are at most ``fmrs``; NaN without weight."""
    above = np.cumsum(weights[::-1])  # above[i]: weight of the i + 1 highest scores, whole numbers
    if not len(above) or above[-1] == 0:
        return [math.nan] * len(fmrs)
    broken = np.searchsorted(above, np.asarray(fmrs) * above[-1] * (1 + 1e-12), side="right")
    top = ascending[::-1]
    return [float(np.nextafter(top[at], math.inf)) if at < len(top) else -math.inf for at in broken]


def _missed(ascending: Float64, weights: Float64, threshold: float) -> float:
    total = weights.sum()
    if math.isnan(threshold) or total == 0:
        return math.nan
    below = int(np.searchsorted(ascending, max(threshold, -np.finfo(np.float64).max), side="left"))
    return float(weights[:below].sum() / total)


def _percentiles(values: Float64, ends: tuple[float, float]) -> Interval:
    if not len(values):
        return Interval(math.nan, math.nan)
    low, high = np.quantile(values, ends)
    return Interval(float(low), float(high))
