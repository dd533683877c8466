"""Near-duplicates as a column: which group of pictures that show the same a row belongs to."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from compoundeye.console._aside import Aside
from compoundeye.console._column import Column, Flags, Values
from compoundeye.console._columns import files_of
from compoundeye.console._refusals import Conflict
from compoundeye.console._snapshot import Snapshot, snapshot
from compoundeye.corpus import Corpus, duplicates
from compoundeye.records import EyeError, Progress

AT_ONCE = 50_000
"""Rows up to which whoever asks waits for the answer, about a second; of more, it is found by a process of its own."""

_FILE = "groups.npz"


class Twins:
    """The near-duplicates of one corpus, looked for when somebody first asks. Safe to use from several threads."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        """Make those wait who ask of a corpus of at most so many rows."""
        self._at_once = at_once
        self._lock = threading.Lock()
        self._found: tuple[Hashable, Column | EyeError] | None = None
        self._search: tuple[Hashable, Aside] | None = None

    def groups(self, at: Snapshot) -> Column:
        """Groups as numbers, 0 for the largest; rows without a near-duplicate have no value.

        Raises:
            Conflict: they are still looked for; the sentence says how far that is.
            EyeError: looking for them failed.
        """
        # Hashes and embeddings decide, so nothing has to be found again when somebody corrects a label.
        evidence = ("phash", "embedding") if at.corpus.has_column("embedding") else ("phash",)
        key = tuple(files_of(at, name) for name in evidence)
        with self._lock:
            if self._found is None or self._found[0] != key:
                self._look(key, at)
            assert self._found is not None
            found = self._found[1]
        if isinstance(found, EyeError):
            raise found
        return found

    def _look(self, key: Hashable, at: Snapshot) -> None:
        if at.rows <= self._at_once:
            self._found = key, Column("number", *groups(at))
            return
        if self._search is None or not self._search[1].is_alive():
            failed = self._search is not None and self._search[0] == key and self._search[1].error
            if failed:
                self._found, self._search = (key, failed), None
                return
            self._search = key, self._begun(key, at)
        share = self._search[1].share
        raise Conflict(f"near-duplicates are looked for, {share:.0%} of them compared; ask again in a moment")

    def _begun(self, key: Hashable, at: Snapshot) -> Aside:
        def keep(folder: Path) -> None:
            with np.load(folder / _FILE) as found:
                column = Column("number", found["values"], found["valid"])
            with self._lock:
                self._found = key, column

        search = Aside(find_groups, [at.corpus.path, at.version], keep)
        search.start()
        return search

    def close(self) -> None:
        """End what is under way."""
        if self._search is not None:
            self._search[1].stop()


def find_groups(tell: Progress, folder: str, path: str, version: int) -> None:
    """`groups` of a version, into a file: what runs in a process of its own."""
    values, valid = groups(snapshot(Corpus.open(path, version=version)), tell)
    np.savez(Path(folder) / _FILE, values=values, valid=valid)


def groups(at: Snapshot, tell: Progress | None = None) -> tuple[Values, Flags]:
    """The group of each row, uint32 [N], and whether it is in any."""
    table = duplicates(at.corpus, progress=tell)
    values, valid = np.zeros(at.rows, np.uint32), np.zeros(at.rows, np.bool_)
    ids, numbers = table["id"].combine_chunks(), table["group"].to_numpy()
    first = 0
    for batch in at.corpus.dataset.scanner(columns=["id"], scan_in_order=True).to_batches():
        place = pc.index_in(batch["id"], value_set=ids)
        hits = first + np.flatnonzero(place.is_valid().to_numpy(zero_copy_only=False))
        values[hits], valid[hits] = numbers[place.drop_null().to_numpy()], True
        first += batch.num_rows
    return values, valid
