"""HOTA: how well objects are found and how long they stay themselves, in one figure over all degrees of overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.evaluate._matching import best_pairs
from compoundeye.evaluate._overlap import EPSILON, Comparison

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Luiten et al. 2021 (IJCV 129), section 5: 0.05 to 0.95 in steps of 0.05.
ALPHAS = np.arange(0.05, 0.99, 0.05)
_LEAST = 1e-10


@dataclass(frozen=True, slots=True)
class Hota:
    """HOTA and its parts at each overlap of ``ALPHAS``, [19] each; the published figures are means over them.

    At an overlap at which nothing matches, association is 0 and localisation 1, as TrackEval has it.
    """

    found: Ints
    """Boxes of the truth that a track's box fits."""
    missed: Ints
    false: Ints
    association: Float
    """AssA, 0..1: of the tracks that fit a box, how much of its whole life they share with it."""
    association_recall: Float
    association_precision: Float
    localisation: Float
    """LocA, 0..1: mean overlap of boxes that fit."""

    @property
    def detection(self) -> Float:
        """DetA, 0..1."""
        return _share(self.found, self.found + self.missed + self.false)

    @property
    def detection_recall(self) -> Float:
        """DetRe, 0..1."""
        return _share(self.found, self.found + self.missed)

    @property
    def detection_precision(self) -> Float:
        """DetPr, 0..1."""
        return _share(self.found, self.found + self.false)

    @property
    def hota(self) -> Float:
        """The geometric mean of detection and association, 0..1. NaN where there is neither truth nor track."""
        return np.sqrt(self.detection * self.association)

    def summary(self) -> dict[str, float]:
        """Means over all overlaps, under the field's names."""
        parts = {
            "HOTA": self.hota,
            "DetA": self.detection,
            "AssA": self.association,
            "DetRe": self.detection_recall,
            "DetPr": self.detection_precision,
            "AssRe": self.association_recall,
            "AssPr": self.association_precision,
            "LocA": self.localisation,
        }
        return {name: float(values.mean()) for name, values in parts.items()}


def hota(*sequences: Comparison) -> Hota:
    """Higher order tracking accuracy: Luiten et al. 2021 (IJCV 129); equal to TrackEval 1.3.

    Args:
        sequences: one or several. Several are one: detection over all boxes, association over all that match.
    """
    parts = [_sequence(sequence) for sequence in sequences]
    found = sum((part.found for part in parts), np.zeros(len(ALPHAS), np.int64))

    def mean(name: str, of_none: float) -> Float:
        total = sum((getattr(part, name) * part.found for part in parts), np.zeros(len(ALPHAS)))
        return np.asarray(np.divide(total, found, out=np.full(len(ALPHAS), of_none), where=found > 0))

    return Hota(
        found=found,
        missed=sum((part.missed for part in parts), np.zeros(len(ALPHAS), np.int64)),
        false=sum((part.false for part in parts), np.zeros(len(ALPHAS), np.int64)),
        association=mean("association", 0.0),
        association_recall=mean("association_recall", 0.0),
        association_precision=mean("association_precision", 0.0),
        localisation=mean("localisation", 1.0),
    )


def _sequence(sequence: Comparison) -> Hota:
    lives, tracks, alike = _alignment(sequence)
    pairs, overlaps = list[Ints](), list[Float]()
    for moment in sequence.moments:
        score = alike[np.ix_(moment.truth, moment.tracks)] * moment.overlap
        rows, columns = best_pairs(score)
        pairs.append(moment.truth[rows] * sequence.track_ids + moment.tracks[columns])
        overlaps.append(moment.overlap[rows, columns])
    pair = np.concatenate([np.empty(0, np.int64), *pairs])
    overlap = np.concatenate([np.empty(0), *overlaps])
    fits = overlap >= ALPHAS[:, None] - EPSILON
    found = fits.sum(1)
    shares = np.array([_shares(pair[fit], lives, tracks) for fit in fits])
    return Hota(
        found=found,
        missed=sequence.truth_boxes - found,
        false=sequence.track_boxes - found,
        association=shares[:, 0],
        association_recall=shares[:, 1],
        association_precision=shares[:, 2],
        localisation=np.maximum(_LEAST, fits @ overlap) / np.maximum(_LEAST, found),
    )


def _shares(pair: Ints, lives: Float, tracks: Float) -> tuple[float, float, float]:
    """What an identity and its track have together, of both, of the identity and of the track: means over matches."""
    kinds, counts = np.unique(pair, return_counts=True)
    who, track = np.divmod(kinds, tracks.size)
    life, length = lives[who, 0], tracks[0, track]
    weights = counts / max(1, len(pair))
    of_both, of_life, of_track = (weights @ (counts / whole) for whole in (life + length - counts, life, length))
    return float(of_both), float(of_life), float(of_track)


def _alignment(sequence: Comparison) -> tuple[Float, Float, Float]:
    """Boxes of each identity [T, 1] and track [1, F], and how alike they are over the sequence [T, F].

    The paper's appendix: before boxes are matched, every pair of identities has a Jaccard index over all frames, in
    which each frame counts by its overlap, shared among all that overlap there.
    """
    lives, tracks = np.zeros((sequence.truth_ids, 1)), np.zeros((1, sequence.track_ids))
    shared = np.zeros((sequence.truth_ids, sequence.track_ids))
    for moment in sequence.moments:
        overlap = moment.overlap
        around = overlap.sum(0)[None, :] + overlap.sum(1)[:, None] - overlap
        shared[np.ix_(moment.truth, moment.tracks)] += np.divide(
            overlap, around, out=np.zeros_like(overlap), where=around > EPSILON
        )
        lives[moment.truth] += 1
        tracks[0, moment.tracks] += 1
    return lives, tracks, shared / (lives + tracks - shared)


def _share(part: Ints, whole: Ints) -> Float:
    return np.asarray(np.divide(part, whole, out=np.full(len(ALPHAS), np.nan), where=whole > 0))
