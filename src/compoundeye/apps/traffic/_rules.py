"""What a rule of a zone is, and what many of them share: something that holds for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._geometry import Bool, Float64
from compoundeye.apps.traffic._scene import Scene, plain_box
from compoundeye.apps.traffic._visitors import CAPACITY, Rows
from compoundeye.apps.traffic._zone import ZoneWatch

RELEASE_S = 1.0
"""How long what held may fail to hold before it is over: speeds and headings tremble."""


class Rule(Protocol):
    """One rule of one zone. It may remember."""

    kind: str
    """Of its events."""

    def step(self, scene: Scene, watch: ZoneWatch, desk: Desk) -> None:
        """Take a frame, after its zone did."""

    def state(self) -> Mapping[str, Any]:
        """How things are now, as plain values."""


class Held:
    """Since when something holds of visitors, by row: short failures are forgiven."""

    def __init__(self) -> None:
        self._since_s = np.full(CAPACITY, np.nan)
        self._last_s = np.full(CAPACITY, -np.inf)

    def step(self, rows: Rows, holds: Bool, time_s: float) -> Float64:
        """[N] s for which it has held of rows [N]; NaN where it does not."""
        now = rows[holds]
        self._since_s[now], self._last_s[now] = np.fmin(self._since_s[now], time_s), time_s
        over = rows[time_s - self._last_s[rows] > RELEASE_S]
        self._since_s[over] = np.nan
        return np.asarray(time_s - self._since_s[rows])

    def forget(self, rows: Rows) -> None:
        """Other visitors have these rows now."""
        self._since_s[rows], self._last_s[rows] = np.nan, -np.inf


def tell(
    kind: str, scene: Scene, watch: ZoneWatch, desk: Desk, rows: Rows, facts: Callable[[int], Mapping[str, Any]]
) -> None:
    """That something lasts of these visitors of the zone, and of no others any more."""
    visitors = scene.visitors
    keys = set()
    for row in rows.tolist():
        track = int(visitors.ids[row])
        keys.add((watch.name, track))
        after = {"zone": watch.name, "track": track, "class": visitors.kind_of(row), **facts(row)}
        desk.lasting(kind, (watch.name, track), after, box=plain_box(visitors.boxes[row]))
    desk.only(kind, watch.name, keys)
