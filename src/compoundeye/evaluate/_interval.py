"""How far a share measured on few pictures can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

_BISECTIONS = 60
"""Halvings of 0 to 1: the last is below the resolution of a double."""


def wilson_interval(right: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided interval of a share: Wilson 1927, equation 4 (JASA 22); good coverage from a handful of pictures up.

    Returns:
        (low, high) in 0 to 1; (0, 1) for no pictures.

    Raises:
        ValueError: ``right`` is not in 0 to ``total``, or ``confidence`` is not between 0 and 1.
    """
    _check(right, total, confidence)
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = right / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    # At the ends the two terms are equal; what rounding leaves between them is no information.
    low = 0.0 if right == 0 else (centre - spread) / scale
    high = 1.0 if right == total else (centre + spread) / scale
    return low, high


def binomial_tail(right: int, total: int, share: float) -> float:
    """Probability of ``right`` or more successes out of ``total`` when each has probability ``share``: the p-value of
    the claim that the true share is higher. Exact sum in floating point, O(total - right)."""
    _check(right, total, 0.5)
    if right == 0 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    # Term by term from the first: C(n, k) p^k q^(n-k), each the one before times (n - k) / (k + 1) * p / q.
    first = (
        math.lgamma(total + 1) - math.lgamma(right + 1) - math.lgamma(total - right + 1)
        + right * math.log(share) + (total - right) * math.log1p(-share)
    )  # fmt: skip
    k = np.arange(right, total, dtype=np.float64)
    terms = first + np.concatenate([[0.0], np.cumsum(np.log((total - k) / (k + 1)) + math.log(share / (1 - share)))])
    top = float(terms.max())
    return min(1.0, math.exp(top) * float(np.exp(terms - top).sum())) if top > -745 else 0.0


def binomial_lower_bound(right: int, total: int, confidence: float = 0.9) -> float:
    """One-sided exact lower bound of a share: Clopper and Pearson 1934 (Biometrika 26).

    The true share is at least this with the given confidence, however few the pictures.
    """
    _check(right, total, confidence)
    if right == 0:
        return 0.0
    if right == total:
        return float((1 - confidence) ** (1 / total))
    low, high = 0.0, right / total
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if binomial_tail(right, total, middle) > 1 - confidence:
            high = middle
        else:
            low = middle
    return low


def bootstrap_interval(
    metric: Callable[[npt.NDArray[np.intp]], float],
    total: int,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of any metric over pictures: Efron 1979 (Annals of Statistics 7).

    Args:
        metric: its value over the pictures with these indices [N], with repetitions.
        total: N, the number of pictures.
        resamples: how many times N pictures are drawn with replacement.

    Returns:
        (low, high); NaN for no pictures. Too narrow below about 30 pictures.
    """
    _check(0, total, confidence)
    if total == 0:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    values: npt.NDArray[Any] = np.array([metric(rng.integers(0, total, total)) for _ in range(resamples)])
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _check(right: int, total: int, confidence: float) -> None:
    if not 0 <= right <= total:
        raise ValueError(f"{right} right of {total} is not possible")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, not {confidence}")
