"""Near-duplicates as a column: which group of pictures that show the same a row belongs to."""

from __future__ import annotations

import threading
from collections.abc import Hashable

import numpy as np
import pyarrow.compute as pc

from compoundeye.console._column import Column
from compoundeye.console._columns import files_of
from compoundeye.console._refusals import Conflict
from compoundeye.console._snapshot import Snapshot
from compoundeye.corpus import duplicates

AT_ONCE = 50_000
"""Rows up to which whoever asks waits for the answer, about a second; of more, it is found in the background."""


class Twins:
    """The near-duplicates of one corpus, looked for when somebody first asks. Safe to use from several threads."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        """Make those wait who ask of a corpus of at most so many rows."""
        self._at_once = at_once
        self._lock = threading.Lock()
        self._found: tuple[Hashable, Column] | None = None
        self._searching: _Search | None = None

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
            if self._found is not None and self._found[0] == key:
                return self._found[1]
            search = self._searching
            if search is None or search.done.is_set():
                if search is not None and search.key == key:
                    self._searching = None
                    return self._settled(search)
                search = self._searching = _Search(key, at)
                search.start()
            if search.key == key and at.rows > self._at_once:
                raise Conflict(f"near-duplicates are looked for: {search.share:.0%} done; ask again in a moment")
        search.done.wait()
        with self._lock:
            if search.key == key:
                return self._settled(search)
        return self.groups(at)

    def _settled(self, search: _Search) -> Column:
        if search.error is not None:
            raise search.error
        assert search.found is not None
        self._found = (search.key, search.found)
        return search.found


class _Search(threading.Thread):
    """One run of `duplicates`."""

    def __init__(self, key: Hashable, at: Snapshot) -> None:
        super().__init__(name="near-duplicates", daemon=True)
        self.key, self.at = key, at
        self.share = 0.0
        self.found: Column | None = None
        self.error: Exception | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self.found = _groups(self.at, self._tell)
        except Exception as error:  # whoever asks gets it
            self.error = error
        finally:
            self.done.set()

    def _tell(self, done: int, total: int | None) -> None:
        self.share = done / total if total else 0.0


def _groups(at: Snapshot, tell: object) -> Column:
    table = duplicates(at.corpus, progress=tell)  # type: ignore[arg-type]
    groups, there = np.zeros(at.rows, np.uint32), np.zeros(at.rows, np.bool_)
    ids = table["id"].combine_chunks()
    first = 0
    for batch in at.corpus.dataset.scanner(columns=["id"], scan_in_order=True).to_batches():
        place = pc.index_in(batch["id"], value_set=ids)
        hits = np.flatnonzero(place.is_valid().to_numpy(zero_copy_only=False))
        groups[first + hits] = table["group"].to_numpy()[place.drop_null().to_numpy()]
        there[first + hits] = True
        first += batch.num_rows
    return Column("number", groups, there)
