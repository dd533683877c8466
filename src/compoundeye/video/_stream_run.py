"""One stream on its way: frames from its source, through what looks, into its app, and out to whoever watches."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, replace
from threading import Event as Flag
from threading import RLock
from typing import Any, Generic, Protocol, TypeVar

from compoundeye.records import Event, EyeError, Frame
from compoundeye.video._app import App, Look, Outcome, Stream
from compoundeye.video._batcher import Lane
from compoundeye.video._latency import Latency
from compoundeye.video._source import Source

Found = TypeVar("Found")
FIRST_TRY_S, LONGEST_TRY_S = 1.0, 30.0
"""Between tries to open a camera that was not there at the start."""
BUSY_S = 0.5
"""A state that takes longer is told as it was."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame after an app took it: what those who watch are given, in the stream's own thread."""

    stream: Stream
    frame: Frame
    outcome: Outcome
    app: App[Any]
    """May be drawn and asked for its state until the viewer returns."""
    live: bool = False
    """Whether the newest frame wins, so that a viewer that takes long costs frames; else it costs time."""


class Viewer(Protocol):
    """Who watches: writes a video, prints lines, shows a window. Called from several streams' threads at once."""

    def see(self, seen: Seen) -> None:
        """Take one frame; the stream waits until this returns."""

    def close(self) -> None:
        """Nothing more comes. May be called twice, and while ``see`` still waits for something outside."""


class Media(Protocol):
    """Who adds files to events: pictures, clips. One that needs all frames is a viewer too."""

    @property
    def error(self) -> str | None:
        """Why files are missing at present."""

    def illustrate(self, seen: Seen | None, events: Sequence[Event]) -> Sequence[Event]:
        """The messages of one frame with their files; of a stream's end, which has no frame. From several threads."""


