"""Bags that nobody is near to.

A bag is a spot where a detector has seen one, not a track: detectors lose bags for seconds when somebody passes. The
time runs from when a person was last near; a bag that moves is another spot. A person who stands by another's bag
keeps it, and a bag that the detector does not find is not seen: this is a help for who looks, not a safety device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._geometry import Float64
from compoundeye.apps.traffic._rule_settings import Abandoned
from compoundeye.apps.traffic._scene import Scene, plain_box
from compoundeye.apps.traffic._settings import BAGS, PEOPLE
from compoundeye.apps.traffic._visitors import foot
from compoundeye.apps.traffic._zone import ZoneWatch

SAME_SPOT = 0.5
"""A bag is where it was if it is nearer than this, in heights of its box."""
FORGET_S = 10.0
"""A bag that was not seen for so long is no longer there."""


@dataclass(slots=True)
class _Spot:
    number: int
    kind: str
    at: Float64
    box: Float64
    seen_s: float
    attended_s: float
    """When somebody was last near."""


class AbandonedRule:
    """Bags that were left in a zone."""

    kind = "abandoned"

    def __init__(self, settings: Abandoned) -> None:
        self._settings = settings
        self._spots: list[_Spot] = []
        self._next = 1
        self._now = 0

    def step(self, scene: Scene, watch: ZoneWatch, desk: Desk) -> None:
        """See ``Rule.step``. Whatever the zone's classes are: bags are bags."""
        bags = watch.everything[scene.of_classes(watch.everything, BAGS)]
        for row in bags[np.isin(bags, scene.rows[scene.seen])].tolist():
            self._take(scene, scene.visitors.boxes[row].copy(), scene.visitors.kind_of(row))
        self._attend(scene)
        self._spots = [spot for spot in self._spots if scene.time_s - spot.seen_s <= FORGET_S]
        left = [spot for spot in self._spots if scene.time_s - spot.attended_s >= self._settings.after_s]
        self._now = len(left)
        keys = {(watch.name, spot.number) for spot in left}
        for spot in left:
            after = {
                "zone": watch.name, "track": spot.number, "class": spot.kind,
                "seconds": round(scene.time_s - spot.attended_s, 1),
            }  # fmt: skip
            desk.lasting(self.kind, (watch.name, spot.number), after, box=plain_box(spot.box))
        desk.only(self.kind, watch.name, keys)

    def state(self) -> Mapping[str, Any]:
        """Bags that nobody is near to now."""
        return {"abandoned": self._now}

    def _take(self, scene: Scene, box: Float64, kind: str) -> None:
        at, height = foot(box), float(box[3] - box[1])
        for spot in self._spots:
            if float(np.hypot(*(at - spot.at))) <= SAME_SPOT * height:
                spot.seen_s, spot.box = scene.time_s, box
                return
        self._spots.append(_Spot(self._next, kind, at, box, scene.time_s, scene.time_s))
        self._next += 1

    def _attend(self, scene: Scene) -> None:
        visitors = scene.visitors
        people = visitors.live()
        people = people[scene.of_classes(people, PEOPLE)]
        feet, heights = foot(visitors.boxes[people]), visitors.boxes[people, 3] - visitors.boxes[people, 1]
        for spot in self._spots:
            if (np.hypot(*(feet - spot.at).T) < self._settings.near * heights).any():
                spot.attended_s = scene.time_s
