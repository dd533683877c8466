"""Whether a confidence of 0.8 is right four times out of five."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]
Bins = Literal["width", "mass"]

DEFAULT_BINS = 15
"""Guo et al. 2017, section 2: M = 15 in all their figures."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram (DeGroot and Fienberg 1983) as numbers; bins without a picture are left out."""

    count: npt.NDArray[np.int64]
    """[B] pictures in each bin."""
    confidence: npt.NDArray[np.float64]
    """[B] mean confidence."""
    accuracy: npt.NDArray[np.float64]
    """[B] share that was right."""

    @property
    def gaps(self) -> npt.NDArray[np.float64]:
        """[B] accuracy minus confidence: below zero is overconfident."""
        return self.accuracy - self.confidence


def reliability(confidence: Floats, right: Flags, *, bins: int = DEFAULT_BINS, by: Bins = "width") -> Reliability:
    """Mean confidence against accuracy in bins of confidence.

    Args:
        confidence: [N] in 0 to 1.
        right: [N] whether the answer that it belongs to was right.
        bins: how many.
        by: "width" for bins (b/B, (b+1)/B] as in Guo et al. 2017 (arXiv:1706.04599), "mass" for bins of nearly
            equal counts (Nguyen and O'Connor 2015, arXiv:1508.05154), where equal confidences stay together.

    Raises:
        ValueError: lengths differ, a confidence is outside 0 to 1, or ``bins`` is below 1.
    """
    exact, right = _checked(confidence, right)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    place = np.zeros(len(right), np.int64)
    if by == "width":
        # Left-open bins, so that 1.0 is in the last one and 0.0 in the first.
        place = np.clip(np.ceil(exact * bins).astype(np.int64) - 1, 0, bins - 1)
    elif len(right):
        place = np.searchsorted(np.quantile(exact, np.arange(1, bins) / bins), exact).astype(np.int64)
    count = np.bincount(place, minlength=bins)
    kept = count > 0
    return Reliability(
        count[kept],
        np.bincount(place, exact, bins)[kept] / count[kept],
        np.bincount(place, right, bins)[kept] / count[kept],
    )


def expected_calibration_error(
    confidence: Floats, right: Flags, *, bins: int = DEFAULT_BINS, by: Bins = "width"
) -> float:
    """Mean over pictures of |accuracy - confidence| of their bin: Guo et al. 2017, equation 3.

    0 is calibrated. Biased upwards with few pictures: of a perfectly calibrated model, each bin of n pictures shows
    a gap of about 0.4 / sqrt(n) by chance, so read it beside the number of pictures. NaN for no pictures.
    Arguments and errors: see `reliability`.
    """
    diagram = reliability(confidence, right, bins=bins, by=by)
    if not len(diagram.count):
        return float("nan")
    return float(np.average(np.abs(diagram.gaps), weights=diagram.count))


def brier_score(probabilities: Floats, truth: npt.NDArray[np.integer[Any]]) -> float:
    """Mean squared distance between the probabilities and the truth, 0 to 2: Brier 1950, equation 2.

    A proper score: it rewards calibration and sharpness together, and needs no bins.

    Args:
        probabilities: [N, K], rows summing to 1.
        truth: [N] index of the right answer.

    Raises:
        ValueError: shapes do not fit, or a truth is outside 0 to K - 1.
    """
    if probabilities.ndim != 2 or truth.shape != probabilities.shape[:1]:
        raise ValueError(f"expected [N, K] and [N], not {probabilities.shape} and {truth.shape}")
    if len(truth) and not (truth.min() >= 0 and truth.max() < probabilities.shape[1]):
        raise ValueError(f"truths must be in 0 to {probabilities.shape[1] - 1}")
    exact = probabilities.astype(np.float64)
    of_truth = exact[np.arange(len(truth)), truth]
    return float(np.mean((exact**2).sum(axis=1) - 2 * of_truth + 1)) if len(truth) else float("nan")


def _checked(confidence: Floats, right: Flags) -> tuple[npt.NDArray[np.float64], Flags]:
    exact, right = np.asarray(confidence, np.float64), np.asarray(right, np.bool_)
    if exact.ndim != 1 or exact.shape != right.shape:
        raise ValueError(f"expected two arrays [N], not {exact.shape} and {right.shape}")
    if not np.all((exact >= 0) & (exact <= 1)):
        raise ValueError("confidences must be in 0 to 1")
    return exact, right
