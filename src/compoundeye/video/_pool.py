"""Everybody whom a tracker follows, as a few arrays: one column each, no object for any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from compoundeye.records import Detections, Tracks
from compoundeye.video._kalman import P_ALL, POSITION, SIZE_VELOCITY, STATE_ROWS, VELOCITY, centred, corners, start

Float32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.intp]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

UNSEEN: Final = STATE_ROWS
"""Row: seconds since a detection confirmed it; 0 if one of this frame did."""
SCORE: Final = STATE_ROWS + 1
WEIGHT: Final = STATE_ROWS + 2
"""Row: by how much the votes for its class outweigh the others."""
HITS: Final = STATE_ROWS + 3
"""Row: frames on end that saw it, while it is not yet confirmed."""
SIGHT: Final = slice(STATE_ROWS + 4, STATE_ROWS + 8)
"""Rows: the box last seen: centre x, centre y, width, height."""
POOL_ROWS: Final = STATE_ROWS + 8
MOST_PIXELS: Final = 1e7
"""A side that is longer is no measurement; its square still fits a single-precision number."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a frame shows, as the filter takes it: M whole, finite boxes."""

    corners: Float32
    """[4, M] left, top, right, bottom."""
    boxes: Float32
    """[4, M] centre x, centre y, width, height."""
    scores: Float32
    classes: Int64

    def __len__(self) -> int:
        return len(self.scores)


