"""From how often one may be wrong to the score from which two faces count as one person.

Terms are those of ISO/IEC 19795-1: FMR, the share of comparisons of two people that match; FPIR, the share of searches
for somebody who is not enrolled that return anybody. With N enrolled, FPIR = 1 - (1 - FMR)^N for independent
comparisons.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._impostors import LARGEST_FMR, Impostors
from compoundeye.evaluate import poisson_interval
from compoundeye.records import EyeError

Float64 = npt.NDArray[np.float64]

CONFIDENCE = 0.95
RULE_OF_THREE = 3.0
"""No error in n trials: the rate is below 3 / n with 95 % confidence (ISO/IEC 19795-1, annex B)."""
RULE_OF_THIRTY = 30
"""Errors that must be seen for a rate within 30 % of the true one with 90 % confidence (the same annex; Doddington
and others, "The NIST speaker recognition evaluation", Speech Communication 31, 2000)."""
_EXTRAPOLATED_BELOW = 10
"""Errors, where the estimate changes from counting to the tail's shape: a count of ten is known to a third."""
_TAIL_SHARE, _TAIL_LEAST, _TAIL_MOST = 0.001, 50, 1_000
_RESAMPLES = 200
TOLD_APART = 1e-5
"""Float32 products of two templates of 128 numbers differ by less, in whatever order they are summed (``rounding``)."""
_COUNTED_EXACTLY = 500
_FEW_PEOPLE = 30
"""Below about so many the bootstrap's intervals are too narrow."""


@dataclass(frozen=True, slots=True)
class Target:
    """How often the user accepts to be wrong: ``fmr``, or ``fpir`` among ``enrolled`` people.

    >>> Target(fpir=0.003, enrolled=1000).rate  # doctest: +ELLIPSIS
    3.0045...e-06

    Raises:
        EyeError: not one of the two, or a rate out of range.
    """

    fmr: float | None = None
    fpir: float | None = None
    enrolled: int | None = None

    def __post_init__(self) -> None:
        if (self.fmr is None) == (self.fpir is None):
            raise EyeError(
                "State one target: a false match rate (fmr) to compare two faces, or fpir to search among many."
            )
        if (self.fpir is None) != (self.enrolled is None):
            raise EyeError(
                "A false positive identification rate (fpir) needs the number of people enrolled, and only it."
            )
        if self.enrolled is not None and self.enrolled < 1:
            raise EyeError(f"{self.enrolled} people enrolled: a search needs one or more.")
        if self.fpir is not None and not 0 < self.fpir < 1:
            raise EyeError(f"A false positive identification rate is between 0 and 1, not {self.fpir}.")
        if not 0 < self.rate <= LARGEST_FMR:
            raise EyeError(
                f"A false match rate of {self.rate:g} is not in 0 to {LARGEST_FMR}; 0.001 is lax and 1e-6 strict."
            )

    @property
    def rate(self) -> float:
        """The false match rate of one comparison that this allows."""
        if self.fmr is not None:
            return self.fmr
        return -math.expm1(math.log1p(-(self.fpir or 0.0)) / (self.enrolled or 1))


@dataclass(frozen=True, slots=True)
class Threshold:
    """Scores of ``value`` or more count as one person."""

    value: float
    low: float
    """Below this the target is missed, with 95 % confidence."""
    high: float
    """From here on the target is met, with 95 % confidence, unless ``warning`` says that data cannot show it."""
    impostors: int
    """Pairs of different people that this comes from."""
    people: int
    rate: float
    """The false match rate that was aimed at."""
    seen: int
    """Pairs that score ``value`` or more: the errors that the estimate rests on."""
    extrapolated: bool
    """The value is beyond what was counted, from the shape of the tail."""
    warning: str | None


