"""The newest frame, whatever becomes of the others: a camera, or a recording that stands in for one.

One thread reads and decodes at the camera's pace and puts each frame where the next one replaces it. What nobody took
in time is dropped and counted. When the camera goes away, the thread tries again, for ever, less and less often.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from compoundeye.records import EyeError, Frame
from compoundeye.video._catch_up import CatchUp
from compoundeye.video._closed import Closed
from compoundeye.video._decode import Decoder, Picture
from compoundeye.video._status import SourceStatus, State
from compoundeye.video._timeline import Timeline

# Seconds between tries: soon at first, since most interruptions are short; a camera that starts anew takes a minute.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 10.0
CLOCK_SET_S = 0.05
"""Two clocks of one machine are read within less than this; more, and somebody set one of them."""
JOIN_S = 1.0
"""How long ``close`` waits for the thread; one that waits for a network ends by itself when that times out."""


class LiveSource(Closed):
    """A source that never falls behind."""

    def __init__(self, first: Decoder, opened: Callable[[], Decoder], stream: str, *, endless: bool) -> None:
        """
        Args:
            first: the first connection.
            opened: makes another one.
            stream: its name.
            endless: whether it is to be there always; else it is a recording, played at its own pace to its end.
        """
        self._opened, self._endless = opened, endless
        self._decoder: Decoder | None = first
        self.stream, self.shown, self.live = stream, first.shown, True
        self.width, self.height, self.rate = first.width, first.height, first.rate
        self._timeline = Timeline(self.rate)
        self._began = self._arrived = 0.0
        self._wall_less = 0.0
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
        return None

    def _frame(self, decoder: Decoder, picture: Picture) -> Frame:
        if self._endless:
            # Pictures that refer to later ones arrive after them; but what is shown earlier was captured earlier.
            self._arrived = max(self._arrived, picture.arrived)
            at = self._timeline.live(picture.stated_s, self._arrived)
        else:  # it is captured when it is due
            at = self._timeline.recorded(picture.stated_s)
            self._began = self._began or time.monotonic() - at
            self._arrived = self._began + at
        image = decoder.image(picture, self.width, self.height)
        return Frame(self.stream, 0, at, self._arrived + self._wall(), image)

    def _wall(self) -> float:
        """What a monotonic time lacks to Unix time: the same each time, unless somebody sets the clock."""
        wall = time.time() - time.monotonic()
        if abs(wall - self._wall_less) > CLOCK_SET_S:
            self._wall_less = wall
        return self._wall_less

    def _early(self, frame: Frame) -> float:
        """Seconds until a frame of a recording is due."""
        return max(0.0, frame.captured - self._wall() - time.monotonic())

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
