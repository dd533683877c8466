"""Tracks beside ground truth: what every tracking metric starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.evaluate._matching import best_pairs
from compoundeye.records import EyeError

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
EPSILON = float(np.finfo(np.float64).eps)
"""The tolerance of TrackEval's thresholds."""
_DISTRACTOR_OVERLAP = 0.5
"""Overlap from which a track counts as one of a distractor: Milan et al. 2016 (MOT16, arXiv 1603.00831), 4.1.3."""


@dataclass(frozen=True, slots=True)
class Trajectories:
    """Boxes with identities over the frames of one sequence, of one class, as a structure of arrays."""

    frames: Ints
    """[N] numbers of frames, in any order."""
    ids: Ints
    """[N] whose box it is; an id occurs once a frame."""
    boxes: Float
    """[N, 4] left, top, right, bottom in pixels."""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, which: Flags) -> Trajectories:
        """Those that a mask chooses."""
        return Trajectories(self.frames[which], self.ids[which], self.boxes[which])


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame: who is there by the truth, who is followed, and how well each pair of boxes agrees."""

    truth: Ints
    """[T] identities as 0, 1, ... of the sequence."""
    tracks: Ints
    """[F] identities as 0, 1, ... of the sequence."""
    overlap: Float
    """[T, F] intersection over union, 0..1."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A sequence's tracks beside its truth, frame by frame in order of time."""

    truth_ids: int
    """How many there are to follow."""
    track_ids: int
    moments: tuple[Moment, ...]
    """Of frames in which there is anything."""

    @property
    def truth_boxes(self) -> int:
        """Over all frames."""
        return sum(len(moment.truth) for moment in self.moments)

    @property
    def track_boxes(self) -> int:
        """Over all frames."""
        return sum(len(moment.tracks) for moment in self.moments)


def box_overlap(a: Float, b: Float) -> Float:
    """Intersection over union of every pair of boxes; 0 where one of them has no area.

    Args:
        a: [N, 4] left, top, right, bottom.
        b: [M, 4] the same.

    Returns:
        [N, M] in 0..1.
    """
    common = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.maximum(common[..., 0], 0) * np.maximum(common[..., 1], 0)
    area_a, area_b = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) for boxes in (a, b))
    both = area_a[:, None] + area_b[None, :] - shared
    real = (area_a > EPSILON)[:, None] & (area_b > EPSILON)[None, :] & (both > EPSILON)
    return np.asarray(np.divide(shared, both, out=np.zeros_like(shared), where=real))


def compare(
    truth: Trajectories,
    tracks: Trajectories,
    *,
    counted: Flags | None = None,
    distractors: Flags | None = None,
) -> Comparison:
    """Put tracks beside the truth, as the MOTChallenge does: Milan et al. 2016 (arXiv 1603.00831), section 4.1.

    Args:
        truth: who really is where.
        tracks: who was followed where.
        counted: [len(truth)] which boxes of the truth are to be found; all, if not given. The others are not missed
            where nobody follows them.
        distractors: [len(truth)] which of them nobody is blamed for following either, such as reflections: the tracks'
            boxes that fit them best, by at least one half, are left out. None, if not given.

    Raises:
        EyeError: an id occurs twice in a frame, or a number is not finite.
    """
    _check(truth, "the ground truth")
    _check(tracks, "the tracks")
    wanted = np.ones(len(truth), np.bool_) if counted is None else counted
    unblamed = np.zeros(len(truth), np.bool_) if distractors is None else distractors
    wanted = wanted & ~unblamed
    moments = list[tuple[Ints, Ints, Float]]()
    for of_truth, of_tracks in _frames(truth, tracks):
        overlap = box_overlap(truth.boxes[of_truth], tracks.boxes[of_tracks])
        keep = np.ones(len(of_tracks), np.bool_)
        if unblamed[of_truth].any():
            rows, columns = best_pairs(np.where(overlap < _DISTRACTOR_OVERLAP - EPSILON, 0.0, overlap))
            keep[columns[unblamed[of_truth][rows]]] = False
        seen = wanted[of_truth]
        moments.append((truth.ids[of_truth][seen], tracks.ids[of_tracks][keep], overlap[seen][:, keep]))
    return _numbered(moments)


def _frames(truth: Trajectories, tracks: Trajectories) -> list[tuple[Ints, Ints]]:
    """Places of the boxes of each frame in both; within a frame in the order that they were given in."""
    numbers = np.unique(np.concatenate([truth.frames, tracks.frames]))
    parts = []
    for side in (truth, tracks):
        order = np.argsort(side.frames, kind="stable")
        parts.append(np.split(order, np.searchsorted(side.frames[order], numbers[1:])))
    return list(zip(*parts, strict=True)) if len(numbers) else []


def _numbered(moments: list[tuple[Ints, Ints, Float]]) -> Comparison:
    empty = [np.empty(0, np.int64)]
    truth_ids = np.unique(np.concatenate([*empty, *(truth for truth, _, _ in moments)]))
    track_ids = np.unique(np.concatenate([*empty, *(tracks for _, tracks, _ in moments)]))
    numbered = (
        Moment(np.searchsorted(truth_ids, truth), np.searchsorted(track_ids, tracks), overlap)
        for truth, tracks, overlap in moments
        if len(truth) or len(tracks)
    )
    return Comparison(len(truth_ids), len(track_ids), tuple(numbered))


def _check(side: Trajectories, name: str) -> None:
    if not np.isfinite(side.boxes).all():
        raise EyeError(f"a box of {name} is not finite: leave it out")
    order = np.lexsort((side.ids, side.frames))
    frames, ids = side.frames[order], side.ids[order]
    twice = np.flatnonzero((frames[1:] == frames[:-1]) & (ids[1:] == ids[:-1]))
    if len(twice):
        at = twice[0]
        raise EyeError(f"id {ids[at]} is twice in frame {frames[at]} of {name}: nobody is in two places at once")
