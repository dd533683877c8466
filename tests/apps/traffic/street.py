"""A street for tests: who walks where and when, seen without error and followed under the ids that the test gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compoundeye.apps.traffic import TrafficApp, TrafficSettings
from compoundeye.records import Detections, Event, Frame, Tracks
from compoundeye.video import Stream

NAMES = ("person", "car", "suitcase", "bicycle")
SIZE = (640, 360)
BEGAN = 1_800_000_000.0
"""Capture time of the first frame: a whole quarter of an hour."""
Path = Callable[[float], tuple[float, float] | None]
"""From s to where the feet are, or None while out of sight."""


@dataclass(frozen=True)
class Actor:
    """Somebody on the street."""

    track: int | Callable[[float], int]
    path: Path
    kind: str = "person"
    height: float = 60.0
    seen: Callable[[float], bool] = lambda _: True

    def id_at(self, time_s: float) -> int:
        return self.track if isinstance(self.track, int) else self.track(time_s)


class NoImage:
    width, height = SIZE

    def rgb(self, width: int | None = None, height: int | None = None) -> Any:
        raise AssertionError(f"nobody has to look at pixels, of {width} x {height}")


class Told:
    """A tracker that is told who is there."""

    def __init__(self) -> None:
        self.tracks = Tracks.none(NAMES)

    def update(self, found: Detections, time_s: float, frame: Frame | None = None) -> Tracks:
        del found, time_s, frame
        return self.tracks


class Drawn:
    """A canvas that notes what is drawn."""

    def __init__(self) -> None:
        self.shapes: list[dict[str, Any]] = []

    def box(self, box: Any, colour: Any, label: str = "") -> None:
        self.shapes.append({"kind": "box", "box": box, "colour": colour, "label": label})

    def line(self, points: Any, colour: Any, label: str = "", *, closed: bool = False) -> None:
        self.shapes.append({"kind": "line", "points": points, "colour": colour, "label": label, "closed": closed})

    def arrow(self, start: Any, end: Any, colour: Any, label: str = "") -> None:
        self.shapes.append({"kind": "arrow", "points": [start, end], "colour": colour, "label": label})

    def fill(self, points: Any, colour: Any, share: float) -> None:
        self.shapes.append({"kind": "fill", "points": points, "colour": colour, "share": share})

    def dot(self, point: Any, colour: Any) -> None:
        self.shapes.append({"kind": "dot", "points": [point], "colour": colour})

    def text(self, lines: Sequence[str]) -> None:
        self.shapes.append({"kind": "text", "lines": list(lines)})

    def heat(self, values: Any, colour: Any) -> None:
        self.shapes.append({"kind": "heat", "values": values.tolist(), "colour": colour})


@dataclass
class Street:
    """One camera with an app, and all that it said so far."""

    app: TrafficApp
    tracker: Told
    events: list[Event]
    index: int = 0

    def frame(self, time_s: float, dropped: int = 0) -> Frame:
        self.index += 1
        return Frame("street", self.index - 1, time_s, BEGAN + time_s, NoImage(), dropped)

    def see(self, time_s: float, actors: Iterable[Actor]) -> list[Event]:
        """One frame."""
        there = [(actor, at) for actor in actors if (at := actor.path(time_s)) is not None]
        self.tracker.tracks = tracks(
            [(actor.id_at(time_s), actor.kind, at, actor.height, actor.seen(time_s)) for actor, at in there]
        )
        outcome = self.app.step(self.frame(time_s), Detections.none(NAMES))
        self.events += outcome.events
        return list(outcome.events)

    def watch(self, actors: Sequence[Actor], seconds: float, *, rate: float = 10.0, start: float = 0.0) -> list[Event]:
        """Frames at a rate, from ``start`` on; what was said meanwhile."""
        before = len(self.events)
        for number in range(round(seconds * rate)):
            self.see(start + number / rate, actors)
        return self.events[before:]

    def end(self) -> list[Event]:
        last = list(self.app.finish())
        self.events += last
        return last

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]


def street(**settings: Any) -> Street:
    """A camera of 640 x 360 pixels with settings as a TOML file holds them."""
    told = Told()
    stream = Stream("street", *SIZE, rate=None, run="run")
    return Street(TrafficApp(stream, TrafficSettings.model_validate(settings), told), told, [])


def tracks(people: Sequence[tuple[int, str, tuple[float, float], float, bool]]) -> Tracks:
    """Tracks of (id, class, feet, height, seen); boxes are 0.4 as wide as high."""
    if not people:
        return Tracks.none(NAMES)
    ids, kinds, feet, heights, seen = zip(*people, strict=True)
    x, y = np.array(feet, np.float32).T
    high = np.array(heights, np.float32)
    boxes = np.stack([x - 0.2 * high, y - high, x + 0.2 * high, y], axis=1)
    return Tracks(
        np.array(ids, np.int64),
        boxes.astype(np.float32),
        np.full(len(ids), 0.9, np.float32),
        np.array([NAMES.index(kind) for kind in kinds], np.int32),
        NAMES,
        np.array(seen, np.bool_),
    )


def walk(*stops: tuple[float, float, float]) -> Path:
    """Straight from stop to stop, each (s, x, y); not there before the first and after the last."""
    times, xs, ys = (np.array(column) for column in zip(*stops, strict=True))

    def at(time_s: float) -> tuple[float, float] | None:
        if not times[0] <= time_s <= times[-1]:
            return None
        return float(np.interp(time_s, times, xs)), float(np.interp(time_s, times, ys))

    return at
