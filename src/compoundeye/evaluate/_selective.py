"""What abstaining buys: precision against coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]

ABSTAINED = -1
"""Index that stands for no answer."""


def precision(predicted: Integers, truth: Integers, category: int | None = None) -> float:
    """Share of the answers that are right; of one category's answers if given.

    Args:
        predicted: [N] index of the answer, `ABSTAINED` for none.
        truth: [N] index of the right answer, `ABSTAINED` where none of the categories is right.

    Returns:
        0 to 1, NaN where nothing was answered.
    """
    answered = predicted != ABSTAINED if category is None else predicted == category
    return _share(predicted[answered] == truth[answered])


def recall(predicted: Integers, truth: Integers, category: int | None = None) -> float:
    """Share of the pictures that have a right answer (of one category) and got it; NaN where there are none."""
    there = truth != ABSTAINED if category is None else truth == category
    return _share(predicted[there] == truth[there])


def coverage(predicted: Integers) -> float:
    """Share of the pictures that were answered at all; NaN for no pictures."""
    return _share(predicted != ABSTAINED)


@dataclass(frozen=True, slots=True)
class SelectiveCurve:
    """Every trade of coverage for precision that a threshold on the score can make (T distinct scores)."""

    threshold: npt.NDArray[np.float64]
    """[T] descending: answer where the score is at least this."""
    answered: npt.NDArray[np.int64]
    """[T] pictures answered."""
    right: npt.NDArray[np.int64]
    """[T] of them right."""
    total: int
    """Pictures in all."""

    @property
    def coverage(self) -> npt.NDArray[np.float64]:
        """[T] share answered, ascending."""
        return self.answered / self.total

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """[T] share of the answers that are right; 1 minus this is the selective risk."""
        return self.right / self.answered

    @property
    def area(self) -> float:
        """Area under the risk-coverage curve as a mean over coverages k / N (AURC: Geifman et al. 2019,
        arXiv:1805.08206). Among equal scores it takes their common risk, whatever their order."""
        steps = np.diff(self.answered, prepend=0)
        return float(np.average(1 - self.precision, weights=steps)) if self.total else float("nan")


def selective_curve(score: Floats, right: Flags) -> SelectiveCurve:
    """Precision against coverage over all thresholds: El-Yaniv and Wiener 2010 (JMLR 11), as read by Geifman and
    El-Yaniv 2017 (arXiv:1705.08500).

    Args:
        score: [N] how sure each answer is; any scale, no NaN.
        right: [N] whether it was right.

    Raises:
        ValueError: lengths differ or a score is NaN.
    """
    score, right = np.asarray(score, np.float64), np.asarray(right, np.bool_)
    if score.ndim != 1 or score.shape != right.shape or np.isnan(score).any():
        raise ValueError(f"expected two arrays [N] without NaN, not {score.shape} and {right.shape}")
    order = np.argsort(-score, kind="stable")
    sorted_score = score[order]
    # Equal scores are answered together: a threshold cannot tell them apart.
    last = np.flatnonzero(np.append(sorted_score[1:] != sorted_score[:-1], True)) if len(score) else np.array([], int)
    return SelectiveCurve(sorted_score[last], last + 1, np.cumsum(right[order])[last], len(score))


def top_k_accuracy(scores: Floats, truth: Integers, k: int = 1) -> float:
    """Share of pictures whose right answer is among the ``k`` best: the ILSVRC measure (Russakovsky et al. 2015,
    arXiv:1409.0575, section 4.1, as 1 minus its error).

    Among equal scores the lower index is the better answer, so a constant score earns nothing by ties.

    Args:
        scores: [N, K].
        truth: [N] index of the right answer.

    Raises:
        ValueError: shapes do not fit or ``k`` is below 1.
    """
    if scores.ndim != 2 or truth.shape != scores.shape[:1] or k < 1:
        raise ValueError(f"expected [N, K], [N] and k >= 1, not {scores.shape}, {truth.shape} and {k}")
    own = scores[np.arange(len(truth)), truth][:, None]
    ahead = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < truth[:, None]))
    return _share(ahead.sum(axis=1) < k)


def _share(flags: Flags) -> float:
    return float(np.mean(flags)) if len(flags) else float("nan")
