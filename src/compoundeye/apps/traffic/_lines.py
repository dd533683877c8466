"""Counting who crosses a line: once for each crossing, however a box flickers on it.

The path of a visitor is what was seen of it, joined by straight lines. Each time the path cuts the line adds one to
the right and takes one to the left, so that forth and back is nothing. What is left is counted once the visitor is
clear of the line (further away than a share of its own height) for a while, or is lost. A line has ends: a path around
them cuts nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._geometry import Float64, crossings, distance
from compoundeye.apps.traffic._scene import Scene, plain_box
from compoundeye.apps.traffic._settings import Anchor, Line
from compoundeye.apps.traffic._visitors import CAPACITY, Rows, Visitors

TOGETHER_S = 3.0
"""A cyclist and the bicycle cut the line within this time."""
LEAST_CLEAR = 1.0
"""Pixels that are clear of a line, for boxes of any height: positions are no better than that."""


@dataclass(slots=True)
class Tally:
    """Crossings of one line so far, by class."""

    into: Counter[str] = field(default_factory=Counter)
    out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Crossing:
    """One that was counted."""

    row: int
    kind: str
    into: bool
    speed_kmh: float
    """The last that was known at the line; NaN if none was."""


class LineCounter:
    """One line of one stream."""

    def __init__(self, name: str, line: Line, points: Float64, anchor: Anchor, tally: Tally | None = None) -> None:
        self.name, self.line, self.points, self.anchor = name, line, points, anchor
        self.tally = tally or Tally()
        self._at = np.full((CAPACITY, 2), np.nan)
        """Where each visitor was last seen."""
        self._net = np.zeros(CAPACITY, np.int64)
        """Cuts to the right less cuts to the left that are not counted yet."""
        self._cut = np.zeros(CAPACITY)
        """Capture time of the last cut."""
        self._rode = np.full(CAPACITY, -1, np.int64)
        """The row of what each rode when it cut the line last, or -1."""
        self._way = np.zeros(CAPACITY, np.int64)
        """+1 or -1: the direction of the last cut."""
        self._speed = np.full(CAPACITY, np.nan)
        self._clear_s = np.full(CAPACITY, np.nan)
        """Since when it is clear of the line, with something to count."""

    def step(self, scene: Scene, desk: Desk) -> list[Crossing]:
        """Take a frame; who has crossed."""
        self._forget(scene.rows[scene.present.fresh])
        here = scene.seen & scene.visitors.of_kinds(scene.rows, self.line.classes)
        rows, at = scene.rows[here], scene.anchors(self.anchor)[here]
        self._walk(rows, at, scene.frame.captured, scene.speed_kmh[here], scene.visitors.rides[rows])
        away = distance(at, self.points)
        clear = away > np.maximum(self.line.hysteresis * scene.heights[here], LEAST_CLEAR)
        waiting = clear & (self._net[rows] != 0)
        self._clear_s[rows] = np.where(waiting, np.fmin(self._clear_s[rows], scene.time_s), np.nan)
        settled = rows[waiting & (scene.time_s - self._clear_s[rows] >= self.line.settle_s)]
        gone = scene.present.gone
        lost = gone[(self._net[gone] != 0) & ~np.isnan(self._at[gone, 0])]
        return [
            crossing
            for row in [*settled.tolist(), *lost.tolist()]
            for crossing in self._count(row, scene.visitors, desk)
        ]

    def finish(self, visitors: Visitors, desk: Desk) -> list[Crossing]:
        """Nothing more comes: what is left over is counted."""
        rows = visitors.live()
        left = rows[self._net[rows] != 0].tolist()
        return [crossing for row in left for crossing in self._count(row, visitors, desk)]

    def _walk(self, rows: Rows, at: Float64, captured: float, speed: Float64, rides: Rows) -> None:
        known = ~np.isnan(self._at[rows, 0])
        cuts = crossings(self._at[rows[known]], at[known], self.points) * (-1 if self.line.flip else 1)
        self._net[rows[known]] += cuts
        cutting = rows[known][cuts != 0]
        self._cut[cutting], self._clear_s[cutting] = captured, np.nan
        self._rode[cutting], self._way[cutting] = rides[known][cuts != 0], cuts[cuts != 0]
        self._speed[rows] = np.where(np.isnan(speed), self._speed[rows], speed)
        self._at[rows] = at

    def _forget(self, rows: Rows) -> None:
        self._rode[rows], self._way[rows] = -1, 0
        self._at[rows], self._net[rows], self._clear_s[rows], self._speed[rows] = np.nan, 0, np.nan, np.nan

    def _count(self, row: int, visitors: Visitors, desk: Desk) -> list[Crossing]:
        net, kind = int(self._net[row]), visitors.kind_of(row)
        self._net[row], self._clear_s[row] = 0, np.nan
        if self._with_bicycle(row, net, visitors):
            return []
        found = []
        for _ in range(abs(net)):
            (self.tally.into if net > 0 else self.tally.out)[kind] += 1
            desk.instant("crossing", self._told(row, kind, net > 0, visitors), start=float(self._cut[row]),
                         box=plain_box(visitors.boxes[row]))  # fmt: skip
            found.append(Crossing(row, kind, net > 0, float(self._speed[row])))
        return found

    def _with_bicycle(self, row: int, net: int, visitors: Visitors) -> bool:
        """Whether it rode over the line on something that cut it too, and so is counted."""
        return any(
            ridden >= 0
            and bool(visitors.of_kinds(np.array([ridden]), self.line.classes)[0])
            and self._way[ridden] * net > 0
            and abs(self._cut[ridden] - self._cut[row]) <= TOGETHER_S
            for ridden in (int(self._rode[row]), int(visitors.rides[row]))
        )

    def _told(self, row: int, kind: str, into: bool, visitors: Visitors) -> dict[str, object]:
        told: dict[str, object] = {
            "line": self.name,
            "direction": "in" if into else "out",
            "name": self.line.in_name if into else self.line.out_name,
            "class": kind,
            "track": int(visitors.ids[row]),
            "in": self.tally.into.total(),
            "out": self.tally.out.total(),
        }
        if not np.isnan(self._speed[row]):
            told["speed_kmh"] = round(float(self._speed[row]), 1)
        return told