class Pool:
    """Tracks of one stream.

    Args:
        rows: further rows of ``state`` that an algorithm keeps for itself.
    """

    def __init__(self, alike: Sequence[Sequence[str]], rows: int = 0) -> None:
        self.state: Float32 = np.empty((POOL_ROWS + rows, 0), np.float32)
        self.ids: Int64 = np.empty(0, np.int64)
        """[N]; 0 until it is confirmed."""
        self.classes: Int64 = np.empty(0, np.int64)
        self.names: tuple[str, ...] = ()
        self._alike = alike
        self._group: Int64 | None = None
        self._time_s: float | None = None
        self._last_id = 0

    def __len__(self) -> int:
        return len(self.ids)

    def advance(self, time_s: float) -> float:
        """Seconds since the frame before; 0 at the first.

        Raises:
            ValueError: time does not go forward.
        """
        before, self._time_s = self._time_s, time_s
        if before is None:
            return 0.0
        if not time_s > before:
            self._time_s = before
            raise ValueError(f"time goes forward: {time_s} s comes after {before} s")
        self.state[UNSEEN] += time_s - before
        return time_s - before

    def measured(self, found: Detections, least: float) -> Measured:
        """Detections of at least a score.

        Raises:
            ValueError: the names of classes are not those of the frames before.
        """
        if found.names != self.names and (found.names or len(found)):
            self._name(found.names)
        boxes = np.ascontiguousarray(found.boxes.T, np.float32)
        scores = found.scores
        middle = centred(boxes)
        sides = middle[2:]
        whole = scores >= least
        # A NaN is neither above nor below.
        if not whole.all() or not (sides.min(initial=1) > 0 and np.abs(boxes).max(initial=0) < MOST_PIXELS):
            whole &= (sides > 0).all(axis=0)
            whole &= (np.abs(boxes) < MOST_PIXELS).all(axis=0)
            return Measured(
                boxes[:, whole], middle[:, whole], scores[whole], found.classes[whole].astype(np.int64, copy=False)
            )
        return Measured(boxes, middle, scores, found.classes.astype(np.int64, copy=False))

    def _name(self, names: tuple[str, ...]) -> None:
        if self.names:
            raise ValueError("a tracker sees one list of classes all its life")
        self.names = names
        groups = {name: at for at, group in enumerate(self._alike) for name in group}
        of = [groups.get(name, len(self._alike) + at) for at, name in enumerate(names)]
        self._group = np.asarray(of, np.int64) if len(set(of)) > 1 else None

    def may_be(self, rows: Int, columns: Int, classes: Int64) -> Bool | None:
        """[K] whether tracks may be those detections, by class; None if all may."""
        if self._group is None:
            return None
        same: Bool = self._group[self.classes[rows]] == self._group[classes[columns]]
        return same

    def took(self, seen: Bool, partner: Int, measured: Measured, boxes: Float32) -> None:
        """Those that are ``seen`` take score, class and box of their ``partner``, a place in ``measured``.

        Args:
            boxes: [4, N] centred, of all partners.
        """
        state = self.state
        state[UNSEEN] *= ~seen
        state[HITS] += seen
        if np.count_nonzero(seen) == len(seen):
            scores = measured.scores[partner]
            state[SCORE] = scores
            state[SIGHT] = boxes
        else:
            scores = measured.scores[partner]
            np.copyto(state[SCORE], scores, where=seen)
            np.copyto(state[SIGHT], boxes, where=seen)
            scores = scores * seen
        if self._group is None and len(self.names) < 2:
            return
        # The vote of Boyer and Moore 1981, weighted by scores: the class that has the majority wins, in one number.
        weight = state[WEIGHT]
        voted = measured.classes[partner]
        against = voted != self.classes
        if not np.count_nonzero(against):
            weight += scores
            return
        weight += np.where(against, -scores, scores)
        turned = weight < 0
        self.classes[turned] = voted[turned]
        np.abs(weight, out=weight)

    def confirm(self, which: Int) -> None:
        """Those at these places get their ids, in order."""
        self.ids[which] = np.arange(self._last_id + 1, self._last_id + 1 + len(which))
        self._last_id += len(which)

    def hits(self) -> Float32:
        """[N] frames that saw each."""
        hits: Float32 = self.state[HITS]
        return hits

    def moved(self, motion: Float32) -> None:
        """Take everybody along with a camera that moved by a [2, 3] similarity."""
        filters_moved(self.state, motion)
        centred_motion(self.state[SIGHT], motion)

    def keep(self, which: Bool) -> None:
        """Forget the others."""
        self.state = self.state[:, which]
        self.ids = self.ids[which]
        self.classes = self.classes[which]

    def add(self, measured: Measured, which: Int) -> None:
        """Begin to follow what is at these places; it comes last and is not yet confirmed."""
        fresh = np.zeros((len(self.state), len(which)), np.float32)
        start(fresh, measured.boxes[:, which])
        fresh[SCORE] = fresh[WEIGHT] = measured.scores[which]
        fresh[HITS] = 1
        fresh[SIGHT] = fresh[POSITION]
        self.state = np.concatenate([self.state, fresh], axis=1)
        self.ids = np.concatenate([self.ids, np.zeros(len(which), np.int64)])
        self.classes = np.concatenate([self.classes, measured.classes[which]])

    def tracks(self, coast_s: float, *, as_seen: bool = False) -> Tracks:
        """Those that are confirmed and were seen within so many seconds.

        Args:
            as_seen: boxes of those who are seen now are the detector's, not the filter's.
        """
        told = self.state[UNSEEN] <= coast_s
        told &= self.ids > 0
        which = slice(None) if np.count_nonzero(told) == len(told) else told.nonzero()[0]
        state = self.state[:, which]
        seen = state[UNSEEN] == 0
        boxes = np.where(seen, state[SIGHT], state[POSITION]) if as_seen else state[POSITION]
        return Tracks(
            self.ids[which].copy(),
            np.ascontiguousarray(corners(boxes).T),
            state[SCORE].copy(),
            self.classes[which].astype(np.int32),
            self.names,
            seen,
        )


def centred_motion(boxes: Float32, motion: Float32) -> None:
    """Move [4, N] centred boxes by a [2, 3] similarity, in place."""
    turn = motion[:, :2]
    boxes[:2] = turn @ boxes[:2] + motion[:, 2:]
    boxes[2:] *= abs(float(np.linalg.det(turn))) ** 0.5


def filters_moved(state: Float32, motion: Float32) -> None:
    """Move filters, the first ``STATE_ROWS`` rows, by a [2, 3] similarity, in place."""
    turn = motion[:, :2]
    centred_motion(state[POSITION], motion)
    state[VELOCITY.start : SIZE_VELOCITY.start] = turn @ state[VELOCITY.start : SIZE_VELOCITY.start]
    area = abs(float(np.linalg.det(turn)))
    state[SIZE_VELOCITY] *= area**0.5
    state[P_ALL] *= area
