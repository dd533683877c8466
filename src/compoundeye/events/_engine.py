"""The database behind an address, and its failures as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from compoundeye.records import EyeError

POSTGRESQL = ("postgresql", "postgres")
PATIENCE_S = 30
"""How long a writer waits for another one."""
INCREMENTAL = 2
"""SQLite's number for files that give back room bit by bit."""
LOCK = 0x6579_65  # "eye": any number will do that others of the database's users do not take for their own


def shown(address: str) -> str:
    """An address without its password."""
    try:
        return make_url(address).render_as_string(hide_password=True) if "://" in address else address
    except (ArgumentError, ValueError):
        return address.split("://")[0] + "://..."


def open_engine(address: str, *, create: bool) -> Engine:
    """Connect later: nothing is reached yet.

    Raises:
        EyeError: an address that cannot be read, a file that is not there, or a driver that is missing.
    """
    scheme, marked, rest = address.partition("://")
    if not marked:
        return _sqlite(address, create=create)
    if scheme == "sqlite":
        return _sqlite(rest.removeprefix("/"), create=create)
    if scheme not in POSTGRESQL:
        raise EyeError(f"{shown(address)} is no event store: give a path, sqlite:///PATH or postgresql://HOST/NAME")
    try:
        url = make_url(f"postgresql+psycopg://{rest}")
        return create_engine(url, connect_args={"connect_timeout": 10}, pool_pre_ping=True)
    except ModuleNotFoundError as missing:
        raise EyeError(f"PostgreSQL needs {missing.name}: pip install 'compoundeye[postgresql]'") from missing
    except (ArgumentError, ValueError) as error:
        raise EyeError("this address of PostgreSQL cannot be read; write postgresql://USER@HOST:PORT/NAME") from error


def _sqlite(path: str, *, create: bool) -> Engine:
    place = Path(path).expanduser()
    if not path or place.is_dir():
        raise EyeError(f"{path or 'an empty address'} is no event store: give a file, such as events.sqlite")
    if not create and not place.is_file():
        raise EyeError(f"there is no event store {place}; eye watch ... --events {place} makes it")
    if create and not place.parent.is_dir():
        raise EyeError(f"{place} cannot be made: there is no folder {place.parent}")
    # A connection each time costs 0.1 ms, and none is left open in a process that was forked or in a thread that ended.
    engine = create_engine(f"sqlite:///{place}", poolclass=NullPool, connect_args={"timeout": PATIENCE_S})

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says when a transaction begins, not the driver
        # Setting what is set already would wait for a writer.
        if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != INCREMENTAL:
            connection.execute(
                f"PRAGMA auto_vacuum = {INCREMENTAL}"
            )  # before the first table, so that files can shrink
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode = WAL")  # who reads does not wait for who writes
        connection.execute("PRAGMA synchronous = FULL")  # what is committed outlives the loss of power

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A reader that turns into a writer half way may fail at once; one that says so first waits its turn.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One look at one state of the store.

    Raises:
        EyeError: it cannot be reached or read.
    """
    with told(engine), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction: all of it or nothing, and one writer at a time.

    Raises:
        EyeError: it cannot be reached or written.
    """
    with told(engine), engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            # Numbers of messages become visible in their order: who follows them misses none.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        yield connection


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """Failures of the database as one sentence."""
    place = engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string(hide_password=True)
    try:
        yield
    except EyeError as error:
        raise EyeError(f"event store {place}: {error}") from error
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise EyeError(f"event store {place}: {reason}") from error
    except SQLAlchemyError as error:
        raise EyeError(f"event store {place}: {' '.join(str(error).split())}") from error
