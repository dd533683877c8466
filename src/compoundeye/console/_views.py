"""Views: a filter and an order over one version of a corpus, as row numbers that pages are slices of."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from compoundeye.console._bounded import Bounded
from compoundeye.console._column import Column
from compoundeye.console._columns import Columns
from compoundeye.console._filters import Filter
from compoundeye.console._masks import Masks
from compoundeye.console._memory import give_back_large_pieces
from compoundeye.console._refusals import NotFound
from compoundeye.console._snapshot import Rows, Snapshot, Snapshots
from compoundeye.console._state import Console
from compoundeye.console._twins import Twins
from compoundeye.records import EyeError

VIEW_BYTES = 128 << 20
"""Views together: of 10 million rows one takes 40 MB, of one million 4 MB."""

AT_ONCE = 2
"""Views that are made at the same time: of 10 million rows each needs some 250 MB until it is made."""

WARM_FROM = 500_000
"""Rows from which on columns are read before anybody asks: 0.2 s each in 10 million rows, texts 0.5 s."""
_USUAL = ("category_confidence", "category", "category_state", "taken_at", "width", "height")

INGESTED = "ingested"
SHOWN = "category"
GROUP = "duplicates"


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Rows of one version that fit, in order. Equal values stand as ingested, rows without a value last."""

    at: Snapshot
    filter: Filter
    sort: str
    descending: bool
    rows: Rows | None
    """Row numbers [total]; None for all rows as ingested."""

    @property
    def total(self) -> int:
        """Pictures that fit."""
        return self.at.rows if self.rows is None else len(self.rows)

    @property
    def version(self) -> int:
        """Of the corpus."""
        return self.at.version

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return 1_000 if self.rows is None else int(self.rows.nbytes)

    def page(self, offset: int, limit: int) -> Rows:
        """Row numbers of ``limit`` pictures from place ``offset`` on; fewer at the end."""
        if self.rows is not None:
            return self.rows[offset : offset + limit]
        return np.arange(min(offset, self.total), min(offset + limit, self.total), dtype=np.uint32)

    def place(self, row: int) -> int | None:
        """Where a row stands in the view; None where it does not fit."""
        if self.rows is None:
            return row if row < self.total else None
        found = np.flatnonzero(self.rows == row)
        return int(found[0]) if len(found) else None


class Looking:
    """What is kept of one corpus that people look at."""

    def __init__(self, path: str, warm_from: int = WARM_FROM) -> None:
        """Begin with nothing, and read the usual columns in the background if there are so many rows."""
        self.snapshots = Snapshots(path)
        self.columns = Columns()
        self.twins = Twins()
        self.masks = Masks(self.columns, self.twins)
        self._closed = False
        self.warming = threading.Thread(target=self._warm, args=(warm_from,), name="columns", daemon=True)
        self.warming.start()

    def close(self) -> None:
        """End what is under way in the background."""
        self._closed = True
        self.warming.join()
        self.twins.close()

    def _warm(self, warm_from: int) -> None:
        # Whoever asks sooner waits for the column; errors are for those who ask.
        with suppress(EyeError, OSError):
            at = self.snapshots.newest()
            for name in _USUAL if at.rows >= warm_from else ():
                if at.corpus.has_column(name) and not self._closed:
                    _column(self, at, name, SHOWN)


