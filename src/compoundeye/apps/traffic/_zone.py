"""Who is in a zone, since when, and how full it was over an interval.

Inside and outside begin a little away from the edge, and a change has to last for a moment: a foot that trembles on
the edge, or is hidden for two frames, neither comes nor goes. Who is out of sight for a moment is still there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from compoundeye.apps.traffic._geometry import Float64, depth
from compoundeye.apps.traffic._scene import Scene
from compoundeye.apps.traffic._settings import Anchor, Zone
from compoundeye.apps.traffic._visitors import CAPACITY, Rows


@dataclass(slots=True)
class Filling:
    """How full a zone was since an interval began."""

    seconds: float = 0.0
    """That were watched."""
    presence_s: float = 0.0
    """Seconds that visitors were inside, all together."""
    most: int = 0
    visits: int = 0
    """Who came in, or was there at the beginning."""
    stays: list[float] = field(default_factory=list)
    """s that those were inside who left."""

    @property
    def mean(self) -> float:
        """Visitors at a time."""
        return self.presence_s / self.seconds if self.seconds else float(self.most)


@dataclass(slots=True)
class Memory:
    """What a zone knows of visitors, by row; it outlives changes of settings."""

    inside: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(CAPACITY, np.bool_))
    since_s: Float64 = field(default_factory=lambda: np.zeros(CAPACITY))
    changing_s: Float64 = field(default_factory=lambda: np.full(CAPACITY, np.nan))
    known: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(CAPACITY, np.bool_))
    filling: Filling = field(default_factory=Filling)
    visits: int = 0
    """Since the stream began."""


class ZoneWatch:
    """One zone of one stream."""

    def __init__(
        self, name: str, zone: Zone, polygon: Float64, anchor: Anchor, area_m2: float | None = None,
        memory: Memory | None = None,
    ) -> None:  # fmt: skip
        self.name, self.zone, self.polygon, self.anchor, self.area_m2 = name, zone, polygon, anchor, area_m2
        self.memory = memory or Memory()
        self.rows: Rows = np.empty(0, np.int64)
        """[I] of who is inside and of the zone's classes, out of sight or not."""
        self.everything: Rows = np.empty(0, np.int64)
        """[J] the same of all classes."""
        self.left: list[tuple[int, float]] = []
        """Who left in this frame: row, and s that it was inside."""

    def step(self, scene: Scene) -> None:
        """Take a frame."""
        memory = self.memory
        fresh = scene.rows[scene.present.fresh]
        memory.inside[fresh], memory.known[fresh], memory.changing_s[fresh] = False, False, np.nan
        was = memory.inside.copy()
        self._place(scene)
        gone = scene.present.gone
        memory.inside[gone] = False
        live = scene.visitors.live()
        self.everything = live[memory.inside[live]]
        self.rows = self.everything[scene.of_classes(self.everything, self.zone.classes)]
        moved = np.concatenate([live, gone])
        moved = moved[scene.of_classes(moved, self.zone.classes)]
        self._fill(scene, moved[memory.inside[moved] & ~was[moved]], moved[was[moved] & ~memory.inside[moved]])

    def stays(self, time_s: float) -> Float64:
        """[I] s that each of ``rows`` has been inside."""
        return np.asarray(time_s - self.memory.since_s[self.rows])

    def _place(self, scene: Scene) -> None:
        memory, now = self.memory, scene.time_s
        rows = scene.rows[scene.seen]
        away = depth(scene.anchors(self.anchor)[scene.seen], self.polygon)
        band = self.zone.hysteresis * scene.heights[scene.seen]
        new = ~memory.known[rows]
        memory.inside[rows[new]], memory.since_s[rows[new]], memory.known[rows[new]] = away[new] > 0, now, True
        wanted = np.where(np.abs(away) > band, away > 0, memory.inside[rows])
        differs = wanted != memory.inside[rows]
        memory.changing_s[rows] = np.where(differs, np.fmin(memory.changing_s[rows], now), np.nan)
        change = differs & (now - memory.changing_s[rows] >= self.zone.settle_s)
        memory.inside[rows[change]] = wanted[change]
        memory.since_s[rows[change & wanted]] = memory.changing_s[rows[change & wanted]]

    def _fill(self, scene: Scene, entered: Rows, left: Rows) -> None:
        filling = self.memory.filling
        ends = np.where(np.isin(left, scene.present.gone), scene.visitors.seen_s[left], scene.time_s)
        self.left = [
            (int(row), max(0.0, float(end - self.memory.since_s[row]))) for row, end in zip(left, ends, strict=True)
        ]
        filling.stays.extend(stay for _, stay in self.left)
        filling.visits += len(entered)
        self.memory.visits += len(entered)
        filling.most = max(filling.most, len(self.rows))
        filling.seconds += scene.watched_s
        filling.presence_s += scene.watched_s * len(self.rows)


def occupancy(watch: ZoneWatch) -> dict[str, object]:
    """What an event says of the interval that ends; a new one begins."""
    filling = watch.memory.filling
    stays: Sequence[float] = filling.stays
    watch.memory.filling = Filling(most=len(watch.rows), visits=len(watch.rows))
    return {
        "zone": watch.name,
        "mean": round(filling.mean, 2),
        "max": filling.most,
        "visits": filling.visits,
        "dwell_s": round(float(np.mean(stays)), 1) if stays else None,
        "watched_s": round(filling.seconds, 1),
    }
