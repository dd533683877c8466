"""From the precision that a user asks for to the score below which pictures are left unlabelled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.evaluate import binomial_lower_bound, binomial_tail, selective_curve
from compoundeye.records import EyeError

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]

MORE_LIKELY_THAN_NOT = 0.5
"""Threshold on the calibrated probability where no precision is asked."""

CONFIDENCE = 0.9
"""Of a promise: one in ten such promises may turn out wrong, for want of data."""

_GROWTH = 1.5
"""Each threshold tried answers this many times fewer pictures than the one before."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What is known of the precision of the answers at a threshold."""

    asked: float | None
    shown: bool
    """Whether labelled pictures show the asked precision, with 90 % confidence."""
    pictures: int
    """Labelled pictures that were answered."""
    estimate: float
    """Share of them that were right; NaN without any."""
    lower_bound: float
    """The precision is at least this, with 90 % confidence (Clopper and Pearson 1934)."""
    coverage: float
    """Share of the labelled pictures that were answered; NaN without any."""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "asked": self.asked,
            "shown": self.shown,
            "pictures": self.pictures,
            "estimate": self.estimate,
            "lower_bound": self.lower_bound,
            "coverage": self.coverage,
            "note": self.note,
        }


def check_precision(precision: float | None) -> None:
    """Refuse what cannot be asked for.

    Raises:
        EyeError: below one half, where the best answer is a guess, or 1 and above, which nothing finite can show.
    """
    if precision is not None and not MORE_LIKELY_THAN_NOT <= precision < 1:
        raise EyeError(f"precision must be at least 0.5 and below 1, not {precision:g}; 0.95 is a usual choice")


def fewest(precision: float, confidence: float = CONFIDENCE) -> int:
    """Right answers in a row that it takes to show a precision: the smallest n with precision^n <= 1 - confidence."""
    return math.ceil(math.log(1 - confidence) / math.log(precision) - 1e-9)


def certified_threshold(score: Floats, right: Flags, precision: float, confidence: float = CONFIDENCE) -> float | None:
    """The lowest threshold whose answers are shown to have the precision, or None where the data cannot show any.

    Selection with guaranteed risk (Geifman and El-Yaniv 2017, arXiv:1705.08500, algorithm 1): an exact binomial test
    at each of J thresholds, at level (1 - confidence) / J so that looking J times costs nothing; J grows with log N.

    Args:
        score: [N] of independent labelled pictures, out of fold.
        right: [N] whether the answer was right.
    """
    curve = selective_curve(score, right)
    counts: list[float] = []
    count = float(curve.total)
    # A further, higher threshold is worth trying only while so few answers could still pass at the level left to it.
    while count >= fewest(precision, 1 - (1 - confidence) / (len(counts) + 1)):
        counts.append(count)
        count /= _GROWTH
    places = sorted({int(np.searchsorted(curve.answered, one)) for one in counts}, reverse=True)
    for place in places:
        if binomial_tail(int(curve.right[place]), int(curve.answered[place]), precision) <= (1 - confidence) / len(
            places
        ):
            return float(curve.threshold[place])
    return None


def cautious_threshold(score: Floats, right: Flags) -> float:
    """Where nothing can be shown: above every wrong answer, and the surer half of the right ones at most.

    Not the precision itself: a dozen examples, all right, calibrate to 13 / 14 at best, and would never say anything.
    """
    wrong = float(score[~right].max()) if not right.all() else 0.0
    middle = float(np.median(score[right])) if right.any() else 1.0
    return max(float(np.nextafter(wrong, 2.0)), middle, MORE_LIKELY_THAN_NOT)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """One threshold a category, and what is promised."""

    values: npt.NDArray[np.float64]
    """[K]."""
    promise: Promise
    own: tuple[bool, ...]
    """[K] whether the category's own examples show the precision; otherwise it relies on all of them together."""


def choose(score: Floats, predicted: Integers, truth: Integers, classes: int, precision: float | None) -> Thresholds:
    """Thresholds for each of K categories from out-of-fold answers.

    A category whose own answers show the precision has its own threshold. The others share one, shown on their answers
    together; where those are too few too, the cautious one, and the promise says that it is not shown.

    Args:
        score: [N] calibrated confidence in the best answer; below 0 where the picture would be left out anyway.
        predicted: [N] best answer.
        truth: [N].
    """
    right = predicted == truth
    values = np.full(classes, MORE_LIKELY_THAN_NOT)
    own = np.zeros(classes, np.bool_)
    if precision is None:
        return Thresholds(values, _promise(score >= values[predicted], right, None, False, ""), tuple(own.tolist()))
    kept = score >= 0
    for category in range(classes):
        mine = kept & (predicted == category)
        found = certified_threshold(score[mine], right[mine], precision)
        if found is not None:
            values[category], own[category] = found, True
    rest = kept & ~own[predicted]
    shown, note = True, ""
    if not own.all() and (common := certified_threshold(score[rest], right[rest], precision)) is not None:
        values[~own] = common
    elif not own.all() and (common := certified_threshold(score[kept], right[kept], precision)) is not None:
        # Those left over are too few by themselves: everybody shares one threshold then.
        values[:], own[:] = common, False
    elif not own.all():
        values[~own] = cautious_threshold(score[rest], right[rest])
        shown, note = False, _too_few(right[rest], precision)
    return Thresholds(values, _promise(score >= values[predicted], right, precision, shown, note), tuple(own.tolist()))


def unproven(precision: float | None, note: str) -> Promise:
    """The promise of a threshold that no labelled picture has tested."""
    return Promise(precision, False, 0, math.nan, 0.0, math.nan, note)


def of_answers(answered: Flags, right: Flags, precision: float | None, note: str = "") -> Promise:
    """A promise about answers to labelled pictures [N]; shown if the exact lower bound reaches the precision."""
    shown = (
        precision is not None
        and binomial_lower_bound(int((right & answered).sum()), int(answered.sum()), CONFIDENCE) >= precision
    )
    return _promise(answered, right, precision, shown, note)


def _promise(answered: Flags, right: Flags, precision: float | None, shown: bool, note: str) -> Promise:
    total, good = int(answered.sum()), int((right & answered).sum())
    return Promise(
        precision,
        shown,
        total,
        good / total if total else math.nan,
        binomial_lower_bound(good, total, CONFIDENCE),
        total / len(answered) if len(answered) else math.nan,
        note,
    )


def _too_few(right: Flags, precision: float) -> str:
    needed = fewest(precision)
    why = f"it takes {needed} examples answered rightly" if len(right) < needed else "no threshold on them does"
    return (
        f"{len(right)} examples do not show a precision of {precision:g} ({why}): only the surest pictures are "
        "labelled; give more examples, or ask for less"
    )
