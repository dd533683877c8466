"""Rules about staying: loitering, intrusion, and what stands where it should not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._rule_settings import Intrusion, Loitering, Stopped
from compoundeye.apps.traffic._rules import tell
from compoundeye.apps.traffic._scene import Scene
from compoundeye.apps.traffic._zone import ZoneWatch


class LoiteringRule:
    """Who stays too long."""

    kind = "loitering"

    def __init__(self, settings: Loitering) -> None:
        self._settings, self._now = settings, 0

    def step(self, scene: Scene, watch: ZoneWatch, desk: Desk) -> None:
        """See ``Rule.step``."""
        rows = watch.rows[watch.stays(scene.time_s) >= self._settings.after_s]
        since = watch.memory.since_s
        self._now = len(rows)
        tell(self.kind, scene, watch, desk, rows, lambda row: {"dwell_s": round(scene.time_s - float(since[row]), 1)})

    def state(self) -> Mapping[str, Any]:
        """Who loiters now."""
        return {"loitering": self._now}


class IntrusionRule:
    """Who is where nobody may be."""

    kind = "intrusion"

    def __init__(self, settings: Intrusion) -> None:
        self._settings, self._now = settings, 0

    def step(self, scene: Scene, watch: ZoneWatch, desk: Desk) -> None:
        """See ``Rule.step``."""
        rows = watch.rows[watch.stays(scene.time_s) >= self._settings.after_s]
        since = watch.memory.since_s
        self._now = len(rows)
        tell(self.kind, scene, watch, desk, rows, lambda row: {"seconds": round(scene.time_s - float(since[row]), 1)})

    def state(self) -> Mapping[str, Any]:
        """Who intrudes now."""
        return {"intruders": self._now}


class StoppedRule:
    """What stands where it should not. Time counts from when it came to stand inside."""

    kind = "stopped"

    def __init__(self, settings: Stopped) -> None:
        self._settings, self._now = settings, 0

    def step(self, scene: Scene, watch: ZoneWatch, desk: Desk) -> None:
        """See ``Rule.step``."""
        since = np.maximum(scene.motion.still_since_s, watch.memory.since_s)
        rows = watch.rows[scene.of_classes(watch.rows, self._settings.classes)]
        rows = rows[scene.time_s - since[rows] >= self._settings.after_s]
        self._now = len(rows)
        tell(self.kind, scene, watch, desk, rows, lambda row: {"stopped_s": round(scene.time_s - float(since[row]), 1)})

    def state(self) -> Mapping[str, Any]:
        """What stands now."""
        return {"stopped": self._now}
