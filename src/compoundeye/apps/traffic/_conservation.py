"""Whether the counts of lines agree with who is inside: in less out is inside, or something drifts."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Any

from compoundeye.apps.traffic._lines import LineCounter
from compoundeye.apps.traffic._scene import Scene
from compoundeye.apps.traffic._zone import ZoneWatch

SETTLE_S = 10.0
"""Who is inside is the median of so long: boxes come and go."""


class Conservation:
    """One zone, and the lines around it."""

    def __init__(self) -> None:
        self._seen = deque[tuple[float, int]]()
        self._began_s: float | None = None
        self._base: float | None = None
        """Who was inside before anybody was counted."""
        self._facts: dict[str, Any] = {}

    def step(self, scene: Scene, watch: ZoneWatch, lines: dict[str, LineCounter]) -> None:
        """Take a frame, after zones and lines did."""
        self._began_s = scene.time_s if self._began_s is None else self._began_s
        self._seen.append((scene.time_s, len(watch.rows)))
        while scene.time_s - self._seen[0][0] > SETTLE_S:
            self._seen.popleft()
        into, out = _around(watch, lines)
        inside = median(count for _, count in self._seen)
        if self._base is None and scene.time_s - self._began_s >= SETTLE_S:
            self._base = inside - (into - out)
        if self._base is not None:
            expected = self._base + into - out
            self._facts = {
                "zone": watch.name, "in": into, "out": out,
                "inside_expected": expected, "inside_seen": inside, "drift": inside - expected,
            }  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """How things are now; empty until it is known who was inside at the beginning."""
        return self._facts


def _around(watch: ZoneWatch, lines: dict[str, LineCounter]) -> tuple[int, int]:
    into = out = 0
    for names, leads_in in ((watch.zone.entrances, True), (watch.zone.exits, False)):
        for name in names:
            tally = lines[name].tally
            one, other = tally.into.total(), tally.out.total()
            into, out = into + (one if leads_in else other), out + (other if leads_in else one)
    return into, out