class StreamRun(Generic[Found]):
    """Opens, runs, counts and times one stream. ``run`` is a thread's; everything else may be called from others."""

    def __init__(
        self,
        name: str,
        settings: Any,
        look: Look[Found],
        opens: Callable[[], Source],
        begins: Callable[[Stream, Any], App[Found]],
        *,
        token: str,
        every: int = 1,
        ahead: int = 2,
        viewers: Sequence[Viewer] = (),
        deliver: Callable[[Sequence[Event]], None] | None = None,
        media: Sequence[Media] = (),
    ) -> None:
        """
        Args:
            settings: of the app.
            opens: the source; called again while it cannot be opened.
            begins: the stream's app.
            token: makes ids of events unique over runs.
            ahead: frames that a lossless stream asks for before it waits; a live one asks for one.
            deliver: takes the events of each frame.
            media: add files to them before.
        """
        self.name, self._settings, self._look = name, settings, look
        self._opens, self._begins, self._token = opens, begins, token
        self._every, self._ahead, self._viewers = every, ahead, viewers
        self._deliver, self._media = deliver or _keep_nothing, media
        self._lock = RLock()  # an app is called from one thread at a time
        self._opened: tuple[Source, Stream, App[Found]] | None = None
        self._closed = Flag()
        self._asked = deque[tuple[Frame, float, Future[Found]]]()
        self._newest: Frame | None = None
        self._events = 0
        self._told = dict[str, Any]()
        self.looked = 0
        self.latency = Latency()
        self.error: Exception | None = None
        self.complaint: str | None = None
        """Why it is not open yet, or why changed settings are not in use."""
        self.state()

    def open(self) -> None:
        """Open source and app.

        Raises:
            EyeError: one of them cannot be had.
        """
        source = self._opens()
        stream = Stream(self.name, source.width, source.height, source.rate, self._token)
        try:
            with self._lock:
                self._opened = source, stream, self._begins(stream, self._settings)
        except BaseException:
            source.close()
            raise
        if self._closed.is_set():
            source.close()

    def run(self, lane: Lane[Found]) -> None:
        """Until the source ends, is closed or fails; then end the app's events. Never raises: ``error`` has it."""
        try:
            self._open_patiently()
            if self._opened is not None:
                source, stream, app = self._opened
                try:
                    self._follow(source, stream, app, lane)
                finally:
                    self._finish(app)
        except CancelledError:
            pass  # the batcher was closed under us: there is nobody left to ask
        except Exception as error:
            self.error = error
        finally:
            self.close()

    def close(self) -> None:
        """Let the source end, and with it ``run``."""
        self._closed.set()
        if self._opened is not None:
            self._opened[0].close()

    def configure(self, settings: Any) -> None:
        """Go on under other settings, or go on as before and keep the complaint."""
        with self._lock:
            try:
                if self._opened is not None:
                    self._opened[2].configure(settings)
            except EyeError as mistake:
                self.complaint = str(mistake)
            else:
                self._settings, self.complaint = settings, None

    def state(self) -> dict[str, Any]:
        """How the stream is doing, as plain values."""
        newest = self._newest
        if self._lock.acquire(timeout=BUSY_S):
            try:
                app = {} if self._opened is None else dict(self._opened[2].state())
                self._told = {"latency_ms": self.latency.recent(time.monotonic()), "app": app}
            finally:
                self._lock.release()
        # Else a viewer takes long: other streams' states must not wait for it.
        facts = {
            "stream": self.name,
            "looked": self.looked,
            "events": self._events,
            "time_s": None if newest is None else newest.time_s,
            "captured": None if newest is None else newest.captured,
            "error": None if self.error is None else str(self.error),
            "settings_error": self.complaint,
            "media_error": next((one.error for one in self._media if one.error), None),
        }
        return facts | self._source_facts() | self._told

    def summary(self) -> dict[str, Any]:
        """What is left to say when it has ended."""
        keys = ("stream", "source", "frames", "looked", "dropped", "damaged", "reconnects", "events", "latency_from")
        state = self.state()
        found = {key: state[key] for key in (*keys, "error", "source_error", "app")}
        return found | {"latency_ms": self.latency.overall()}

    def _source_facts(self) -> dict[str, Any]:
        if self._opened is None:
            return {"source": "waiting", "source_error": None, "latency_from": "capture"} | dict.fromkeys(
                ("frames", "dropped", "damaged", "reconnects"), 0
            )
        source, stream, _ = self._opened
        status = source.status()
        return {
            "width": stream.width,
            "height": stream.height,
            "rate": stream.rate,
            "live": source.live,
            "source": status.state,
            "source_error": status.error,
            "frames": status.frames,
            "dropped": status.dropped,
            "damaged": status.damaged,
            "reconnects": status.reconnects,
            # A file's frames were captured whenever: what can be timed is how long we had them.
            "latency_from": "capture" if source.live else "decoding",
        }

    def _open_patiently(self) -> None:
        """A camera that is not there yet is waited for, until somebody stops the watch."""
        wait = FIRST_TRY_S
        while self._opened is None and not self._closed.wait(wait):
            wait = min(2 * wait, LONGEST_TRY_S)
            try:
                self.open()
                self.complaint = None
            except EyeError as error:
                self.complaint = str(error)

    def _follow(self, source: Source, stream: Stream, app: App[Found], lane: Lane[Found]) -> None:
        last = -self._every
        # Live: whatever waited behind another frame would be old when its turn came.
        ahead = 1 if source.live else self._ahead
        try:
            for frame in source.frames():
                if frame.index - last < self._every:
                    continue
                last = frame.index
                came = frame.captured if source.live else time.time()
                self._asked.append((frame, came, lane.ask(frame, self._look.prepare(frame))))
                while self._asked and (len(self._asked) >= ahead or self._asked[0][2].done()):
                    self._answer(stream, app, source.live)
        finally:  # a source that fails half way keeps nothing from the frames before
            while self._asked:
                self._answer(stream, app, source.live)

    def _answer(self, stream: Stream, app: App[Found], live: bool) -> None:
        frame, came, future = self._asked.popleft()
        found = future.result()
        with self._lock:
            outcome = app.step(frame, found)
            self._newest = frame
            self.looked += 1
            self._events += len(outcome.events)
            seen = Seen(stream, frame, outcome, app, live)
            if outcome.events and self._media:
                outcome = replace(outcome, events=self._illustrated(seen, outcome.events))
                seen = replace(seen, outcome=outcome)
            self._deliver(outcome.events)
            self.latency.add(time.time() - came, time.monotonic())
            for viewer in self._viewers:
                viewer.see(seen)

    def _finish(self, app: App[Found]) -> None:
        with self._lock:
            events = self._illustrated(None, app.finish())
            self._events += len(events)
            self._deliver(events)

    def _illustrated(self, seen: Seen | None, events: Sequence[Event]) -> Sequence[Event]:
        for one in self._media:
            events = one.illustrate(seen, events)
        return events


def _keep_nothing(_: Sequence[Event]) -> None:
    """Where events go that nobody wants."""
