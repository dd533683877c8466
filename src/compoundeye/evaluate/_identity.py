"""IDF1: each identity has one track, the best for its whole life; how many boxes does that explain?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from compoundeye.evaluate._matching import best_pairs
from compoundeye.evaluate._overlap import Comparison

# Ristani et al. 2016 (ECCV workshops, arXiv 1609.01775), section 3.2; the MOTChallenge sets one half.
OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Identity:
    """Boxes by identity, and the figures made of them. What there is nothing to be measured by is NaN."""

    right: int
    """Boxes of the truth under the one track of their identity (IDTP)."""
    missed: int
    """Boxes of the truth that are not (IDFN)."""
    false: int
    """Boxes of tracks that are not (IDFP)."""

    @property
    def f1(self) -> float:
        """IDF1, 0..1."""
        return _share(2 * self.right, 2 * self.right + self.missed + self.false)

    @property
    def recall(self) -> float:
        """IDR, 0..1."""
        return _share(self.right, self.right + self.missed)

    @property
    def precision(self) -> float:
        """IDP, 0..1."""
        return _share(self.right, self.right + self.false)

    def summary(self) -> dict[str, float]:
        """Under the field's names."""
        return {
            "IDF1": self.f1,
            "IDR": self.recall,
            "IDP": self.precision,
            "IDTP": self.right,
            "IDFN": self.missed,
            "IDFP": self.false,
        }


def identity(*sequences: Comparison, overlap: float = OVERLAP) -> Identity:
    """Identity precision, recall and F1: Ristani et al. 2016 (arXiv 1609.01775); equal to TrackEval 1.3.

    Args:
        sequences: one or several, whose counts are added.
        overlap: intersection over union from which two boxes may be the same object.
    """
    right = sum(_right(sequence, overlap) for sequence in sequences)
    return Identity(
        right=right,
        missed=sum(sequence.truth_boxes for sequence in sequences) - right,
        false=sum(sequence.track_boxes for sequence in sequences) - right,
    )


def _right(sequence: Comparison, least: float) -> int:
    # Errors are all boxes less twice those explained, so the pairs with fewest errors explain most boxes.
    together = np.zeros((sequence.truth_ids, sequence.track_ids))
    for moment in sequence.moments:
        rows, columns = np.nonzero(moment.overlap >= least)
        together[moment.truth[rows], moment.tracks[columns]] += 1
    rows, columns = best_pairs(together)
    return int(together[rows, columns].sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
