"""CLEAR MOT: misses, false boxes and switches of identity, summed up as MOTA."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from compoundeye.evaluate._matching import best_pairs
from compoundeye.evaluate._overlap import EPSILON, Comparison

# Bernardin and Stiefelhagen 2008 (EURASIP JIVP); the MOTChallenge sets one half.
OVERLAP = 0.5
# Keeping a pair of the frame before weighs more than any overlap: TrackEval's order of the two aims.
_KEEP = 1000.0
# Wu and Nevatia 2006 (CVPR); the MOTChallenge's shares of a life.
_MOSTLY, _HARDLY = 0.8, 0.2


@dataclass(frozen=True, slots=True)
class Clear:
    """Counts over all frames, and the figures made of them. What has no truth to be measured by is NaN."""

    found: int
    missed: int
    false: int
    switches: int
    """How often somebody's track is another than the last time."""
    breaks: int
    """How often somebody is followed again after not having been."""
    mostly_tracked: int
    """Identities followed for more than 80 % of their boxes."""
    partly_tracked: int
    mostly_lost: int
    """Identities followed for less than 20 % of their boxes."""
    overlap_sum: float

    @property
    def mota(self) -> float:
        """1 - (missed + false + switches) / boxes of the truth; at most 1, and below 0 where errors outnumber boxes."""
        return _share(self.found - self.false - self.switches, self.found + self.missed)

    @property
    def motp(self) -> float:
        """Mean overlap of the boxes found, 0..1."""
        return _share(self.overlap_sum, self.found)

    @property
    def recall(self) -> float:
        """Share of the truth's boxes that were found."""
        return _share(self.found, self.found + self.missed)

    @property
    def precision(self) -> float:
        """Share of the tracks' boxes that are right."""
        return _share(self.found, self.found + self.false)

    def summary(self) -> dict[str, float]:
        """Under the field's names."""
        return {
            "MOTA": self.mota,
            "MOTP": self.motp,
            "Recall": self.recall,
            "Precision": self.precision,
            "TP": self.found,
            "FN": self.missed,
            "FP": self.false,
            "IDSW": self.switches,
            "Frag": self.breaks,
            "MT": self.mostly_tracked,
            "PT": self.partly_tracked,
            "ML": self.mostly_lost,
        }


def clear(*sequences: Comparison, overlap: float = OVERLAP) -> Clear:
    """Multiple object tracking accuracy: Bernardin and Stiefelhagen 2008 (EURASIP JIVP); equal to TrackEval 1.3.

    Args:
        sequences: one or several, whose counts are added.
        overlap: intersection over union from which a box is found.
    """
    parts = [_sequence(sequence, overlap) for sequence in sequences]
    names = Clear.__dataclass_fields__
    return Clear(**{name: sum(getattr(part, name) for part in parts) for name in names})


def _sequence(sequence: Comparison, least: float) -> Clear:
    last = np.full(sequence.truth_ids, -1)  # whose track it was when last followed
    just = last.copy()  # the same, in the frame before only
    boxes, followed, begun = (np.zeros(sequence.truth_ids, np.int64) for _ in range(3))
    found, switches, overlap_sum = 0, 0, 0.0
    for moment in sequence.moments:
        boxes[moment.truth] += 1
        if not len(moment.truth) or not len(moment.tracks):
            continue  # TrackEval keeps pairs over such frames
        score = _KEEP * (just[moment.truth][:, None] == moment.tracks) + moment.overlap
        rows, columns = best_pairs(np.where(moment.overlap < least - EPSILON, 0.0, score))
        who, track = moment.truth[rows], moment.tracks[columns]
        switches += int(((last[who] >= 0) & (last[who] != track)).sum())
        begun[who] += just[who] < 0
        followed[who] += 1
        last[who] = track
        just[:] = -1
        just[who] = track
        found += len(rows)
        overlap_sum += float(moment.overlap[rows, columns].sum())
    share = followed / np.maximum(1, boxes)
    mostly, at_all = int((share > _MOSTLY).sum()), int((share >= _HARDLY).sum())
    return Clear(
        found=found,
        missed=sequence.truth_boxes - found,
        false=sequence.track_boxes - found,
        switches=switches,
        breaks=int((begun[begun > 0] - 1).sum()),
        mostly_tracked=mostly,
        partly_tracked=at_all - mostly,
        mostly_lost=sequence.truth_ids - at_all,
        overlap_sum=overlap_sum,
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
