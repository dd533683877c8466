"""Who is there: tracks of a tracker as visitors that have a memory, over short gaps and changes of id.

A visitor has a row in arrays that rules keep beside; a row is used again once its visitor is gone. A track that
begins where another was just lost goes on as the same visitor, so that a change of id on a line loses no count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.apps.traffic._geometry import Bool, Float64
from compoundeye.apps.traffic._settings import BAGS
from compoundeye.records import Tracks

Rows = npt.NDArray[np.int64]
CAPACITY = 2048
"""Rows: visitors at a time, with those who are out of sight for a moment. A detector finds a few hundred."""
MOST_GAP = 0.5
"""How far from where it should be a track may begin to go on as a lost one, in heights of the lost box."""
MOST_GROWTH = 1.5
"""Most that the heights of the two boxes may differ."""
LEAST_LOST_S = 0.15
"""A track that is predicted, and was seen a shorter time ago, is hidden for a frame and not lost."""


@dataclass(frozen=True, slots=True)
class Present:
    """The visitors of one frame."""

    rows: Rows
    """[N]"""
    which: Rows
    """[N] places in the tracks."""
    fresh: Bool
    """[N] who was not there before: rules forget what their arrays say about the row."""
    gone: Rows
    """[G] rows of who has gone; still readable in this frame, and given away after it."""


class Visitors:
    """The memory of who is there."""

    def __init__(self, linger_s: float) -> None:
        self.linger_s = linger_s
        self.ids = np.zeros(CAPACITY, np.int64)
        self.kinds = np.zeros(CAPACITY, np.int64)
        """[CAPACITY] places in ``names``."""
        self.names: list[str] = []
        self.rides = np.full(CAPACITY, -1, np.int64)
        """[CAPACITY] the row of what each rides, or -1; set by who finds that out."""
        self.boxes = np.zeros((CAPACITY, 4), np.float64)
        self.since_s = np.zeros(CAPACITY, np.float64)
        self.seen_s = np.zeros(CAPACITY, np.float64)
        """When a detection last confirmed it."""
        self._there_s = np.zeros(CAPACITY, np.float64)
        """When its track was last there, seen or predicted."""
        self.refused = 0
        """Tracks for which there was no row."""
        self._row_of: dict[int, int] = {}
        self._free = list(range(CAPACITY - 1, -1, -1))
        self._leaving: list[int] = []

    def live(self) -> Rows:
        """[L] rows of all who count as there, in the order in which they came."""
        return np.fromiter(self._row_of.values(), np.int64, len(self._row_of))

    def of_kinds(self, rows: Rows, names: Sequence[str] | None) -> Bool:
        """Whether rows are of these classes; of all but bags, which people carry, if none are named."""
        wanted = np.array([name not in BAGS if names is None else name in names for name in self.names], np.bool_)
        return wanted[self.kinds[rows]] if len(wanted) else np.zeros(len(rows), np.bool_)

    def riding(self, rows: Rows, names: Sequence[str] | None) -> Bool:
        """Whether rows ride something of these classes."""
        ridden = self.rides[rows]
        return (ridden >= 0) & self.of_kinds(ridden, names)

    def kind_of(self, row: int) -> str:
        """Its class, by name."""
        return self.names[int(self.kinds[row])]

    def step(self, tracks: Tracks, velocity: Float64, time_s: float) -> Present:
        """Take the tracks of a frame; ``velocity`` [CAPACITY, 2] is that of the feet until now, in pixels a second."""
        self._free.extend(self._leaving)
        kinds = self._kinds(tracks)
        fresh = self._enter(tracks, kinds, velocity, time_s)
        which = np.array([at for at, track in enumerate(tracks.ids.tolist()) if track in self._row_of], np.int64)
        rows = np.array([self._row_of[track] for track in tracks.ids.tolist() if track in self._row_of], np.int64)
        self.boxes[rows] = tracks.boxes[which]
        self.kinds[rows] = kinds[which]
        self._there_s[rows] = time_s
        self.seen_s[rows[tracks.seen[which]]] = time_s
        gone = [track for track, row in self._row_of.items() if time_s - self._there_s[row] > self.linger_s]
        self._leaving = [self._row_of.pop(track) for track in gone]
        return Present(rows, which, np.isin(rows, fresh), np.array(self._leaving, np.int64))

    def _kinds(self, tracks: Tracks) -> npt.NDArray[np.int64]:
        for name in tracks.names:
            if name not in self.names:
                self.names.append(name)
        places = np.array([self.names.index(name) for name in tracks.names], np.int64)
        return places[tracks.classes] if len(tracks) else np.empty(0, np.int64)

    def _enter(self, tracks: Tracks, kinds: npt.NDArray[np.int64], velocity: Float64, time_s: float) -> list[int]:
        """Rows for tracks that are seen and have none: a lost visitor's, or a new one. Returns the new ones."""
        seen = dict(zip(tracks.ids.tolist(), tracks.seen.tolist(), strict=True))
        lost = {
            track: row
            for track, row in self._row_of.items()
            if track not in seen or (not seen[track] and time_s - self.seen_s[row] >= LEAST_LOST_S)
        }
        expected = {row: foot(self.boxes[row]) + velocity[row] * (time_s - self._there_s[row]) for row in lost.values()}
        fresh = []
        for at, track in enumerate(tracks.ids.tolist()):
            if track in self._row_of or not tracks.seen[at]:
                continue
            same = self._same(tracks.boxes[at].astype(np.float64), int(kinds[at]), lost, expected)
            if same is not None:
                self._row_of[track] = self._row_of.pop(same)
                del lost[same]
            elif self._free:
                row = self._row_of[track] = self._free.pop()
                self.ids[row], self.since_s[row] = track, time_s
                fresh.append(row)
            else:
                self.refused += 1
        return fresh

    def _same(self, box: Float64, kind: int, lost: dict[int, int], expected: dict[int, Float64]) -> int | None:
        """The lost track that this box goes on: the nearest to where it should be by now, if one is near."""
        best, nearest = None, MOST_GAP
        for track, row in lost.items():
            height = self.boxes[row, 3] - self.boxes[row, 1]
            growth = (box[3] - box[1]) / max(height, 1e-6)
            if self.kinds[row] != kind or not 1 / MOST_GROWTH <= growth <= MOST_GROWTH:
                continue
            gap = float(np.hypot(*(foot(box) - expected[row]))) / height
            if gap < nearest:
                best, nearest = track, gap
        return best


def foot(boxes: Float64) -> Float64:
    """[..., 2] where boxes [..., 4] stand: the middle of the lower edge."""
    return np.stack([(boxes[..., 0] + boxes[..., 2]) / 2, boxes[..., 3]], axis=-1)


def centre(boxes: Float64) -> Float64:
    """[..., 2] the middle of boxes [..., 4]."""
    return np.stack([(boxes[..., 0] + boxes[..., 2]) / 2, (boxes[..., 1] + boxes[..., 3]) / 2], axis=-1)
