"""Counts beside hand counts: which crossings were counted, which were missed, which never happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from compoundeye.evaluate._interval import wilson_interval

_BISECTIONS = 60


@dataclass(frozen=True, slots=True)
class CountingError:
    """How a counter did against a count by hand. Nothing to count makes shares NaN."""

    truth: int
    """Crossings that happened."""
    matched: int
    """Of those, how many were counted."""
    false: int
    """Counted crossings that did not happen."""

    @property
    def counted(self) -> int:
        """Crossings that were counted."""
        return self.matched + self.false

    @property
    def missed(self) -> int:
        """Crossings that were not counted."""
        return self.truth - self.matched

    @property
    def error(self) -> float:
        """(counted - truth) / truth: what a total is wrong by. Missed and false ones cancel out in it."""
        return (self.counted - self.truth) / self.truth if self.truth else math.nan

    @property
    def recall(self) -> float:
        """Share of what happened that was counted."""
        return self.matched / self.truth if self.truth else math.nan

    @property
    def precision(self) -> float:
        """Share of what was counted that happened."""
        return self.matched / self.counted if self.counted else math.nan

    def __add__(self, other: CountingError) -> CountingError:
        """Of both together."""
        return CountingError(self.truth + other.truth, self.matched + other.matched, self.false + other.false)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Where ``error`` would lie on more of the same traffic.

        Missed crossings are a share (Wilson 1927), false ones a rate (Garwood 1936, exact for a Poisson count); the
        interval of their difference is made of both: Zou and Donner 2008 (Statistics in Medicine 27), "MOVER". It
        takes crossings for independent, which those of one person or one group are not quite.

        Returns:
            (low, high); NaN where nothing was to be counted.
        """
        if not self.truth:
            return math.nan, math.nan
        missed, false = self.missed / self.truth, self.false / self.truth
        low_missed, high_missed = wilson_interval(self.missed, self.truth, confidence)
        low_false, high_false = (rate / self.truth for rate in poisson_interval(self.false, confidence))
        low = false - missed - math.hypot(false - low_false, high_missed - missed)
        high = false - missed + math.hypot(high_false - false, missed - low_missed)
        return low, high


def counting_error(
    happened: Sequence[tuple[float, float]],
    counted: Sequence[float],
    *,
    doubtful: Sequence[tuple[float, float]] = (),
    tolerance_s: float = 0.0,
) -> CountingError:
    """Match what one counter told of one line, one direction and one class to what somebody saw there.

    Each counted crossing explains at most one that happened, and as many are explained as can be: the earliest ending
    first, which is optimal for points and intervals (Glover 1967, Naval Research Logistics Quarterly 14).

    Args:
        happened: first and last moment, in s, between which each crossing took place.
        counted: moment, in s, that the counter gave each.
        doubtful: the same of what may be taken for a crossing or not: neither missed, nor false where it was counted.
        tolerance_s: how much earlier or later than that it may be.

    Raises:
        ValueError: an interval ends before it begins.
    """
    if any(last < first for first, last in (*happened, *doubtful)):
        raise ValueError("a crossing ends before it begins")
    matched = _explained(happened, counted, tolerance_s)
    # As many as can be of the sure ones are among as many as can be of all: matchings form a matroid.
    forgiven = _explained([*happened, *doubtful], counted, tolerance_s) - matched
    return CountingError(len(happened), matched, len(counted) - matched - forgiven)


def _explained(happened: Sequence[tuple[float, float]], counted: Sequence[float], tolerance_s: float) -> int:
    """How many of the counted can each have one of its own that happened."""
    waiting = sorted(happened, key=lambda interval: interval[1])
    matched = 0
    for moment in sorted(counted):
        for at, (first, last) in enumerate(waiting):
            if first - tolerance_s <= moment <= last + tolerance_s:
                del waiting[at]
                matched += 1
                break
    return matched


def poisson_interval(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided exact interval of the mean of a Poisson count: Garwood 1936 (Biometrika 28).

    Raises:
        ValueError: a negative count, or a confidence that is not between 0 and 1.
    """
    if count < 0:
        raise ValueError(f"{count} is no count")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, not {confidence}")
    tail = (1 - confidence) / 2
    # P(X >= count) = tail and P(X <= count) = tail; both are monotone in the mean. The upper end is never further away
    # than a normal one of ten times the width.
    most = count + 10 + 10 * NormalDist().inv_cdf(1 - tail) * math.sqrt(count + 1)
    low = 0.0 if count == 0 else _solve(lambda mean: 1 - _at_most(count - 1, mean) - tail, 0.0, float(count))
    return low, _solve(lambda mean: tail - _at_most(count, mean), float(count), most)


def _at_most(count: int, mean: float) -> float:
    """P(X <= count) of a Poisson variable, each term in logarithms: no overflow for any mean."""
    if mean <= 0:
        return 1.0
    log = math.log(mean)
    return math.fsum(math.exp(k * log - mean - math.lgamma(k + 1)) for k in range(count + 1))


def _solve(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function becomes positive."""
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if rising(middle) > 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2
