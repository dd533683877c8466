"""Who waits in a queue, and how long."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._geometry import Float64
from compoundeye.apps.traffic._rule_settings import Queue
from compoundeye.apps.traffic._scene import Scene
from compoundeye.apps.traffic._settings import PEOPLE
from compoundeye.apps.traffic._visitors import foot
from compoundeye.apps.traffic._zone import ZoneWatch

SERVED = 20
"""So many who left last decide what a wait takes now."""


class QueueRule:
    """A queue: who has been in the zone for longer than it takes to walk through."""

    kind = "queue"

    def __init__(self, settings: Queue, head: Float64 | None) -> None:
        """``head`` [1, 2] is where it is served, in pixels of the stream."""
        self._settings, self._head = settings, head
        self._served = deque[float](maxlen=SERVED)
        self._facts: dict[str, Any] = {"people": 0, "wait_s": None, "longest_s": 0.0}
        self._short_since: float | None = None

    def step(self, scene: Scene, watch: ZoneWatch, desk: Desk) -> None:
        """See ``Rule.step``."""
        people = watch.zone.classes or PEOPLE
        gone = np.array([row for row, _ in watch.left], np.int64)
        for (_, stay), counts in zip(watch.left, scene.of_classes(gone, people), strict=True):
            if counts and stay >= self._settings.after_s:
                self._served.append(stay)
        stays = watch.stays(scene.time_s)
        waiting = scene.of_classes(watch.rows, people) & (stays >= self._settings.after_s)
        self._facts = {
            "people": int(waiting.sum()),
            "wait_s": round(float(np.mean(self._served)), 1) if self._served else None,
            "longest_s": round(float(stays[waiting].max(initial=0.0)), 1),
            **self._length(scene, foot(scene.visitors.boxes[watch.rows[waiting]])),
        }
        self._tell(scene.time_s, watch.name, desk)

    def state(self) -> Mapping[str, Any]:
        """The queue now."""
        return self._facts

    def _tell(self, time_s: float, name: str, desk: Desk) -> None:
        after = {"zone": name, **self._facts}
        if self._facts["people"] >= self._settings.least_people:
            self._short_since = None
            desk.lasting(self.kind, (name,), after)
        else:
            self._short_since = time_s if self._short_since is None else self._short_since
            if time_s - self._short_since >= self._settings.after_s:
                desk.over(self.kind, (name,))

    def _length(self, scene: Scene, feet: Float64) -> dict[str, Any]:
        """From its head to its end, or from end to end, in a straight line; nothing without a ground."""
        if scene.metric is None or not len(feet):
            return {}
        at = scene.metric.metres(feet)
        others = at if self._head is None else scene.metric.metres(self._head)
        away = np.hypot(*np.moveaxis(at[:, None] - others[None], -1, 0))
        return {} if np.isnan(away).all() else {"metres": round(float(np.nanmax(away)), 1)}
