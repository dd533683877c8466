"""Events that nobody will end any more, for the process that told them died."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compoundeye.events._store import EventStore
from compoundeye.records import Event


def interrupted(store: EventStore, streams: Iterable[str], app: str | None = None) -> list[Event]:
    """The messages that end whatever lasts still in streams that nobody watches; to be sent to every sink.

    Whoever begins to watch streams asks this first. An event ends when its last message was captured: more is not
    known. ``after`` says ``"interrupted": True``.

    Raises:
        EyeError: the store cannot be read.
    """
    lasting = [event for stream in streams for event in store.events(stream=stream, app=app, open_only=True)]
    return [
        replace(
            event,
            revision=event.revision + 1,
            type="end",
            end=event.captured,
            after={**event.after, "interrupted": True},
            before=event.after,
        )
        for event in lasting
    ]