def threshold(target: Target, impostors: Impostors) -> Threshold:
    """The lowest score that meets the target on these pairs, and how sure that is.

    Where ten or more pairs may err, they are counted. Where fewer, the tail is taken as exponential, fitted to the
    thousandth of highest scores (50 to 1,000): excesses over a high score come to a generalised Pareto law (J.
    Pickands, Annals of Statistics 3, 1975), and of scores that end at 1 its shape is not above 0, so the exponential
    errs to the safe side. Unless one person has two names: then the highest scores are no impostors.

    The interval is the widest of two: pairs as independent trials (Clopper and Pearson in the limit of rare events,
    F. Garwood, Biometrika 28, 1936), and people drawn with replacement (B. Efron, Annals of Statistics 7, 1979).
    """
    one = np.ones(impostors.people)
    value, extrapolated = _value(target.rate, impostors, one)
    rng = np.random.default_rng(0)
    drawn = [
        _value(target.rate, impostors, rng.multinomial(impostors.people, one / impostors.people).astype(np.float64))[0]
        for _ in range(_RESAMPLES)
    ]
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile([each for each in drawn if not math.isnan(each)] or [value], [outside, 1 - outside])
    counted_low, counted_high = _counted(target.rate, impostors)
    seen = int(np.searchsorted(-impostors.scores, -value, side="right"))
    return Threshold(
        value=value,
        low=min(value, float(low), counted_low),
        high=min(1.0, max(value, float(high), counted_high)),
        impostors=impostors.pairs,
        people=impostors.people,
        rate=target.rate,
        seen=seen,
        extrapolated=extrapolated,
        warning=_warning(target, impostors, extrapolated),
    )


def _value(rate: float, impostors: Impostors, times: Float64) -> tuple[float, bool]:
    """The threshold with each person counted ``times`` [P], and whether it is extrapolated; NaN without pairs."""
    faces = times * impostors.faces
    pairs = (faces.sum() ** 2 - (faces**2).sum()) / 2
    allowed = rate * pairs
    if pairs <= 0:
        return math.nan, True
    tail = float(np.clip(_TAIL_SHARE * pairs, _TAIL_LEAST, _TAIL_MOST))
    # Of this many highest pairs somebody drawn anew may have up to a few times as many: a margin of eight.
    upto = int(8 * max(allowed, tail)) + 1_000
    scores = impostors.scores[:upto].astype(np.float64)
    weight = np.cumsum(times[impostors.first[:upto]] * times[impostors.second[:upto]])
    if allowed >= _EXTRAPOLATED_BELOW:
        at = int(np.searchsorted(weight, allowed, side="right"))
        return _above(scores[min(at, len(scores) - 1)]), False
    tail = min(tail, pairs / 2)
    at = min(int(np.searchsorted(weight, tail)), len(scores) - 1)
    steps = np.diff(weight[: at + 1], prepend=0.0)
    total = steps.sum()
    if total <= 0:
        return math.nan, True
    excess = float((steps * (scores[: at + 1] - scores[at])).sum() / total)
    return min(1.0, float(scores[at]) + excess * max(0.0, math.log(total / allowed))), True


def _counted(rate: float, impostors: Impostors) -> tuple[float, float]:
    """Thresholds that surely miss and surely meet the target by counting alone; inf and -inf where none can be told."""
    expected = rate * impostors.pairs
    # The interval of more errors than this is that of a normal variable to a tenth of its width.
    if expected > _COUNTED_EXACTLY:
        spread = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * math.sqrt(expected)
        fewest, most = int(expected - spread), int(expected + spread) + 1
    else:
        errors = range(4 * _COUNTED_EXACTLY)
        fewest = bisect_right(errors, expected, key=lambda n: poisson_interval(n, CONFIDENCE)[1]) - 1
        most = bisect_right(errors, expected, key=lambda n: poisson_interval(n, CONFIDENCE)[0])
    scores = impostors.scores
    low = _above(scores[most]) if most < len(scores) else math.inf
    return low, _above(scores[fewest]) if 0 <= fewest < len(scores) else -math.inf


def _warning(target: Target, impostors: Impostors, extrapolated: bool) -> str | None:
    """What data do not show, in words; None: nothing to warn of."""
    expected, said = target.rate * impostors.pairs, list[str]()
    if expected < RULE_OF_THIRTY:
        pairs = math.ceil(RULE_OF_THIRTY / target.rate)
        said.append(
            f"{impostors.pairs:,} pairs of different people allow {expected:.2g} errors at a false match rate of "
            f"{target.rate:.2g}; {RULE_OF_THIRTY} are needed to be sure of it: {pairs:,} pairs, such as of "
            f"{math.ceil((1 + math.sqrt(1 + 8 * pairs)) / 2):,} people with a face each."
        )
    if extrapolated:
        shown = min(1.0, RULE_OF_THREE / impostors.pairs)
        said.append(
            f"The threshold is extrapolated from the highest scores. Where none of these pairs matches, only a rate "
            f"below {shown:.2g} is shown."
        )
    if impostors.people < _FEW_PEOPLE:
        said.append(f"They are of {impostors.people} people only, who may be less alike than those to come.")
    return " ".join(said) or None


def _above(score: float) -> float:
    """So high that this pair does not match, wherever its score is computed again."""
    return float(score) + TOLD_APART
