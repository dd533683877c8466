"""Tables of an event store: every message as it came, and the latest state of each event."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    inspect,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.types import JSON

from compoundeye.events._wire import plain, text
from compoundeye.records import Event, EyeError

VERSION = 1
"""Of the tables; a store of a later one is not touched."""
TABLES = MetaData()
# SQLite counts rows by itself only if their key is an INTEGER; PostgreSQL's must be wide enough for years of messages.
NUMBER = BigInteger().with_variant(Integer, "sqlite")
PLAIN = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _facts() -> list[Column[Any]]:
    """Columns that a message and an event share. ``end`` is a word of SQL, so it is called ``ended``."""
    return [
        Column("revision", Integer, nullable=False),
        Column("type", String, nullable=False),
        Column("app", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("stream", String, nullable=False),
        Column("time_s", Double, nullable=False),
        Column("captured", Double, nullable=False),
        Column("started", Double, nullable=False),
        Column("ended", Double),
        Column("dropped", BigInteger, nullable=False),
        Column("after", PLAIN, nullable=False),
        Column("before", PLAIN),
        Column("box", PLAIN),
        Column("media", PLAIN, nullable=False),
    ]


STORE = Table("eye_store", TABLES, Column("version", Integer, nullable=False))
MESSAGES = Table(
    "eye_messages",
    TABLES,
    Column("sequence", NUMBER, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False),
    *_facts(),
    UniqueConstraint("id", "revision", name="eye_messages_once"),
    sqlite_autoincrement=True,  # a number is never given twice, not after the newest rows were removed either
)
EVENTS = Table("eye_events", TABLES, Column("id", String, primary_key=True), *_facts())
Index("eye_events_started", EVENTS.c.started, EVENTS.c.id)
Index("eye_events_of_stream", EVENTS.c.stream, EVENTS.c.kind, EVENTS.c.started)
Index(
    "eye_events_open",
    EVENTS.c.started,
    sqlite_where=EVENTS.c.ended.is_(None),
    postgresql_where=EVENTS.c.ended.is_(None),
)
Index("eye_events_captured", EVENTS.c.captured)


def prepared(connection: Connection) -> bool:
    """Whether the tables are there: whoever only reads needs to make none.

    Raises:
        EyeError: a later version of CompoundEye made them.
    """
    if not inspect(connection).has_table(STORE.name):
        return False
    version = connection.execute(select(STORE.c.version)).scalar()
    if version is not None and version > VERSION:
        raise EyeError(f"its tables have version {version} and this CompoundEye knows {VERSION}; use a newer one")
    return version is not None


def prepare(connection: Connection) -> None:
    """Make the tables where they are missing."""
    TABLES.create_all(connection)
    if not prepared(connection):
        connection.execute(STORE.insert().values(version=VERSION))


def row_of(event: Event) -> dict[str, Any]:
    """A message as its row."""
    row = {key: value for key, value in event.as_dict().items() if key not in ("start", "end")}
    row |= {key: plain(row[key]) for key in ("after", "before", "box", "media")}
    row |= {key: text(row[key]) for key in ("id", "app", "kind", "stream")}
    return row | {"started": event.start, "ended": event.end}


def event_of(row: Any) -> Event:
    """A row as the message that it is."""
    box = row.box
    return Event(
        row.id, row.revision, row.type, row.app, row.kind, row.stream, row.time_s, row.captured, row.started, row.ended,
        row.dropped, row.after, row.before, None if box is None else (box[0], box[1], box[2], box[3]), row.media,
    )  # fmt: skip
