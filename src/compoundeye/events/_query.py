"""Questions to an event store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.engine import Connection

from compoundeye.events._tables import EVENTS, MESSAGES, event_of
from compoundeye.records import Event


@dataclass(frozen=True, slots=True)
class Message:
    """A message and its number in the store: larger than that of every message before it."""

    sequence: int
    event: Event


@dataclass(frozen=True, slots=True)
class Seen:
    """A stream that has events."""

    stream: str
    events: int
    open: int
    """How many last still."""
    first: float
    """When its first event began, Unix s."""
    last: float
    """Capture time of its newest message, Unix s."""


def narrowed(
    query: Select[Any],
    table: Any,
    stream: str | None,
    app: str | None,
    kind: str | None,
    since: float | None = None,
    until: float | None = None,
) -> Select[Any]:
    """Only rows of a stream, an app, a kind, and a time at which they began."""
    for column, value in ((table.c.stream, stream), (table.c.app, app), (table.c.kind, kind)):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(table.c.started >= since)
    if until is not None:
        query = query.where(table.c.started < until)
    return query


def find_events(
    connection: Connection,
    stream: str | None,
    app: str | None,
    kind: str | None,
    since: float | None,
    until: float | None,
    open_only: bool,
    after: Event | tuple[float, str] | None,
    newest_first: bool,
    limit: int | None,
) -> list[Event]:
    """The latest state of events, in the order of (start, id)."""
    query = narrowed(select(EVENTS), EVENTS, stream, app, kind, since, until)
    if open_only:
        query = query.where(EVENTS.c.ended.is_(None))
    place = tuple_(EVENTS.c.started, EVENTS.c.id)
    if after is not None:
        start, id = (after.start, after.id) if isinstance(after, Event) else after  # noqa: A001
        beyond = tuple_(start, id)
        query = query.where(place < beyond if newest_first else place > beyond)
    order = (EVENTS.c.started, EVENTS.c.id)
    query = query.order_by(*(column.desc() if newest_first else column for column in order)).limit(limit)
    return [event_of(row) for row in connection.execute(query)]


def find_messages(
    connection: Connection, after: int, stream: str | None, app: str | None, kind: str | None, limit: int | None
) -> list[Message]:
    """Messages by number."""
    query = narrowed(select(MESSAGES).where(MESSAGES.c.sequence > after), MESSAGES, stream, app, kind)
    rows = connection.execute(query.order_by(MESSAGES.c.sequence).limit(limit))
    return [Message(row.sequence, event_of(row)) for row in rows]


def newest(connection: Connection) -> int:
    """The number of the newest message; 0 of an empty store."""
    return int(connection.execute(select(func.coalesce(func.max(MESSAGES.c.sequence), 0))).scalar_one())


def latest(connection: Connection, id: str) -> Event | None:  # noqa: A002
    """The latest state of one event."""
    row = connection.execute(select(EVENTS).where(EVENTS.c.id == id)).first()
    return None if row is None else event_of(row)


def history(connection: Connection, id: str) -> list[Event]:  # noqa: A002
    """All messages about one event."""
    query = select(MESSAGES).where(MESSAGES.c.id == id).order_by(MESSAGES.c.revision)
    return [event_of(row) for row in connection.execute(query)]


def seen(connection: Connection) -> list[Seen]:
    """Each stream that has events."""
    opened = func.count() - func.count(EVENTS.c.ended)
    query = select(
        EVENTS.c.stream, func.count(), opened, func.min(EVENTS.c.started), func.max(EVENTS.c.captured)
    ).group_by(EVENTS.c.stream)
    return [Seen(*row) for row in connection.execute(query.order_by(EVENTS.c.stream))]
