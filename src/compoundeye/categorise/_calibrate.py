"""Confidences that mean what they say: a temperature, or an isotonic map where there are data enough for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from compoundeye.evaluate import expected_calibration_error

Floats = npt.NDArray[np.floating[Any]]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]
Method = Literal["none", "temperature", "isotonic"]

ENOUGH_FOR_ISOTONIC = 1000
"""Isotonic regression overfits below about 1,000 cases: Niculescu-Mizil and Caruana 2005 (ICML), section 4.3."""

_COLDEST, _HOTTEST = 0.02, 50.0
_GRID, _REFINEMENTS = 33, 40


@dataclass(frozen=True, slots=True)
class Calibration:
    """A map from logits to confidences; the one that does nothing unless it was fitted."""

    temperature: float = 1.0
    knots: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    """Isotonic map of the best answer's probability: from, to; linear between, constant outside."""

    @property
    def method(self) -> Method:
        """What it is made of."""
        if self.knots is not None:
            return "isotonic"
        return "none" if self.temperature == 1.0 else "temperature"

    def probabilities(self, logits: Floats) -> Doubles:
        """Softmax of logits / T [N, K]: Guo et al. 2017 (arXiv:1706.04599), equation 9. The order of answers stays."""
        return softmax(logits / self.temperature)

    def confidence(self, probability: Floats) -> Doubles:
        """Confidence in the best answer [N] from its probability [N]; ascending, so that thresholds on either agree."""
        exact = np.asarray(probability, np.float64)
        return exact if self.knots is None else np.interp(exact, *self.knots)


@dataclass(frozen=True, slots=True)
class Quality:
    """How well confidences fit, on pictures that the calibration was not fitted on."""

    method: Method
    pictures: int
    ece: float
    """Expected calibration error of the best answer, 15 bins of equal mass; NaN where there are no pictures."""
    accuracy: float
    """Share of best answers that are right, abstaining put aside."""
    data: str
    """What was measured on."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "method": self.method,
            "pictures": self.pictures,
            "ece": self.ece,
            "accuracy": self.accuracy,
            "data": self.data,
        }


def softmax(logits: Floats) -> Doubles:
    """Rows [N, K] to probabilities."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted, dtype=np.float64)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def fit(logits: Floats, truth: Integers) -> Calibration:
    """The calibration that n labelled pictures support: a temperature, and above 1,000 an isotonic map after it.

    Args:
        logits: [N, K], of pictures the classifier was not trained on.
        truth: [N].
    """
    temperature = fit_temperature(lambda t: smoothed_log_loss(logits / t, truth))
    if len(truth) < ENOUGH_FOR_ISOTONIC:
        return Calibration(temperature)
    probabilities = softmax(logits / temperature)
    best = probabilities.argmax(axis=1)
    return Calibration(temperature, fit_isotonic(probabilities.max(axis=1), best == truth))


def fit_temperature(loss: Callable[[float], float]) -> float:
    """The temperature of least loss: a grid over log T, then a golden-section search around its best point."""
    grid = np.linspace(np.log(_COLDEST), np.log(_HOTTEST), _GRID)
    losses = [loss(float(np.exp(t))) for t in grid]
    at = int(np.argmin(losses))
    low, high = grid[max(at - 1, 0)], grid[min(at + 1, _GRID - 1)]
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(_REFINEMENTS):
        step = golden * (high - low)
        if loss(float(np.exp(high - step))) < loss(float(np.exp(low + step))):
            high = low + step
        else:
            low = high - step
    return float(np.exp((low + high) / 2))


def smoothed_log_loss(logits: Floats, truth: Integers) -> float:
    """Mean cross-entropy against truths that are sure only as far as n pictures allow.

    The truth has (n + 1) / (n + 2), the others share the rest: Platt 1999 (Probabilistic Outputs for SVMs, section
    2.2) for more than two classes. Without it, ten pictures all right would make every later answer certain.
    """
    count, classes = logits.shape
    if classes < 2:
        return 0.0
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted, dtype=np.float64).sum(axis=1, keepdims=True))
    of_truth = log_p[np.arange(count), truth]
    others = (log_p.sum(axis=1) - of_truth) / (classes - 1)
    sure = (count + 1) / (count + 2)
    return float(-np.mean(sure * of_truth + (1 - sure) * others))


def log_loss(logits: Floats, truth: Integers) -> float:
    """Mean cross-entropy in nats."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(shifted, dtype=np.float64).sum(axis=1))
    return float(np.mean(total - shifted[np.arange(len(truth)), truth]))


def fit_isotonic(score: Floats, right: Flags) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots of the ascending step-free map from score to share right, by pooling adjacent violators (Ayer et al. 1955).

    One right answer more at the bottom and a wrong one at the top keep the ends off 0 and 1: no finite sample shows
    certainty.
    """
    order = np.argsort(score, kind="stable")
    values = np.concatenate([[1.0], right[order], [0.0]])
    places = np.concatenate([[score[order[0]]], score[order], [score[order[-1]]]])
    pools: list[list[float]] = []  # [sum of values, count, lowest score, highest score]
    for value, place in zip(values.tolist(), places.tolist(), strict=True):
        pools.append([value, 1.0, place, place])
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            total, count, _, high = pools.pop()
            pools[-1] = [pools[-1][0] + total, pools[-1][1] + count, pools[-1][2], high]
    xs: list[float] = []
    ys: list[float] = []
    for total, count, low, high in pools:
        for place in (low, high) if high > low else (low,):
            if not xs or place > xs[-1]:
                xs.append(place)
                ys.append(total / count)
    return tuple(xs), tuple(ys)


def cross_fitted(logits: Floats, truth: Integers, fold: Integers) -> Quality:
    """Quality of `fit` measured on each fold after fitting on the others, so that it does not grade itself."""
    confidence, right = np.empty(len(truth)), np.empty(len(truth), np.bool_)
    for held in np.unique(fold):
        here = fold == held
        calibration = fit(logits[~here], truth[~here])
        probabilities = calibration.probabilities(logits[here])
        confidence[here] = calibration.confidence(probabilities.max(axis=1))
        right[here] = probabilities.argmax(axis=1) == truth[here]
    method: Method = "isotonic" if len(truth) >= ENOUGH_FOR_ISOTONIC else "temperature"
    return quality(confidence, right, method, "the examples, held out in turn")


def quality(confidence: Floats, right: Flags, method: Method, data: str) -> Quality:
    """Calibration error and accuracy of answers [N]."""
    accuracy = float(np.mean(right)) if len(right) else float("nan")
    ece = expected_calibration_error(np.clip(confidence, 0, 1), right, by="mass")
    return Quality(method, len(right), ece, accuracy, data)
