"""A store of events: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from compoundeye.events._counts import Count, count
from compoundeye.events._engine import open_engine, reading, shown, told, writing
from compoundeye.events._query import Message, Seen, find_events, find_messages, history, latest, newest, seen
from compoundeye.events._removal import forget_media, remove_oldest, shrink, size, with_media
from compoundeye.events._sink import SinkStatus
from compoundeye.events._tables import EVENTS, MESSAGES, prepare, prepared, row_of
from compoundeye.records import Event


class EventStore:
    """Every message as it came, and the latest state of each event, to be asked.

    Also an `EventSink`: `send` returns when its messages are on disk, in one transaction. A message that came before,
    by (id, revision), changes nothing; one that comes late does not undo a later one. Any number of threads and
    processes may use one store.

    Example: ``with EventStore("events.sqlite") as store: store.events(kind="crossing", since=0.0)``
    """

    def __init__(self, address: str, *, create: bool = True) -> None:
        """Open a store, and make it where it is missing.

        Args:
            address: a path, ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST:PORT/NAME``.
            create: make a file that is not there.

        Raises:
            EyeError: it cannot be opened; the message says why.
        """
        self.address = shown(address)
        self._engine = open_engine(address, create=create)
        self._accepted = 0
        with reading(self._engine) as connection:
            known = prepared(connection)
        if not known:
            with writing(self._engine) as connection:
                prepare(connection)

    def send(self, events: Sequence[Event]) -> None:
        """Keep messages: on disk when this returns, all of them or none.

        Raises:
            EyeError: the disk is full, or the server cannot be reached.
        """
        if not events:
            return
        with writing(self._engine) as connection:
            keep(connection, events)
        self._accepted += len(events)

    def events(
        self,
        *,
        stream: str | None = None,
        app: str | None = None,
        kind: str | None = None,
        since: float | None = None,
        until: float | None = None,
        open_only: bool = False,
        after: Event | tuple[float, str] | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Event]:
        """The latest state of events, in the order of (start, id).

        Args:
            stream, app, kind: only those.
            since, until: that began then: ``since <= start < until``, Unix s.
            open_only: that last still.
            after: the last event of the page before this one, or its (start, id).
            newest_first: in the opposite order.
            limit: at most so many.

        Raises:
            EyeError: the store cannot be read.
        """
        with reading(self._engine) as connection:
            return find_events(connection, stream, app, kind, since, until, open_only, after, newest_first, limit)

    def messages(
        self, *, after: int = 0, stream: str | None = None, app: str | None = None, kind: str | None = None,
        limit: int | None = None,
    ) -> list[Message]:  # fmt: skip
        """Messages in the order in which the store took them, from the one numbered after ``after``.

        Asked again with the number of the last one, it gives what came since: nothing twice, nothing left out.

        Raises:
            EyeError: the store cannot be read.
        """
        with reading(self._engine) as connection:
            return find_messages(connection, after, stream, app, kind, limit)

    def last(self) -> int:
        """The number of the newest message; 0 of an empty store.

        Raises:
            EyeError: the store cannot be read.
        """
        with reading(self._engine) as connection:
            return newest(connection)

    def get(self, id: str) -> Event | None:  # noqa: A002  as the field is called
        """The latest state of one event, or None.

        Raises:
            EyeError: the store cannot be read.
        """
        with reading(self._engine) as connection:
            return latest(connection, id)

    def history(self, id: str) -> list[Event]:  # noqa: A002
        """All messages about one event, by revision.

        Raises:
            EyeError: the store cannot be read.
        """
        with reading(self._engine) as connection:
            return history(connection, id)

    def counts(
        self,
        *,
        every: float | None = None,
        origin: float = 0.0,
        by: Sequence[str] = (),
        stream: str | None = None,
        app: str | None = None,
        kind: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> list[Count]:
        """How many events began, by stream, app and kind, in each interval of time.

        Args:
            every: length of an interval in s; None: all time is one.
            origin: where an interval begins, Unix s: local midnight for hours of the day.
            by: names of plain values in ``after`` that are told apart too, such as "line" and "direction".
            stream, app, kind, since, until: as of `events`.

        Raises:
            EyeError: the store cannot be read.
        """
        with reading(self._engine) as connection:
            return count(connection, every, origin, by, stream, app, kind, since, until)

    def streams(self) -> list[Seen]:
        """Each stream that has events, by name.

        Raises:
            EyeError: the store cannot be read.
        """
        with reading(self._engine) as connection:
            return seen(connection)

    def remove_oldest(self, *, before: float | None = None) -> list[Event]:
        """Remove at most 500 events, those whose last message is the oldest; what they were. `retain` is made of it.

        Args:
            before: only those whose last message was captured before that, Unix s.

        Raises:
            EyeError: the store cannot be written.
        """
        with writing(self._engine) as connection:
            return remove_oldest(connection, before)

    def with_media(self) -> list[Event]:
        """Events that have files, the oldest first.

        Raises:
            EyeError: the store cannot be read.
        """
        with reading(self._engine) as connection:
            return with_media(connection)

    def forget_media(self, ids: Collection[str]) -> None:
        """Note that events have no files any more.

        Raises:
            EyeError: the store cannot be written.
        """
        with writing(self._engine) as connection:
            forget_media(connection, ids)

    def size(self) -> int:
        """Bytes that it takes, without what was removed and will be written over.

        Raises:
            EyeError: the store cannot be read.
        """
        with reading(self._engine) as connection:
            return size(connection)

    def shrink(self) -> None:
        """Give back to the disk what was removed.

        Raises:
            EyeError: the store cannot be written.
        """
        with told(self._engine):
            shrink(self._engine)

    def status(self) -> SinkStatus:
        """Nothing ever waits here."""
        return SinkStatus(self.address, self._accepted)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> EventStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def keep(connection: Connection, events: Sequence[Event]) -> None:
    """Write messages, and the latest state of each event."""
    insert = _insert(connection)
    rows = [row_of(event) for event in events]
    connection.execute(insert(MESSAGES).on_conflict_do_nothing(index_elements=["id", "revision"]), rows)
    last = dict[str, dict[str, Any]]()
    for row in rows:
        if row["id"] not in last or row["revision"] > last[row["id"]]["revision"]:
            last[row["id"]] = row
    statement = insert(EVENTS)
    new = {column.name: statement.excluded[column.name] for column in EVENTS.columns if column.name != "id"}
    statement = statement.on_conflict_do_update(
        index_elements=["id"], set_=new, where=statement.excluded.revision > EVENTS.c.revision
    )
    connection.execute(statement, list(last.values()))


def _insert(connection: Connection) -> Any:
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
