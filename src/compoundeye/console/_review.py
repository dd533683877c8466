"""Queues of pictures worth a person's look: the least certain, the abstained, those unlike their neighbours."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compoundeye.console._aside import Aside
from compoundeye.console._columns import files_of
from compoundeye.console._cursor import Cursor
from compoundeye.console._disagree import Found, Ints, find_disagreements, read_found
from compoundeye.console._filters import Filter
from compoundeye.console._refusals import Conflict
from compoundeye.console._snapshot import Rows, Snapshot
from compoundeye.console._state import Console
from compoundeye.console._views import View, Views
from compoundeye.corpus import CorpusError

QUEUES = {"least-certain": "Least certain", "abstained": "Abstained", "disagree": "Disagree with neighbours"}


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """What is known of the neighbours of a corpus's pictures."""

    key: Hashable
    """Other when embeddings or categories are."""
    at: Snapshot
    found: Found


@dataclass(frozen=True, slots=True, eq=False)
class Queue:
    """A part of a queue."""

    total: int
    """Pictures in it that nobody has labelled, as far as that is known without looking at each."""
    ids: list[bytes]
    places: list[int]
    """Of each in what was compared; empty in other queues."""
    after: str | None
    compared: Compared | None = None
    computing: float | None = None
    """How far the comparison is, 0 to 1; None while none is under way."""
    stale: bool = False
    """Whether embeddings or categories have changed since."""


class Review:
    """The queues of all corpora of a console. Safe to use from several threads.

    The comparison with neighbours is kept for the version that it was made of. What people say since only takes
    pictures out of it; when categories or embeddings change it is called stale, and made anew when somebody asks.
    """

    def __init__(self, console: Console) -> None:
        self._views = console.part(Views)
        self._lock = threading.Lock()
        self._compared: dict[tuple[str, str], Compared] = {}
        self._working: dict[tuple[str, str], Aside] = {}

    def queue(self, corpus: str, name: str, asked: Filter, limit: int, cursor: Cursor | None) -> Queue:
        """Pictures of a queue, those that nobody has labelled.

        Args:
            corpus: its name in addresses.
            name: one of `QUEUES`.
            asked: what narrows it.
            cursor: behind which picture it goes on, of the version that it began with.

        Raises:
            EyeError: no categories or embeddings yet, or the comparison failed.
        """
        if name == "disagree":
            return self._disagreeing(corpus, asked, limit, cursor)
        at = self._views.newest(corpus)
        _check(at, asked.name, f"{asked.name}_state")
        if name == "abstained":
            narrow, sort, descending = replace(asked, state=("abstained",), corrected=False), "best_confidence", True
        else:
            narrow, sort, descending = replace(asked, state=("done",), corrected=False), "confidence", False
        column = f"{asked.name}_{sort}"
        order = column if at.corpus.has_column(column) else "ingested"
        view = self._views.view(corpus, narrow, order, descending, cursor.version if cursor else None)
        start = cursor.offset(view) if cursor else 0
        now = view if view.version == at.version else self._views.view(corpus, narrow, order, descending)
        ids = _ids(view.at, view.page(start, limit))
        return Queue(now.total, ids, [], _next(view, start + len(ids), ids))

    def compare(self, corpus: str, name: str) -> None:
        """Have the neighbours compared anew; nothing happens while they are.

        Raises:
            NotFound: no such corpus.
            CorpusError: no categories or embeddings yet.
        """
        at = self._views.newest(corpus)
        _check(at, "embedding", name)
        with self._lock:
            self._begin(corpus, name, at)

    def close(self) -> None:
        """End what is under way."""
        with self._lock:
            working = list(self._working.values())
        for work in working:
            work.stop()

    def _begin(self, corpus: str, name: str, at: Snapshot) -> None:
        now = self._working.get((corpus, name))
        if now is not None and now.is_alive():
            return
        key = _key(at, name)

        def keep(folder: Path) -> None:
            found = Compared(key, at, read_found(folder))
            with self._lock:
                self._compared[corpus, name] = found

        work = Aside(find_disagreements, [at.corpus.path, at.version, name], keep)
        self._working[corpus, name] = work
        work.start()

    def _disagreeing(self, corpus: str, asked: Filter, limit: int, cursor: Cursor | None) -> Queue:
        at, which = self._views.newest(corpus), (corpus, asked.name)
        asked.check(at.corpus)
        _check(at, "embedding", asked.name)
        with self._lock:
            compared, work = self._compared.get(which), self._working.get(which)
            if compared is None and work is not None and not work.is_alive() and work.error is not None:
                del self._working[which]  # the next who asks has it tried again
                raise work.error
            if compared is None:
                self._begin(corpus, asked.name, at)
                work = self._working[which]
            share = work.share if work is not None and work.is_alive() else None
        if compared is None:
            return Queue(0, [], [], None, computing=share if share is not None else 0.0)
        places = self._places(corpus, compared, asked, at)
        start = 0
        if cursor is not None and cursor.version == compared.at.version:
            start = int(np.searchsorted(places, cursor.place))
        mine = places[start : start + limit]
        ids = [compared.found.ids[place].tobytes() for place in mine.tolist()]
        more = start + len(mine) < len(places)
        after = str(Cursor(compared.at.version, int(mine[-1]) + 1, ids[-1])) if more and ids else None
        stale = compared.key != _key(at, asked.name)
        return Queue(len(places), ids, mine.tolist(), after, compared, share, stale)

    def _places(self, corpus: str, compared: Compared, asked: Filter, at: Snapshot) -> Ints:
        """Which of those that were compared fit a filter and have no label yet."""
        rows = compared.found.rows
        narrow = replace(asked, corrected=False)
        # As long as no picture came or went, their numbers are those of the newest version.
        same = files_of(compared.at, "id") == files_of(at, "id")
        if not same and narrow == Filter(corrected=False, name=asked.name):
            return np.arange(len(rows))
        then = at if same else self._views.looking(corpus).snapshots.at(compared.at.version)
        if not same and then.version != compared.at.version:
            raise Conflict("pictures came since the neighbours were compared; have them compared again")
        mask = self._views.looking(corpus).masks.mask(then, narrow)
        return np.arange(len(rows)) if mask is None else np.flatnonzero(mask[rows])


def _check(at: Snapshot, *columns: str) -> None:
    for column in columns:
        if not at.corpus.has_column(column):
            raise CorpusError(f"{at.corpus.path} has no {column} yet; run `eye categorise {at.corpus.path}` first")


def _key(at: Snapshot, name: str) -> Hashable:
    columns = [one for one in ("embedding", name) if at.corpus.has_column(one)]
    return tuple(files_of(at, one) for one in columns)


def _ids(at: Snapshot, rows: Rows) -> list[bytes]:
    found: list[bytes] = at.take(rows, ["id"])["id"].to_pylist()
    return found


def _next(view: View, end: int, ids: list[bytes]) -> str | None:
    return str(Cursor(view.version, end, ids[-1])) if ids and end < view.total else None
