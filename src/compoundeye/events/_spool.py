"""Messages that wait to be delivered, in a file: what was accepted outlives the process and the network.

Any number of processes add to one spool. One of them at a time delivers, in the order in which messages came; when it
ends, however it ends, another takes its turn.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from threading import RLock

from compoundeye.events._wire import encode
from compoundeye.records import Event, EyeError

MOST = 1_000_000
"""Messages that wait at most, about 0.6 GB: a broker that is gone for ever must not fill the disk."""
MOST_REFUSED = 10_000
"""That are kept for a person to look at."""
OLDER_REFUSED = "DELETE FROM refused WHERE number NOT IN (SELECT number FROM refused ORDER BY number DESC LIMIT ?)"
PATIENCE_S = 30.0
TABLES = """
CREATE TABLE IF NOT EXISTS waiting (number INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refused (number INTEGER PRIMARY KEY, message TEXT NOT NULL, reason TEXT, at REAL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT OR IGNORE INTO facts VALUES ('lost', 0);
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in the spool."""

    number: int
    message: str
    """As `encode` wrote it."""


class Spool:
    """The file. Safe to use from several threads."""

    def __init__(self, path: Path, *, most: int = MOST) -> None:
        """Open it, and make it where it is missing.

        Raises:
            EyeError: it cannot be made, or is something else.
        """
        self.path = path
        self._most = most
        self._lock = RLock()
        self._turn: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # events tell who was where
            self._file = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
            self._file.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.executescript(TABLES)
            self._file.execute("INSERT OR IGNORE INTO facts VALUES ('client', ?)", (token_hex(4),))
        except (OSError, sqlite3.Error) as error:
            raise EyeError(f"events cannot wait in {path}: {error}; set COMPOUNDEYE_HOME to another folder") from error

    def add(self, events: Sequence[Event]) -> None:
        """Accept messages: on disk when this returns, all of them or none. The oldest give way if it is full.

        Raises:
            EyeError: the disk is full, or the file was damaged.
        """
        rows = [(encode(event),) for event in events]
        with self._lock:
            try:
                self._file.execute("BEGIN IMMEDIATE")
                try:
                    self._file.executemany("INSERT INTO waiting (message) VALUES (?)", rows)
                    self._make_room()
                    self._file.execute("COMMIT")
                except BaseException:
                    self._file.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise EyeError(f"events cannot wait in {self.path}: {error}") from error

    def _make_room(self) -> None:
        more = self.counts()[0] - self._most
        if more > 0:
            oldest = self._one("SELECT min(number) FROM waiting")
            self._file.execute("DELETE FROM waiting WHERE number < ?", (oldest + more,))
            self._file.execute("UPDATE facts SET value = value + ? WHERE name = 'lost'", (more,))

    def next(self, limit: int) -> list[Waiting]:
        """The oldest messages."""
        with self._lock:
            rows = self._file.execute("SELECT number, message FROM waiting ORDER BY number LIMIT ?", (limit,))
            return [Waiting(*row) for row in rows]

    def delivered(self, upto: int) -> None:
        """Messages up to a number need not wait any longer."""
        with self._lock:
            self._file.execute("DELETE FROM waiting WHERE number <= ?", (upto,))
            if not self.next(1):
                # As a script, for a single statement without results is run by one step only, which frees one page.
                self._file.executescript("PRAGMA incremental_vacuum")

    def refuse(self, one: Waiting, reason: str) -> None:
        """Set a message aside: the other side will never have it."""
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            values = (one.number, one.message, reason, time.time())
            self._file.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?)", values)
            self._file.execute(OLDER_REFUSED, (MOST_REFUSED,))
            self._file.execute("DELETE FROM waiting WHERE number = ?", (one.number,))
            self._file.execute("COMMIT")

    def counts(self) -> tuple[int, int, int]:
        """How many wait, were refused, were lost."""
        # Numbers have no gaps: a transaction that failed takes none, and only from the oldest on are rows removed.
        # So they need not be counted, which takes a while where many wait.
        with self._lock:
            return (
                self._one("SELECT 1 + max(number) - min(number) FROM waiting"),
                self._one("SELECT count(*) FROM refused"),
                self._one("SELECT value FROM facts WHERE name = 'lost'"),
            )

    @property
    def client(self) -> str:
        """A name of eight letters that is this spool's for ever."""
        with self._lock:
            return str(self._file.execute("SELECT value FROM facts WHERE name = 'client'").fetchone()[0])

    def _one(self, query: str) -> int:
        value = self._file.execute(query).fetchone()[0]
        return 0 if value is None else int(value)

    def take_turn(self) -> bool:
        """Be the one who delivers, if nobody else is. The system takes the turn from a process that dies."""
        if self._turn is None:
            file = os.open(self.path.with_suffix(".turn"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)
                return False
            self._turn = file
        return True

    def close(self) -> None:
        """Give the turn to another and let go of the file."""
        with self._lock:
            if self._turn is not None:
                os.close(self._turn)
            self._turn = None
            self._file.close()
