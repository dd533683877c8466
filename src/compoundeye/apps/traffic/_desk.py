"""Where rules say what happens, and where it becomes messages: new, update, end."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from compoundeye.records import Event, Frame
from compoundeye.video import Box, Stream

Key = tuple[Hashable, ...]


@dataclass(slots=True)
class _Open:
    last: Event
    told_s: float
    box: Box | None
    after: Mapping[str, Any]


class Desk:
    """One stream's events. Each lasting thing has a kind and a key; its id stays until it ends."""

    def __init__(self, stream: Stream, app: str, update_s: float) -> None:
        self.update_s = update_s
        self._stream = stream
        self._app = app
        self._frame: Frame | None = None
        self._open: dict[tuple[str, Key], _Open] = {}
        self._waiting: list[Event] = []
        self._number = 0

    def at(self, frame: Frame) -> None:
        """What is said from now on is about this frame."""
        self._frame = frame

    def instant(
        self,
        kind: str,
        after: Mapping[str, Any],
        *,
        start: float | None = None,
        end: float | None = None,
        box: Box | None = None,
    ) -> None:
        """Something that is over: one message. ``start`` and ``end`` are capture times in Unix s."""
        began = self._captured if start is None else start
        self._say(None, kind, after, start=began, end=began if end is None else end, box=box)

    def lasting(
        self, kind: str, key: Key, after: Mapping[str, Any], *, box: Box | None = None, changed: bool = False
    ) -> None:
        """Something that goes on. Told at once if it is new or has ``changed``, else no more often than allowed."""
        open_ = self._open.get((kind, key))
        if open_ is None:
            said = self._say(None, kind, after, start=self._captured, end=None, box=box)
            self._open[kind, key] = _Open(said, self._time_s, box, after)
            return
        open_.after, open_.box = after, box or open_.box
        due = self._time_s - open_.told_s >= self.update_s
        if (changed or due) and after != open_.last.after:
            open_.last = self._say(open_.last, kind, after, start=open_.last.start, end=None, box=open_.box)
            open_.told_s = self._time_s

    def over(self, kind: str, key: Key) -> None:
        """It has ended, if it was there."""
        open_ = self._open.pop((kind, key), None)
        if open_ is not None:
            self._say(open_.last, kind, open_.after, start=open_.last.start, end=self._captured, box=open_.box)

    def only(self, kind: str, first: Hashable, keys: Collection[Key]) -> None:
        """Of a kind and the first part of a key, all but these have ended."""
        for open_kind, key in list(self._open):
            if open_kind == kind and key[0] == first and key not in keys:
                self.over(kind, key)

    def open(self, kind: str | None = None) -> list[tuple[str, Key, Event]]:
        """What lasts, with its last message."""
        return [(kind_, key, value.last) for (kind_, key), value in self._open.items() if kind in (None, kind_)]

    def end_all(self) -> None:
        """Everything has ended."""
        for kind, key in list(self._open):
            self.over(kind, key)

    def take(self) -> list[Event]:
        """What was said since the last time."""
        said, self._waiting = self._waiting, []
        return said

    @property
    def _captured(self) -> float:
        assert self._frame is not None
        return self._frame.captured

    @property
    def _time_s(self) -> float:
        assert self._frame is not None
        return self._frame.time_s

    def _say(
        self, last: Event | None, kind: str, after: Mapping[str, Any], *, start: float, end: float | None,
        box: Box | None,
    ) -> Event:  # fmt: skip
        assert self._frame is not None
        if last is None:
            self._number += 1
        event = Event(
            id=f"{self._stream.run}-{self._stream.name}-{self._number}" if last is None else last.id,
            revision=0 if last is None else last.revision + 1,
            type="new" if last is None else "update" if end is None else "end",
            app=self._app,
            kind=kind,
            stream=self._stream.name,
            time_s=self._frame.time_s,
            captured=self._frame.captured,
            start=start,
            end=end,
            dropped=self._frame.dropped,
            after=dict(after),
            before=None if last is None else last.after,
            box=box,
        )
        self._waiting.append(event)
        return event
