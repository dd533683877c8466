"""How many cross a line in an interval, by direction and class, and how fast."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from compoundeye.apps.traffic._lines import Crossing


class Flow:
    """One line's interval."""

    def __init__(self) -> None:
        self._into, self._out = Counter[str](), Counter[str]()
        self._speeds: list[float] = []

    def step(self, crossings: Sequence[Crossing]) -> None:
        """Who has crossed since the last frame."""
        for crossing in crossings:
            (self._into if crossing.into else self._out)[crossing.kind] += 1
            if not np.isnan(crossing.speed_kmh):
                self._speeds.append(crossing.speed_kmh)

    def take(self, line: str, watched_s: float) -> dict[str, Any]:
        """What an event says of the interval that ends, ``watched_s`` of which were watched; a new one begins."""
        count = self._into.total() + self._out.total()
        told = {
            "line": line,
            "in": dict(self._into),
            "out": dict(self._out),
            "per_hour": round(count * 3600 / watched_s, 1) if watched_s > 0 else None,
            "mean_speed_kmh": round(float(np.mean(self._speeds)), 1) if self._speeds else None,
            "watched_s": round(watched_s, 1),
        }
        self._into, self._out, self._speeds = Counter(), Counter(), []
        return told
