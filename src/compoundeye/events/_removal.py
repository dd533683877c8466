"""Taking events out of a store: a batch a transaction, so that nobody who writes waits for long."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import String, cast, delete, func, literal_column, select, update
from sqlalchemy.engine import Connection, Engine

from compoundeye.events._tables import EVENTS, MESSAGES, event_of
from compoundeye.records import Event

BATCH = 500
"""Events at a time: some milliseconds."""


def remove_oldest(connection: Connection, before: float | None) -> list[Event]:
    """Remove a batch of those whose last message is the oldest; what they were.

    Args:
        before: only those whose last message was captured before that, Unix s; None: any.
    """
    query = select(EVENTS).order_by(EVENTS.c.captured).limit(BATCH)
    if before is not None:
        query = query.where(EVENTS.c.captured < before)
    gone = [event_of(row) for row in connection.execute(query)]
    ids = [event.id for event in gone]
    for table in (MESSAGES, EVENTS):
        connection.execute(delete(table).where(table.c.id.in_(ids)))
    return gone


def with_media(connection: Connection) -> list[Event]:
    """Events that have files, the oldest first."""
    query = select(EVENTS).where(cast(EVENTS.c.media, String) != "{}").order_by(EVENTS.c.captured)
    return [event_of(row) for row in connection.execute(query)]


def forget_media(connection: Connection, ids: Collection[str]) -> None:
    """Events have no files any more. The messages about them say as before what there once was."""
    every = list(ids)
    for at in range(0, len(every), BATCH):
        connection.execute(update(EVENTS).where(EVENTS.c.id.in_(every[at : at + BATCH])).values(media={}))


def size(connection: Connection) -> int:
    """Bytes that events and messages take: of what is kept, not of what was removed and will be written over."""
    if connection.dialect.name == "sqlite":
        pages, free, each = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * each)
    total = 0
    for table in (EVENTS, MESSAGES):
        row = func.pg_column_size(literal_column(f"{table.name}.*"))
        total += int(connection.execute(select(func.coalesce(func.sum(row), 0)).select_from(table)).scalar_one())
    return total


def shrink(engine: Engine) -> None:
    """Give back what a file does not need. PostgreSQL writes over it by itself."""
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        # As a script, for a single statement without results is run by one step only, which frees one page.
        connection.driver_connection.executescript("PRAGMA incremental_vacuum")  # type: ignore[union-attr]
    finally:
        connection.close()
