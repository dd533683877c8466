"""The newest frame, whatever becomes of the others: a camera, or a recording that stands in for one.

One thread reads and decodes at the camera's pace and puts each frame where the next one replaces it. What nobody took
in time is dropped and counted. When the camera goes away, the thread tries again, for ever, less and less often.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

from compoundeye.records import EyeError, Frame
from compoundeye.video._catch_up import CatchUp
from compoundeye.video._decode import Decoder, Picture
from compoundeye.video._status import SourceStatus, State
from compoundeye.video._timeline import Timeline

# Seconds between tries: soon at first, since most interruptions are short; a camera that starts anew takes a minute.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 10.0
JOIN_S = 1.0
"""How long ``close`` waits for the thread; one that waits for a network ends by itself when that times out."""


class LiveSource:
    """A source that never falls behind."""

    def __init__(self, opened: Callable[[], Decoder], stream: str, *, endless: bool) -> None:
        """
        Args:
            opened: opens it, again and again.
            stream: its name.
            endless: whether it is to be there always; else it is a recording, played at its own pace to its end.

        Raises:
            EyeError: it cannot be opened now.
        """
        self._opened, self._endless = opened, endless
        self._decoder: Decoder | None = opened()
        self.stream, self.shown, self.live = stream, self._decoder.shown, True
        self.width, self.height, self.rate = self._decoder.width, self._decoder.height, self._decoder.rate
        self._timeline = Timeline(self.rate)
        self._began = 0.0
        self._changed = threading.Condition()
        # All of these belong to whoever holds ``_changed``.
        self._state: State = "ready"
        self._error: str | None = None
        self._came = self._given = self._damaged = self._reconnects = 0
        self._newest: Frame | None = None
        self._thread = threading.Thread(target=self._run, name=f"source {stream}", daemon=True)

    def frames(self) -> Iterator[Frame]:
        """The newest frame each time, waiting for one that was not given out yet. For one thread."""
        with self._changed:
            if self._state == "ready":
                self._state = "running"
                self._thread.start()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._over)
                frame, self._newest = self._newest, None
                if frame is None or self._state == "closed":
                    return
                frame = replace(frame, dropped=frame.index - self._given)
                self._given += 1
            yield frame

    def status(self) -> SourceStatus:
        """How it is doing, from any thread."""
        with self._changed:
            dropped = self._came - self._given - (self._newest is not None)
            return SourceStatus(self._state, self._given, dropped, self._damaged, self._reconnects, self._error)

    def close(self) -> None:
        """Stop: ``frames`` ends at once. From any thread, more than once."""
        with self._changed:
            if not self._over:
                self._state = "closed"
            self._changed.notify_all()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(JOIN_S)
        elif self._decoder is not None and not self._thread.ident:
            self._decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _over(self) -> bool:
        return self._state in ("ended", "closed")

    def _run(self) -> None:
        """The thread: connection after connection."""
        try:
            while self._decoder is not None:
                error = self._play(self._decoder)
                self._decoder.close()
                if not self._endless:
                    self._say("ended", error)
                    return
                self._say("waiting", error or "the stream ended")
                self._timeline.interrupted()
                self._decoder = self._reopened()
        except BaseException as error:
            self._say("ended", f"{type(error).__name__}: {error}")
            raise

    def _play(self, decoder: Decoder) -> str | None:
        """One connection, to its end; and why it ended, if that was an error."""
        pace, skipped, damaged = CatchUp(paced=not self._endless), 0, 0
        try:
            for picture in decoder.pictures(pace):
                frame = self._frame(decoder, picture)
                with self._changed:
                    if not self._endless:
                        self._changed.wait_for(lambda: self._over, timeout=self._early(frame))
                    if self._over:
                        return None
                    self._came += picture.skipped - skipped
                    self._damaged += decoder.damaged - damaged
                    skipped, damaged = picture.skipped, decoder.damaged
                    self._newest = replace(frame, index=self._came)
                    self._came += 1
                    self._changed.notify_all()
        except ConnectionError as error:
            return str(error)
        return decoder.fault

    def _frame(self, decoder: Decoder, picture: Picture) -> Frame:
        image = decoder.image(picture, self.width, self.height)
        now = time.monotonic()
        if self._endless:
            at, arrived = self._timeline.live(picture.stated_s, picture.arrived), picture.arrived
        else:  # it is captured when it is due
            at = self._timeline.recorded(picture.stated_s)
            self._began = self._began or now - at
            arrived = self._began + at
        return Frame(self.stream, 0, at, time.time() - now + arrived, image)

    def _early(self, frame: Frame) -> float:
        """Seconds until a frame of a recording is due."""
        return max(0.0, frame.captured - time.time())

    def _reopened(self) -> Decoder | None:
        """Connected again, after as many tries as it takes; None once it is closed."""
        wait = FIRST_WAIT_S
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._over, timeout=wait):
                    return None
            try:
                decoder = self._opened()
            except EyeError as error:
                self._say("waiting", str(error))
                wait = min(2 * wait, LONGEST_WAIT_S)
                continue
            with self._changed:
                self._reconnects += 1
            self._say("running", None)
            return decoder

    def _say(self, state: State, error: str | None) -> None:
        with self._changed:
            if not self._over:
                self._state, self._error = state, error
            self._changed.notify_all()
