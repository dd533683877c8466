"""Events on their way to a sink: kept while it cannot take them, for a full disk must not stop a camera."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from compoundeye.events import EventSink
from compoundeye.records import Event, EyeError

MOST_KEPT = 100_000
"""Messages; at 1 kB each, 100 MB. Beyond that the oldest are lost, and counted."""


class Outbox:
    """Hands messages to a sink, in order, from any thread."""

    def __init__(self, sink: EventSink | None) -> None:
        self._sink = sink
        self._lock = Lock()
        self._kept = list[Event]()
        self.sent = self.lost = 0
        self.error: str | None = None

    def send(self, events: Sequence[Event]) -> None:
        """Hand them over, after those that are still here. Never raises for a sink that refuses: ``error`` says so."""
        if self._sink is None or not (events or self._kept):
            return
        with self._lock:
            self._kept.extend(events)
            try:
                self._sink.send(tuple(self._kept))
            except EyeError as refusal:
                self.error = str(refusal)
                over = max(0, len(self._kept) - MOST_KEPT)
                self.lost += over
                del self._kept[:over]
            else:
                self.sent += len(self._kept)
                self._kept.clear()
                self.error = None

    def close(self) -> None:
        """Try once more, for the last time.

        Raises:
            EyeError: messages are left that the sink does not take, or some were lost.
        """
        self.send(())
        if self._sink is not None:
            self._sink.close()
        if self._kept or self.lost:
            raise EyeError(f"{len(self._kept) + self.lost} messages about events could not be kept: {self.error}")
