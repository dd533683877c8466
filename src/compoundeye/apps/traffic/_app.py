"""One stream's traffic: from what a detector found to counts, measures and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._draw import draw
from compoundeye.apps.traffic._lines import LineCounter
from compoundeye.apps.traffic._motion import Metric, Motion
from compoundeye.apps.traffic._places import Places
from compoundeye.apps.traffic._scene import Scene, plain_box, scene
from compoundeye.apps.traffic._settings import PEOPLE, TrafficSettings
from compoundeye.apps.traffic._visitors import Visitors
from compoundeye.records import Detections, Event, Frame, Tracks
from compoundeye.video import Box, Canvas, Outcome, Stream, Tracker


class TrafficApp:
    """One stream's rules: see ``App``."""

    def __init__(self, stream: Stream, settings: TrafficSettings, tracker: Tracker) -> None:
        """Raises ``EyeError`` for settings that do not fit the stream."""
        self.stream = stream
        self._tracker = tracker
        self._visitors = Visitors(settings.tracker.linger_s)
        self._desk = Desk(stream, "traffic", settings.update_s)
        self._motion = Motion()
        self._metric: Metric | None = None
        self._time_s: float | None = None
        self.scene: Scene | None = None
        self.lines: dict[str, LineCounter] = {}
        self.settings = settings
        self.configure(settings)

    def configure(self, settings: TrafficSettings) -> None:
        """Go on under other settings: a line or zone of the same name keeps its counts.

        Raises:
            EyeError: they do not fit the stream; the old ones stay.
        """
        places = Places(self.stream, settings)
        lines = {
            name: LineCounter(
                name,
                line,
                places.points(line.points, f"lines.{name}.points"),
                line.anchor or settings.anchor,
                self.lines[name].tally if name in self.lines else None,
            )
            for name, line in settings.lines.items()
        }
        self.settings, self.lines = settings, lines
        self._desk.update_s, self._visitors.linger_s = settings.update_s, settings.tracker.linger_s

    def step(self, frame: Frame, found: Detections) -> Outcome:
        """Take a frame and what was found in it."""
        self._desk.at(frame)
        wanted = np.array([name in self.settings.classes for name in found.names], np.bool_)
        followed = found[wanted[found.classes]] if len(found) else found
        tracks = self._tracker.update(followed, frame.time_s, frame)
        self.scene = scene(frame, self._time_s, tracks, self._visitors, self._motion, self._metric)
        self._time_s = frame.time_s
        for line in self.lines.values():
            line.step(self.scene, self._desk)
        return Outcome(self._records(self.scene), self._desk.take(), _people(found, tracks))

    def draw(self, canvas: Canvas) -> None:
        """Show how things are after the last step."""
        if self.scene is not None:
            draw(canvas, self)

    def state(self) -> Mapping[str, Any]:
        """How things are after the last step: counters by line."""
        return {
            "tracks": 0 if self.scene is None else len(self.scene.rows),
            "lines": {
                name: {
                    "in": line.tally.into.total(),
                    "out": line.tally.out.total(),
                    "by_class": {"in": dict(line.tally.into), "out": dict(line.tally.out)},
                }
                for name, line in self.lines.items()
            },
        }

    def finish(self) -> Sequence[Event]:
        """The stream ends: the events that end whatever lasts."""
        if self.scene is not None:
            for line in self.lines.values():
                line.finish(self._visitors, self._desk)
            self._desk.end_all()
        return self._desk.take()

    def _records(self, scene: Scene) -> list[dict[str, Any]]:
        visitors = scene.visitors
        return [
            {
                "track": int(visitors.ids[row]),
                "class": visitors.kind_of(row),
                "box": list(plain_box(box)),
                "seen": bool(seen),
                **({} if np.isnan(speed) else {"speed_kmh": round(float(speed), 1)}),
            }
            for row, box, seen, speed in zip(scene.rows.tolist(), scene.boxes, scene.seen, scene.speed_kmh, strict=True)
        ]


def _people(found: Detections, tracks: Tracks) -> list[Box]:
    """Where people are or may be: even faint detections, and where a tracker believes somebody to be."""
    boxes: list[Box] = []
    for seen in (found, tracks):
        person = np.array([name in PEOPLE for name in seen.names], np.bool_)
        if len(seen):
            boxes.extend(plain_box(box.astype(np.float64)) for box in seen.boxes[person[seen.classes]])
    return boxes
