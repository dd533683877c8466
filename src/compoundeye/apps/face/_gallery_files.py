"""The files of a gallery: two SQLite databases that are written in one transaction.

``faces.sqlite`` holds sealed records and the audit log, ``keys.sqlite`` the wrapped key of each record. They are apart
so that copies of the large file may be kept for long: without the small one, in which a forgotten key is gone, what
was sealed under it stays sealed. Journals of the rollback kind commit both files or none (sqlite.org/atomiccommit.html,
section 5), and leave nothing beside them; ``secure_delete`` writes zeros over what is deleted.
"""

from __future__ import annotations

import mmap
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from compoundeye.apps.face._gallery_secret import Secret
from compoundeye.records import EyeError

FACES, KEYS = "faces.sqlite", "keys.sqlite"
VERSION = 1
"""Of the tables; a gallery of a later one is not touched."""
PATIENCE_S = 30
"""How long a writer waits for another one."""

# Numbers of people and faces are never given twice: AUTOINCREMENT.
FACES_TABLES = """
CREATE TABLE gallery (
  version INTEGER NOT NULL, id TEXT NOT NULL, made REAL NOT NULL, revision INTEGER NOT NULL,
  embedder TEXT, dim INTEGER, uncompacted INTEGER NOT NULL) STRICT;
CREATE TABLE people (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB, made REAL NOT NULL) STRICT;
CREATE TABLE faces (
  id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER REFERENCES people, said INTEGER NOT NULL,
  picture BLOB NOT NULL, quality REAL, template BLOB NOT NULL) STRICT;
CREATE INDEX faces_of_person ON faces (person);
CREATE INDEX faces_of_picture ON faces (picture);
CREATE TABLE facts (face INTEGER PRIMARY KEY REFERENCES faces ON DELETE CASCADE, sealed BLOB NOT NULL) STRICT;
CREATE TABLE crops (face INTEGER PRIMARY KEY REFERENCES faces ON DELETE CASCADE, sealed BLOB NOT NULL) STRICT;
CREATE TABLE not_this (
  face INTEGER NOT NULL REFERENCES faces ON DELETE CASCADE,
  person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE, PRIMARY KEY (face, person)) WITHOUT ROWID, STRICT;
CREATE INDEX not_this_person ON not_this (person);
CREATE TABLE audit (
  number INTEGER PRIMARY KEY, at REAL NOT NULL, body BLOB NOT NULL, why BLOB, why_digest BLOB NOT NULL,
  chain BLOB NOT NULL) STRICT;
CREATE TABLE audit_end (number INTEGER NOT NULL, chain BLOB NOT NULL, seal BLOB NOT NULL) STRICT;
CREATE TABLE erasing (id INTEGER PRIMARY KEY AUTOINCREMENT, sealed BLOB NOT NULL) STRICT;
"""
KEYS_TABLES = """
CREATE TABLE keyring (
  version INTEGER NOT NULL, gallery TEXT NOT NULL, made_check BLOB NOT NULL, root BLOB NOT NULL) STRICT;
CREATE TABLE of_person (id INTEGER PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;
CREATE TABLE of_face (id INTEGER PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;
"""


def make_files(folder: Path, master: bytes, now: float) -> None:
    """A new, empty gallery: there whole or not at all.

    Raises:
        EyeError: something is there already, or nothing can be written there.
    """
    if folder.exists():
        raise EyeError(f"{folder} is there already; open it, or give another place")
    secret = Secret(master, secrets.token_hex(16))
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        beside.mkdir(mode=0o700)
        _make(beside / FACES, FACES_TABLES, "INSERT INTO gallery VALUES (?,?,?,0,NULL,NULL,0)",
              (VERSION, secret.gallery, now))  # fmt: skip
        _make(beside / KEYS, KEYS_TABLES, "INSERT INTO keyring VALUES (?,?,?,?)",
              (VERSION, secret.gallery, secret.checked, secret.wrapped_root))  # fmt: skip
        beside.rename(folder)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise EyeError(f"cannot make a gallery at {folder}: {error.strerror}") from error


def _make(file: Path, tables: str, first: str, row: tuple[object, ...]) -> None:
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # journals take the file's mode
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.executescript(tables)
        connection.execute(first, row)
    finally:
        connection.close()


class Files:
    """Opens, for a moment each time: no connection is left in a thread or in a process that was forked."""

    def __init__(self, folder: Path) -> None:
        """Raises EyeError: there is no gallery, or one of a later version."""
        self.folder = folder
        if not (folder / FACES).is_file() or not (folder / KEYS).is_file():
            raise EyeError(f"there is no gallery at {folder}; make one first")
        with self._connected() as connection:
            version, self.gallery = connection.execute("SELECT version, id FROM gallery").fetchone()
            query = "SELECT gallery, made_check, root FROM keyring"
            other, self.check, self.root = connection.execute(query).fetchone()
        if version > VERSION:
            raise EyeError(f"{folder} has version {version} and this CompoundEye knows {VERSION}; use a newer one")
        if other != self.gallery:
            raise EyeError(f"{folder / KEYS} belongs to another gallery than {folder / FACES}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One look at one state. Raises EyeError: it cannot be read."""
        with self._connected() as connection:
            connection.execute("BEGIN")
            # The lock of the first file first, as a commit takes them: the other way round, each would wait for the
            # other until both gave up.
            connection.execute("SELECT revision FROM gallery").fetchone()
            self._same_key(connection)
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction over both files, and one writer at a time. Raises EyeError: it cannot be written."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._same_key(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _same_key(self, connection: sqlite3.Connection) -> None:
        """Nothing is sealed under a key that another process has replaced."""
        if connection.execute("SELECT made_check FROM keyring").fetchone()[0] != self.check:
            raise EyeError(f"the key of {self.folder} was changed meanwhile; open it again with the new one")

    def compact(self) -> None:
        """Write both files anew, so that no page keeps an old copy of what was deleted from it."""
        with self._connected() as connection:
            for schema in ("main", "ring"):
                connection.execute(f"VACUUM {schema}")
            connection.execute("UPDATE gallery SET uncompacted = 0")

    def holds(self, needles: Iterable[bytes]) -> int:
        """How many of some byte strings are found in the files, journals included, byte for byte."""
        wanted, found = set(needles), set[bytes]()
        for path in sorted(self.folder.iterdir()):
            with open(path, "rb") as file:
                if not os.fstat(file.fileno()).st_size:
                    continue
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    found |= {needle for needle in wanted - found if data.find(needle) >= 0}
        return len(found)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.folder / FACES, isolation_level=None, timeout=PATIENCE_S)
        try:
            connection.execute("ATTACH ? AS ring", (str(self.folder / KEYS),))
            for schema in ("main", "ring"):
                connection.execute(f"PRAGMA {schema}.secure_delete = ON")
                # After a loss of power, a journal whose removal was not on disk would bring back what was forgotten.
                connection.execute(f"PRAGMA {schema}.synchronous = EXTRA")
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
        except sqlite3.DatabaseError as error:
            reason = str(error).partition(" with text")[0]  # not what is stored
            raise EyeError(f"gallery {self.folder}: {reason}") from error
        finally:
            connection.close()