class Views:
    """The views of all corpora of a console. Safe to use from several threads; in memory that is bounded."""

    def __init__(self, console: Console) -> None:
        give_back_large_pieces()
        self._console = console
        self._lock = threading.Lock()
        self._looking: dict[str, Looking] = {}
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._scans = threading.Lock()  # SQL and words use all cores anyhow, and hold up no quick filter
        self._views: Bounded[View] = Bounded(VIEW_BYTES, lambda view: view.nbytes)

    def close(self) -> None:
        """End what is under way in the background; the console calls it at its end."""
        with self._lock:
            for one in self._looking.values():
                one.close()

    def looking(self, corpus: str) -> Looking:
        """Versions and columns of a corpus, by its name in addresses.

        Raises:
            NotFound: none of this name is served.
        """
        path = self._console.corpora.get(corpus)
        if path is None:
            raise NotFound(f"no corpus {corpus} is served here; there is {', '.join(self._console.corpora) or 'none'}")
        with self._lock:
            if corpus not in self._looking:
                self._looking[corpus] = Looking(path)
            return self._looking[corpus]

    def newest(self, corpus: str) -> Snapshot:
        """The corpus as it is now.

        Raises:
            NotFound: none of this name is served.
            CorpusError: it is not there any more.
        """
        return self.looking(corpus).snapshots.newest()

    def view(
        self,
        corpus: str,
        asked: Filter | None = None,
        sort: str = INGESTED,
        descending: bool = False,
        version: int | None = None,
    ) -> View:
        """Rows that fit a filter, in order.

        Args:
            corpus: its name in addresses.
            sort: "ingested", "category" (a person's label before the model's), "confidence", "pixels", "duplicates"
                (near-duplicates group by group, the largest first), or a column of numbers, times or text.
            version: of the corpus; the newest where it is None, or where that version is not there any more.

        Raises:
            NotFound: no such corpus or column.
            CorpusError: a condition that cannot be read, or no categories yet.
            Unprocessable: the column has no order.
            Conflict: near-duplicates are asked for and still looked for.
        """
        looking = self.looking(corpus)
        at = looking.snapshots.at(version)
        asked = asked or Filter()
        key: Hashable = (corpus, at.key, asked, sort, descending)

        def make() -> View:
            with self._scans if asked.where or asked.text else self._turns:
                return _view(looking, at, asked, sort, descending)

        return self._views.get(key, make)

    def column(self, corpus: str, at: Snapshot, name: str, result: str = "category") -> Column:
        """What a view of a version would be sorted by; names as `view` takes them."""
        return _column(self.looking(corpus), at, name, result)


def ordered_by(looking: Looking, view: View) -> View:
    """The rows of a view in the order that its ``sort`` names, whatever theirs is.

    Raises:
        NotFound: no such column.
        Unprocessable: the column has no order.
    """
    rows = np.sort(view.page(0, view.total))
    if view.sort != INGESTED:
        rows = ordered(_column(looking, view.at, view.sort, view.filter.name), rows, view.descending)
    elif view.descending:
        rows = rows[::-1]
    return replace(view, rows=rows)


def _view(looking: Looking, at: Snapshot, asked: Filter, sort: str, descending: bool) -> View:
    mask = looking.masks.mask(at, asked)
    if sort == INGESTED and not descending and mask is None:
        return View(at, asked, sort, descending, None)
    rows = np.arange(at.rows, dtype=np.uint32) if mask is None else np.flatnonzero(mask).astype(np.uint32)
    if sort == INGESTED:
        rows = rows[::-1].copy() if descending else rows
    else:
        rows = ordered(_column(looking, at, sort, asked.name), rows, descending)
    rows.flags.writeable = False
    return View(at, asked, sort, descending, rows)


def _column(looking: Looking, at: Snapshot, sort: str, name: str) -> Column:
    if sort == SHOWN and (at.corpus.has_column(name) or at.corpus.has_column("label")):
        return looking.columns.shown(at, name)
    if sort == INGESTED:
        return Column("number", np.arange(at.rows, dtype=np.uint32), None)
    if sort == GROUP:
        return looking.twins.groups(at)
    return looking.columns.column(at, f"{name}_confidence" if sort == "confidence" else sort)


def ordered(column: Column, rows: Rows, descending: bool) -> Rows:
    """Rows (ascending) by the value of a column; of equal values as they came, those without one last."""
    absent = np.empty(0, np.uint32)
    if column.valid is not None:
        there = column.valid[rows]
        rows, absent = rows[there], rows[~there]
    keys = column.keys(rows)
    if keys.dtype == np.uint32:
        # The row below the key: one fast sort of integers, and equal keys stay as ingested.
        both = (~keys if descending else keys).astype(np.uint64)
        both <<= np.uint64(32)
        both |= rows
        both.sort()
        found = both.astype(np.uint32)
    else:
        against = ~keys if keys.dtype.kind == "u" else -keys
        found = rows[np.argsort(against if descending else keys, kind="stable")]
    return np.concatenate([found, absent])
