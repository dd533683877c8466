"""Events of faces: each track that was seen is one, from the moment it is decided who it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from compoundeye.records import Event, Frame
from compoundeye.video import Box, Stream

KIND = "seen"


class SeenEvents:
    """One stream's events. Each has an id that stays until it ends."""

    def __init__(self, stream: Stream, app: str) -> None:
        self._stream, self._app = stream, app
        self._number = 0
        self._waiting = list[Event]()

    def begin(self, frame: Frame, start: float, after: Mapping[str, Any], box: Box) -> Event:
        """Somebody was seen, since ``start`` (capture time, Unix s)."""
        self._number += 1
        event = Event(
            id=f"{self._stream.run}-{self._stream.name}-{self._number}",
            revision=0,
            type="new",
            app=self._app,
            kind=KIND,
            stream=self._stream.name,
            time_s=frame.time_s,
            captured=frame.captured,
            start=start,
            end=None,
            dropped=frame.dropped,
            after=dict(after),
            box=box,
        )
        self._waiting.append(event)
        return event

    def change(
        self, last: Event, frame: Frame, after: Mapping[str, Any], box: Box, *, end: float | None = None
    ) -> Event:
        """More is known about it, or it ended at a capture time."""
        event = replace(
            last,
            revision=last.revision + 1,
            type="update" if end is None else "end",
            time_s=frame.time_s,
            captured=frame.captured,
            end=end,
            dropped=frame.dropped,
            after=dict(after),
            before=last.after,
            box=box,
        )
        self._waiting.append(event)
        return event

    def take(self) -> list[Event]:
        """What was said since the last time."""
        said, self._waiting = self._waiting, []
        return said
