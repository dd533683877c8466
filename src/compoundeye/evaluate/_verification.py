"""Is this the same person? How often the answer is wrong in each direction, at each threshold.

Words and formulas are those of ISO/IEC 19795-1:2021: a mated comparison is of one person with herself, a non-mated one
of two people; FNMR is the share of mated ones that do not match, FMR the share of non-mated ones that do. A score
matches from the threshold up. Who could not be enrolled matches nobody, as NIST's Face Recognition Technology
Evaluation counts it: that raises FNMR and lowers FMR, so both are also given without.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Float64 = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NO_SCORE = -math.inf
"""The score of a comparison that could not be made: below every threshold."""

# "Rule of 30": below 30 errors the true rate is not within 30 % of the measured one with 90 % confidence. G. Doddington
# and others, "The NIST speaker recognition evaluation" (Speech Communication 31, 2000); ISO/IEC 19795-1:2021, annex B.
ENOUGH_ERRORS = 30


@dataclass(frozen=True, slots=True)
class Det:
    """A detection error trade-off: A. Martin and others, "The DET curve in assessment of detection task performance"
    (Eurospeech 1997)."""

    threshold: Float64
    """[T] ascending; the first accepts all, the last, infinity, none."""
    fmr: Float64
    """[T] falling from 1 to 0."""
    fnmr: Float64
    """[T] rising from 0 to 1."""


@dataclass(frozen=True)
class Verification:
    """Scores of comparisons, ready for any threshold."""

    mated: Float64
    """[M] ascending; `NO_SCORE` where no comparison could be made."""
    nonmated: Float64
    """[N] ascending, likewise."""

    @classmethod
    def of(cls, scores: Floats, same: Flags) -> Verification:
        """From scores [P], NaN where no comparison could be made, and whether each is of one person with herself [P].

        Raises:
            ValueError: lengths differ.
        """
        exact, same = np.asarray(scores, np.float64), np.asarray(same, np.bool_)
        if exact.ndim != 1 or exact.shape != same.shape:
            raise ValueError(f"expected two arrays [P], not {exact.shape} and {same.shape}")
        exact = np.where(np.isnan(exact), NO_SCORE, exact)
        return cls(np.sort(exact[same]), np.sort(exact[~same]))

    @cached_property
    def made(self) -> Verification:
        """Only the comparisons that could be made."""
        return Verification(self.mated[self.mated > NO_SCORE], self.nonmated[self.nonmated > NO_SCORE])

    def false_matches(self, threshold: float) -> int:
        """Non-mated comparisons that match."""
        return len(self.nonmated) - int(np.searchsorted(self.nonmated, threshold, side="left"))

    def false_non_matches(self, threshold: float) -> int:
        """Mated comparisons that do not match, those that could not be made among them."""
        return int(np.searchsorted(self.mated, max(threshold, -np.finfo(np.float64).max), side="left"))

    def fmr(self, threshold: float) -> float:
        """False match rate; NaN without non-mated comparisons."""
        return _share(self.false_matches(threshold), len(self.nonmated))

    def fnmr(self, threshold: float) -> float:
        """False non-match rate; NaN without mated comparisons."""
        return _share(self.false_non_matches(threshold), len(self.mated))

    def threshold_at(self, fmr: float) -> float:
        """The lowest threshold whose false match rate is at most this: just above the score that would break it.

        NaN without non-mated comparisons.

        Raises:
            ValueError: the rate is not in 0 to 1.
        """
        if not 0 <= fmr <= 1:
            raise ValueError(f"a false match rate is in 0 to 1, not {fmr}")
        if not len(self.nonmated):
            return math.nan
        # A product such as 0.001 * 3000 may fall below its integer by rounding.
        allowed = math.floor(fmr * len(self.nonmated) * (1 + 1e-12))
        if allowed >= len(self.nonmated):
            return NO_SCORE
        return float(np.nextafter(self.nonmated[len(self.nonmated) - 1 - allowed], math.inf))

    def det(self) -> Det:
        """Both rates at every threshold that changes either; empty if either kind of comparison is missing."""
        if not (len(self.mated) and len(self.nonmated)):
            return Det(np.empty(0), np.empty(0), np.empty(0))
        scores = np.unique(np.concatenate([self.mated, self.nonmated]))
        thresholds = np.concatenate([[NO_SCORE], scores[scores > NO_SCORE], [math.inf]])
        missed = np.searchsorted(self.mated, thresholds, side="left")
        rejected = np.searchsorted(self.nonmated, thresholds, side="left")
        # At the first threshold even what could not be compared counts as accepted, so that the curve begins at FMR 1.
        return Det(thresholds, 1 - rejected / len(self.nonmated), missed / len(self.mated))

    @property
    def eer(self) -> float:
        """Equal error rate: where the straight lines between the points of the curve cross FMR = FNMR."""
        curve = self.det()
        if not len(curve.threshold):
            return math.nan
        gap = curve.fnmr - curve.fmr  # rises from -1 to 1
        after = int(np.searchsorted(gap, 0.0))
        before = max(after - 1, 0)
        part = 0.0 if after == before else -gap[before] / (gap[after] - gap[before])
        return float(curve.fmr[before] + part * (curve.fmr[after] - curve.fmr[before]))


def folded_accuracy(scores: Floats, same: Flags, folds: npt.NDArray[np.integer[Any]]) -> tuple[float, float]:
    """Mean accuracy over folds, each judged at the threshold that is best on all others, and its standard error.

    The protocol of Labeled Faces in the Wild: Huang and others, University of Massachusetts report 07-49 (2007),
    section IV; the standard error is that of its equation 2. A comparison that could not be made counts as no match.

    Args:
        scores: [P], NaN where no comparison could be made.
        same: [P].
        folds: [P] to which fold each belongs; at least two.

    Raises:
        ValueError: lengths differ or there is only one fold.
    """
    exact = np.where(np.isnan(scores), NO_SCORE, np.asarray(scores, np.float64))
    same, names = np.asarray(same, np.bool_), np.unique(folds)
    if exact.ndim != 1 or exact.shape != same.shape or same.shape != np.shape(folds) or len(names) < 2:
        raise ValueError("expected three arrays [P] and at least two folds")
    right = [
        float(np.mean((exact[folds == one] >= _best(exact[folds != one], same[folds != one])) == same[folds == one]))
        for one in names
    ]
    return float(np.mean(right)), float(np.std(right, ddof=1) / math.sqrt(len(right)))


def _best(scores: Float64, same: Flags) -> float:
    """The threshold with most right answers: midway between scores, the middle one of equally good ones."""
    order = np.argsort(scores, kind="stable")
    ranked, mated = scores[order], same[order]
    # Rejecting the lowest k: right are the non-mated among them and the mated above.
    right = np.concatenate([[0], np.cumsum(~mated)]) + mated.sum() - np.concatenate([[0], np.cumsum(mated)])
    possible = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1], [True]]))
    best = possible[right[possible] == right[possible].max()]
    cut = int(best[len(best) // 2])
    low = ranked[cut - 1] if cut else NO_SCORE
    if cut == len(ranked):
        return float(np.nextafter(low, math.inf))
    return float(ranked[cut]) if math.isinf(low) else float((low + ranked[cut]) / 2)


def _share(part: int, total: int) -> float:
    return part / total if total else math.nan
