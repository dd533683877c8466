"""An application, a look and sources that tests can predict: numbers instead of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Condition, Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from compoundeye.records import Event, EyeError, Frame
from compoundeye.video import ArrayImage, Canvas, Outcome, Section, SourceStatus, Stream

UInt8 = npt.NDArray[np.uint8]
SHADES = 251
"""Frames are grey in a shade that tells their index."""


class Counter(Section):
    """Settings of the application below."""

    least: int = Field(default=0, ge=0, le=250, description="shades below are no event")
    span: int = Field(default=1, ge=1, le=100, description="frames that an event lasts")
    lines: dict[str, tuple[float, float]] = Field(default={})
    detector: dict[str, Any] = Field(default={})


def frame(stream: str, index: int, *, dropped: int = 0, rate: float = 10.0, began: float = 1e9) -> Frame:
    """A frame that shows its index."""
    pixels = np.full((24, 32, 3), index % SHADES, np.uint8)
    time_s = index / rate
    return Frame(stream, index, time_s, began + time_s, ArrayImage(pixels), dropped)


class ShadeLook:
    """Says how bright a frame is. Remembers the batches that it was given, and waits at a gate if told to."""

    identity = None

    def __init__(self, batch: int = 1) -> None:
        self.batch = batch
        self.batches = list[tuple[str, ...]]()
        self.fails_at: int | None = None
        self._gate = Condition()
        self._arrived = 0
        self._allowed: float = float("inf")

    def hold(self) -> None:
        """Stop before the next batch."""
        with self._gate:
            self._allowed = 0

    def allow(self, batches: float = float("inf")) -> None:
        """Let so many more through."""
        with self._gate:
            self._allowed = batches
            self._gate.notify_all()

    def arrived(self, batches: int) -> None:
        """Wait until so many batches stand at the gate or went through."""
        with self._gate:
            assert self._gate.wait_for(lambda: self._arrived >= batches, timeout=60)

    def prepare(self, frame: Frame) -> UInt8:
        return frame.image.rgb(2, 2)

    def __call__(self, frames: Sequence[Frame], prepared: Sequence[UInt8]) -> Sequence[int]:
        with self._gate:
            self._arrived += 1
            self._gate.notify_all()
            self._gate.wait_for(lambda: self._allowed > 0)
            self._allowed -= 1
            self.batches.append(tuple(frame.stream for frame in frames))
        shades = [int(pixels[0, 0, 0]) for pixels in prepared]
        if self.fails_at in shades:
            raise EyeError("the model cannot look at this")
        return shades


class ShadeApp:
    """Every so many frames an event begins, and lasts; the last one is ended by ``finish``."""

    def __init__(self, stream: Stream, settings: Counter) -> None:
        self.stream, self.settings = stream, settings
        self.steps = list[int]()
        self.shades = list[int]()
        self.finished = False
        self._open: Event | None = None
        self._last: Frame | None = None

    def step(self, frame: Frame, found: int) -> Outcome:
        assert not self.finished
        self.steps.append(frame.index)
        self.shades.append(found)
        self._last = frame
        events = list[Event]()
        if self._open is not None and frame.time_s - self._open.time_s >= self.settings.span / 10:
            events.append(self._message(frame, "end"))
        if self._open is None and found >= self.settings.least:
            events.append(self._message(frame, "new"))
        return Outcome(({"shade": found},), tuple(events), ((4.0, 4.0, 28.0, 20.0),))

    def draw(self, canvas: Canvas) -> None:
        canvas.box((1, 2, 3, 4), (255, 0, 0))

    def state(self) -> Mapping[str, Any]:
        return {"steps": len(self.steps), "least": self.settings.least}

    def configure(self, settings: Counter) -> None:
        if settings.lines.get("bad"):
            raise EyeError("line bad is outside of the frame")
        self.settings = settings

    def finish(self) -> Sequence[Event]:
        self.finished = True
        if self._open is None or self._last is None:
            return ()
        return (self._message(self._last, "end"),)

    def _message(self, frame: Frame, kind: Any) -> Event:
        begun = self._open
        event = Event(
            id=f"{self.stream.run}-{self.stream.name}-{frame.index}" if begun is None else begun.id,
            revision=0 if begun is None else begun.revision + 1,
            type=kind,
            app="shades",
            kind="shade",
            stream=self.stream.name,
            time_s=frame.time_s,
            captured=frame.captured,
            start=frame.captured if begun is None else begun.start,
            end=frame.captured if kind == "end" else None,
            dropped=frame.dropped,
            after={"index": frame.index},
            before=None if begun is None else begun.after,
        )
        self._open = None if kind == "end" else event
        return event


class ShadeApplication:
    """Makes both; keeps them for the test to look at."""

    name = "shades"
    settings = Counter

    def __init__(self, batch: int = 1) -> None:
        self.made = ShadeLook(batch)
        self.apps = dict[str, ShadeApp]()

    def look(self, settings: Counter, *, device: str = "cpu", threads: int = 1) -> ShadeLook:  # noqa: ARG002
        return self.made

    def open(self, stream: Stream, settings: Counter) -> ShadeApp:
        self.apps[stream.name] = ShadeApp(stream, settings)
        return self.apps[stream.name]


class Sent:
    """A sink that keeps messages in memory, and refuses while it is told to."""

    def __init__(self) -> None:
        self.events = list[Event]()
        self.refuses = self.closed = False
        self._lock = Lock()

    def send(self, events: Sequence[Event]) -> None:
        with self._lock:
            if self.refuses:
                raise EyeError("the disk is full")
            self.events.extend(events)

    def close(self) -> None:
        self.closed = True


@dataclass
class Script:
    """A source of so many frames, some of which were dropped; or one that goes on until it is closed."""

    stream: str
    count: int | None = 10
    live: bool = False
    drops: Mapping[int, int] = field(default_factory=dict)
    fails_at: int | None = None
    width: int = 32
    height: int = 24
    rate: float | None = 10.0
    closed: bool = False
    given: int = 0
    dropped: int = 0

    def frames(self) -> Iterator[Frame]:
        index = 0
        while not self.closed and (self.count is None or self.given < self.count):
            if self.given == self.fails_at:
                raise EyeError(f"{self.stream} cannot be read any further")
            lost = self.drops.get(self.given, 0)
            self.dropped += lost
            index += lost
            self.given += 1
            yield frame(self.stream, index, dropped=self.dropped)
            index += 1

    def status(self) -> SourceStatus:
        return SourceStatus("ended" if self.closed else "running", self.given, self.dropped, 0, 0, None)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
