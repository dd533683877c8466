"""Rules about moving: against the direction, and too fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._geometry import Float64, heading_deg, turn_deg
from compoundeye.apps.traffic._rule_settings import Speeding, WrongWay
from compoundeye.apps.traffic._rules import Held, tell
from compoundeye.apps.traffic._scene import Scene
from compoundeye.apps.traffic._visitors import CAPACITY
from compoundeye.apps.traffic._zone import ZoneWatch


class WrongWayRule:
    """Who moves against the direction. Headings are clockwise from the picture's top."""

    kind = "wrong_way"

    def __init__(self, settings: WrongWay, arrow: Float64) -> None:
        """``arrow`` [2, 2] is the right way, in pixels of the stream."""
        self._settings, self._held, self._now = settings, Held(), 0
        self._expected = float(heading_deg(arrow[1] - arrow[0]))

    def step(self, scene: Scene, watch: ZoneWatch, desk: Desk) -> None:
        """See ``Rule.step``."""
        self._held.forget(scene.rows[scene.present.fresh])
        rows = watch.rows
        velocity = scene.motion.velocity[rows]
        headings = heading_deg(velocity)
        heights = scene.visitors.boxes[rows, 3] - scene.visitors.boxes[rows, 1]
        wrong = np.hypot(*velocity.T) >= self._settings.least_speed * heights
        wrong &= turn_deg(headings, self._expected) > self._settings.tolerance_deg
        rows = rows[self._held.step(rows, wrong, scene.time_s) >= self._settings.after_s]
        self._now = len(rows)
        tell(self.kind, scene, watch, desk, rows, lambda row: {
            "heading_deg": round(float(heading_deg(scene.motion.velocity[row]))) % 360,
            "expected_deg": round(self._expected) % 360,
        })  # fmt: skip

    def state(self) -> Mapping[str, Any]:
        """Who moves so now."""
        return {"wrong_way": self._now}


class SpeedingRule:
    """What is too fast; the event tells the highest speed."""

    kind = "speeding"

    def __init__(self, settings: Speeding) -> None:
        self._settings, self._held, self._now = settings, Held(), 0
        self._highest = np.zeros(CAPACITY)

    def step(self, scene: Scene, watch: ZoneWatch, desk: Desk) -> None:
        """See ``Rule.step``."""
        fresh = scene.rows[scene.present.fresh]
        self._held.forget(fresh)
        rows = watch.rows
        speed = scene.motion.speed_kmh[rows]
        fast = speed > self._settings.limit_kmh
        held = self._held.step(rows, fast, scene.time_s)
        self._highest[rows] = np.where(np.isnan(held), 0.0, np.fmax(self._highest[rows], speed))
        rows = rows[held >= self._settings.after_s]
        self._now = len(rows)
        tell(self.kind, scene, watch, desk, rows, lambda row: {
            "speed_kmh": round(float(self._highest[row]), 1), "limit_kmh": self._settings.limit_kmh,
        })  # fmt: skip

    def state(self) -> Mapping[str, Any]:
        """What is too fast now."""
        return {"speeding": self._now}
