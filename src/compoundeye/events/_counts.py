"""How many events began in each interval of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, String, cast, func, literal, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ColumnElement

from compoundeye.events._query import narrowed
from compoundeye.events._tables import EVENTS


@dataclass(frozen=True, slots=True)
class Count:
    """Events of one kind that began in one interval."""

    stream: str
    app: str
    kind: str
    start: float | None
    """Of the interval, Unix s; None if all time is one."""
    values: tuple[str | None, ...]
    """Of the names that were asked for, in their order; None where an event has no such value."""
    events: int


def count(
    connection: Connection,
    every: float | None,
    origin: float,
    by: Sequence[str],
    stream: str | None,
    app: str | None,
    kind: str | None,
    since: float | None,
    until: float | None,
) -> list[Count]:
    """Ordered by interval, stream, app, kind and values."""
    interval = _interval(connection, every, origin)
    values = [cast(EVENTS.c.after[name].as_string(), String).label(f"value_{at}") for at, name in enumerate(by)]
    groups = [interval.label("bucket"), EVENTS.c.stream, EVENTS.c.app, EVENTS.c.kind, *values]
    query = narrowed(select(*groups, func.count()), EVENTS, stream, app, kind, since, until)
    # By their names: PostgreSQL does not see that two expressions with parameters are the same one.
    names: list[Any] = ["bucket", EVENTS.c.stream, EVENTS.c.app, EVENTS.c.kind, *(value.name for value in values)]
    found = list[Count]()
    for bucket, of_stream, of_app, of_kind, *rest in connection.execute(query.group_by(*names).order_by(*names)):
        start = None if every is None else origin + bucket * every
        found.append(Count(of_stream, of_app, of_kind, start, tuple(rest[:-1]), rest[-1]))
    return found


def _interval(connection: Connection, every: float | None, origin: float) -> ColumnElement[int]:
    """The number of the interval in which an event began."""
    if every is None:
        return literal(0)
    place = (EVENTS.c.started - origin) / every
    if connection.dialect.name == "postgresql":
        return cast(func.floor(place), Integer)
    # SQLite may have been built without FLOOR; its CAST goes towards zero, one too far for what lies before the origin.
    whole = cast(place, Integer)
    return whole - cast(place < whole, Integer)
