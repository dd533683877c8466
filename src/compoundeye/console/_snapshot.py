"""One version of a corpus, its rows numbered from 0 as ingested, and how to find the newest one cheaply."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from compoundeye.console._bounded import Bounded
from compoundeye.console._refusals import NotFound
from compoundeye.corpus import Corpus, CorpusError

Rows = npt.NDArray[np.uint32]
"""Row numbers: places in the order of ingest, 0 to N - 1 without gaps."""
MOST_ROWS = 1 << 32

_PATIENCE_S = 2.0
"""Between questions to a bucket whether there is a newer version: each takes as long as fifty thumbnails."""

_KEPT = 8
"""Versions open at once; one costs a megabyte or so in 10 million rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A version of a corpus: nothing in it changes."""

    corpus: Corpus
    key: Hashable
    """Other for a corpus made anew at the same place, though the version's number be the same."""
    fragments: tuple[int, ...]
    """Ids, in the order of the rows."""
    starts: npt.NDArray[np.int64]
    """[fragments + 1] number of the first row of each, and of all rows."""
    files: tuple[dict[int, str], ...]
    """By fragment: the file of each field id. What stands in a file never changes."""
    deleted: tuple[str, ...]
    """By fragment: what names the rows that were deleted from it, "" where none were."""

    @property
    def version(self) -> int:
        """Of the corpus."""
        return self.corpus.version

    @property
    def rows(self) -> int:
        """Pictures in this version."""
        return int(self.starts[-1])

    def take(self, rows: Sequence[int] | Rows, columns: Sequence[str]) -> pa.Table:
        """Columns of some rows, in their order; one row may be asked for twice."""
        numbers = rows.tolist() if isinstance(rows, np.ndarray) else list(rows)
        return self.corpus.dataset.take(numbers, columns=list(columns))

    def numbered(self, addresses: npt.NDArray[np.uint64]) -> Rows:
        """Row numbers, in the order given, from Lance's row addresses (the fragment in the upper half)."""
        order = np.argsort(self.fragments)
        ids = np.asarray(self.fragments, np.uint64)[order]
        place = order[np.searchsorted(ids, addresses >> np.uint64(32))] if len(addresses) else np.empty(0, np.int64)
        offsets = (addresses & np.uint64(0xFFFFFFFF)).astype(np.int64)
        for one in np.unique(place).tolist():
            if self.deleted[one]:
                here = place == one
                offsets[here] = np.searchsorted(self._alive(one), offsets[here])
        return (self.starts[place] + offsets).astype(np.uint32)

    def _alive(self, place: int) -> npt.NDArray[np.int64]:
        """Offsets of the rows that a fragment still has."""
        fragment = self.corpus.dataset.get_fragment(self.fragments[place])
        found = fragment.scanner(columns=[], with_row_address=True).to_table()["_rowaddr"].to_numpy()
        return np.sort(found & np.uint64(0xFFFFFFFF)).astype(np.int64)

    def rows_of(self, ids: Sequence[bytes]) -> dict[bytes, int]:
        """Row numbers of those pictures that this version has."""
        literals = ",".join(f"arrow_cast(X'{one.hex()}','FixedSizeBinary({len(one)})')" for one in ids)
        condition = f"id IN ({literals})" if ids else "false"
        found = self.corpus.dataset.scanner(columns=["id"], filter=condition, with_row_address=True).to_table()
        return dict(zip(found["id"].to_pylist(), self.numbered(found["_rowaddr"].to_numpy()).tolist(), strict=True))

    def row_of(self, identity: bytes, hint: int | None = None) -> int:
        """The number of a picture.

        Args:
            hint: where it stood in some version; there it is looked for first, a thousandth of the work.

        Raises:
            NotFound: this version does not have it.
        """
        if hint is not None and hint < self.rows and self.take([hint], ["id"])["id"][0].as_py() == identity:
            return hint
        found = self.rows_of([identity])
        if identity not in found:
            raise NotFound(f"no picture {identity.hex()} is in this corpus")
        return found[identity]


def snapshot(corpus: Corpus) -> Snapshot:
    """The version that an opened corpus stands at.

    Raises:
        CorpusError: it has more rows than fit a row number.
    """
    found = list(corpus.dataset.get_fragments())
    sizes = [part.count_rows() for part in found]
    if sum(sizes) >= MOST_ROWS:
        raise CorpusError(f"{corpus.path} has {sum(sizes):,} pictures; a console shows up to {MOST_ROWS - 1:,}")
    return Snapshot(
        corpus=corpus,
        key=_identity(corpus.path, corpus.version),
        fragments=tuple(part.fragment_id for part in found),
        starts=np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]),
        files=tuple({field: file.path for file in part.metadata.files for field in file.fields} for part in found),
        deleted=tuple(str(part.metadata.deletion_file or "") for part in found),
    )


def _identity(path: str, version: int) -> Hashable:
    """The version, and when its manifest was written: a corpus made anew at the same place is another."""
    if "://" in path:
        return version
    try:
        # Lance counts the names of manifests down, so that the newest stands first.
        return version, os.stat(f"{path}/_versions/{2**64 - 1 - version:020d}.manifest").st_mtime_ns
    except OSError:
        return version


class Snapshots:
    """The versions of one corpus that somebody looks at. Safe to use from several threads."""

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Of the corpus at a path or address."""
        self.path = path
        self._clock = clock
        self._looked = -_PATIENCE_S
        self._newest: Snapshot | None = None
        self._kept: Bounded[Snapshot] = Bounded(_KEPT, lambda _: 1)
        self._lock = threading.Lock()

    def newest(self, *, at_once: bool = False) -> Snapshot:
        """The corpus as it is now: opened anew only if it has changed, else 0.1 ms on a local disk.

        Args:
            at_once: ask a bucket even if it was asked a moment ago, for somebody who has just written to it.

        Raises:
            CorpusError: it is not there any more.
        """
        with self._lock:
            known, now = self._newest, self._clock()
            if known is not None and "://" in self.path and not at_once and now - self._looked < _PATIENCE_S:
                return known
            self._looked = now
            if known is None or not _still_newest(known):
                known = self._newest = snapshot(Corpus.open(self.path))
                self._kept.put(known.version, known)
            return known

    def at(self, version: int | None) -> Snapshot:
        """An earlier version, or the newest where that one has been removed or never was."""
        newest = self.newest()
        if version is None or version == newest.version:
            return newest
        kept = self._kept.peek(version)
        if kept is not None and kept.key == _identity(self.path, version):
            return kept
        if not 0 < version < newest.version:
            return newest
        try:
            found = snapshot(Corpus.open(self.path, version=version))
        except CorpusError:
            return newest
        self._kept.put(version, found)
        return found


def _still_newest(known: Snapshot) -> bool:
    try:
        latest = known.corpus.dataset.latest_version
    except (OSError, ValueError):
        return False
    return bool(latest == known.version) and known.key == _identity(known.corpus.path, known.version)
