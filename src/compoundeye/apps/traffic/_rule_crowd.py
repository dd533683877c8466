"""How dense people are, by Fruin's levels of service."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any

import numpy as np

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._rule_settings import Crowding
from compoundeye.apps.traffic._scene import Scene
from compoundeye.apps.traffic._settings import PEOPLE
from compoundeye.apps.traffic._zone import ZoneWatch

SQUARE_FOOT_M2 = 0.09290304
LEVELS = "ABCDEF"
# Least square feet a person for levels A to E; less is F. J. J. Fruin, Pedestrian Planning and Design, 1971: level of
# service standards for walkways, queueing and stairways (as handbooks repeat them).
FRUIN_SQUARE_FEET = {
    "walkway": (35.0, 25.0, 15.0, 10.0, 5.0),
    "waiting": (13.0, 10.0, 7.0, 3.0, 2.0),
    "stairs": (20.0, 15.0, 10.0, 7.0, 4.0),
}


def fruin_level(people: int, area_m2: float, scale: str) -> str:
    """The level, A to F, of so many people on an area; A where nobody is."""
    space = area_m2 / people / SQUARE_FOOT_M2 if people else np.inf
    return LEVELS[sum(space < least for least in FRUIN_SQUARE_FEET[scale])]


class CrowdingRule:
    """A crowd, from a level on. People are the median of a while, so that a level that is told has lasted.

    Boxes hide each other: the denser the crowd, the more people a detector misses.
    """

    kind = "crowding"

    def __init__(self, settings: Crowding, area_m2: float) -> None:
        self._settings, self._area_m2 = settings, area_m2
        self._seen = deque[tuple[float, int]]()
        self._facts: dict[str, Any] = {}

    def step(self, scene: Scene, watch: ZoneWatch, desk: Desk) -> None:
        """See ``Rule.step``."""
        self._seen.append((scene.time_s, int(scene.of_classes(watch.rows, PEOPLE).sum())))
        while scene.time_s - self._seen[0][0] > 2 * self._settings.after_s:
            self._seen.popleft()
        people = round(median(count for _, count in self._seen))
        level = fruin_level(people, self._area_m2, self._settings.scale)
        changed = level != self._facts.get("level")
        self._facts = {
            "level": level,
            "people": people,
            "area_m2": round(self._area_m2, 1),
            "density_per_m2": round(people / self._area_m2, 2),
        }
        if level >= self._settings.level:
            desk.lasting(self.kind, (watch.name,), {"zone": watch.name, **self._facts}, changed=changed)
        else:
            desk.over(self.kind, (watch.name,))

    def state(self) -> Mapping[str, Any]:
        """The level now."""
        return self._facts
