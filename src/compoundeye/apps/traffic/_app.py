"""One stream's traffic: from what a detector found to counts, measures and events."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._draw import Picture, draw
from compoundeye.apps.traffic._ground import GroundPlane
from compoundeye.apps.traffic._heat import Heat
from compoundeye.apps.traffic._interval import Intervals
from compoundeye.apps.traffic._layout import Layout, layout
from compoundeye.apps.traffic._motion import Motion
from compoundeye.apps.traffic._riders import Riders
from compoundeye.apps.traffic._scene import Scene, plain_boxes, scene
from compoundeye.apps.traffic._settings import PEOPLE, TrafficSettings
from compoundeye.apps.traffic._state import state
from compoundeye.apps.traffic._visitors import Visitors
from compoundeye.apps.traffic._zone import occupancy
from compoundeye.records import Detections, Event, Frame, Tracks
from compoundeye.video import Box, Canvas, Outcome, Stream, Tracker


class TrafficApp:
    """One stream's rules: see ``App``."""

    def __init__(self, stream: Stream, settings: TrafficSettings, tracker: Tracker) -> None:
        """Raises ``EyeError`` for settings that do not fit the stream."""
        self._stream, self._tracker, self._settings, self._began_with = stream, tracker, settings, settings.tracker
        self._layout = layout(stream, settings)
        self._visitors, self._motion, self._riders = Visitors(settings.tracker.linger_s), Motion(), Riders()
        self._desk = Desk(stream, "traffic", settings.update_s)
        self._intervals = Intervals(settings.interval_s)
        self._heat = Heat(settings.heat_columns, stream.width, stream.height)
        self._scene: Scene | None = None

    @property
    def settings(self) -> TrafficSettings:
        """Under which it goes on now."""
        return self._settings

    @property
    def ground(self) -> GroundPlane | None:
        """How pixels become metres, where that is known."""
        return self._layout.ground

    def configure(self, settings: TrafficSettings) -> None:
        """Go on under other settings: a line or zone of the same name keeps its counts.

        Another tracker, or other settings of it, are for the next start: ids would begin again.

        Raises:
            EyeError: they do not fit the stream; the old ones stay.
        """
        old, new = self._layout, layout(self._stream, settings, self._layout)
        if self._scene is not None:
            self._part(old, new, settings)
        if settings.heat_columns != self._settings.heat_columns:
            self._heat = Heat(settings.heat_columns, self._stream.width, self._stream.height)
        self._desk.update_s, self._visitors.linger_s = settings.update_s, settings.tracker.linger_s
        self._settings, self._layout = settings, new

    def step(self, frame: Frame, found: Detections) -> Outcome:
        """Take a frame and what was found in it."""
        wanted = np.array([name in self._settings.classes for name in found.names], np.bool_)
        followed = found[wanted[found.classes]] if len(found) else found
        tracks = self._tracker.update(followed, frame.time_s, frame)
        last = None if self._scene is None else self._scene.time_s
        now = self._scene = scene(frame, last, tracks, self._visitors, self._motion, self._riders, self._layout.ground)
        self._desk.at(frame)
        ended = self._intervals.step(frame.captured, now.watched_s)
        if ended:
            self._tell(*ended)
            self._intervals.began(now.watched_s)
        self._watch(now)
        return Outcome(self._records(now), self._desk.take(), _people(found, tracks))

    def draw(self, canvas: Canvas) -> None:
        """Show how things are after the last step."""
        if self._scene is not None:
            heat = self._heat.total if self._settings.draw_heat else None
            draw(canvas, Picture(self._scene, self._layout, self._desk, heat))

    def state(self) -> Mapping[str, Any]:
        """How things are after the last step: counters by line, fillings by zone, what lasts, warnings."""
        now = state(self._layout, self._desk, self._visitors, 0 if self._scene is None else len(self._scene.rows))
        new, old = self._settings.tracker, self._began_with
        if (new.name, new.settings) != (old.name, old.settings):
            now["warnings"].append("the tracker's settings have changed; they hold from the next start on")
        return now

    def finish(self) -> Sequence[Event]:
        """The stream ends: the events that end whatever lasts."""
        if self._scene is not None:
            for line in self._layout.lines.values():
                line.flow.step(line.counter.finish(self._visitors, self._desk))
            left = self._intervals.finish()
            if left:
                self._tell(*left)
            self._desk.end_all()
        return self._desk.take()

    def _watch(self, now: Scene) -> None:
        for line in self._layout.lines.values():
            line.flow.step(line.counter.step(now, self._desk))
        counters = {name: line.counter for name, line in self._layout.lines.items()}
        for zone in self._layout.zones.values():
            zone.watch.step(now)
            for rule in zone.rules:
                rule.step(now, zone.watch, self._desk)
            if zone.conservation:
                zone.conservation.step(now, zone.watch, counters)
        self._heat.step(now)

    def _tell(self, start: float, end: float) -> None:
        """What an interval was like."""
        for name, line in self._layout.lines.items():
            self._desk.instant("flow", line.flow.take(name, self._intervals.watched_s), start=start, end=end)
        for zone in self._layout.zones.values():
            self._desk.instant("occupancy", occupancy(zone.watch), start=start, end=end)
            if zone.conservation and zone.conservation.facts():
                self._desk.instant("drift", zone.conservation.facts(), start=start, end=end)
        if self._settings.heat_columns:
            self._desk.instant("heat", self._heat.take(), start=start, end=end)

    def _part(self, old: Layout, new: Layout, settings: TrafficSettings) -> None:
        """Tell what will no longer be there: an interval that is cut short, and events of rules that go."""
        gone = set(old.lines) - set(new.lines) or set(old.zones) - set(new.zones)
        if (
            gone
            or settings.interval_s != self._settings.interval_s
            or settings.heat_columns != self._settings.heat_columns
        ):
            left = self._intervals.finish()
            if left:
                self._tell(*left)
            self._intervals = Intervals(settings.interval_s)
        rules = {(rule.kind, name) for name, zone in new.zones.items() for rule in zone.rules}
        for kind, key, _ in self._desk.open():
            if (kind, key[0]) not in rules:
                self._desk.over(kind, key)

    def _records(self, now: Scene) -> list[dict[str, Any]]:
        visitors = now.visitors
        zones = {name: set(zone.watch.rows.tolist()) for name, zone in self._layout.zones.items()}
        return [
            {
                "track": int(visitors.ids[row]),
                "class": visitors.kind_of(row),
                "box": list(box),
                "seen": seen,
                "zones": [name for name, rows in zones.items() if row in rows],
                **({} if math.isnan(speed) else {"speed_kmh": round(speed, 1)}),
            }
            for row, box, seen, speed in zip(
                now.rows.tolist(), plain_boxes(now.boxes), now.seen.tolist(), now.speed_kmh.tolist(), strict=True
            )
        ]


def _people(found: Detections, tracks: Tracks) -> list[Box]:
    """Where people are or may be: even faint detections, and where a tracker believes somebody to be."""
    boxes: list[Box] = []
    for seen in (found, tracks):
        person = np.array([name in PEOPLE for name in seen.names], np.bool_)
        if len(seen):
            boxes.extend(plain_boxes(seen.boxes[person[seen.classes]]))
    return boxes
