"""Corrections by several people at once: nobody overwrites a word that they have not seen, and all can be undone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compoundeye.console._column import Flags
from compoundeye.console._refusals import Conflict, NotFound
from compoundeye.console._state import Console
from compoundeye.console._undo_log import BEFORE, Entry, UndoLog
from compoundeye.console._views import Views
from compoundeye.corpus import SAID, read_said, relabel
from compoundeye.models import home

LABEL = [field.name for field in SAID if field.name != "id"]
TOLD = 100
"""Pictures kept that are told one by one; of more, only how many."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of a correction or of its undo."""

    changed: int
    already: int
    """Pictures that have this label, whoever gave it: they stay as they are."""
    kept: int
    """Pictures that somebody else has labelled since: they stay as they are."""
    kept_rows: pa.Table
    """`SAID` of the first `TOLD` of them."""
    undo: str | None
    """What takes it back; None where nothing changed."""
    version: int
    """Of the corpus, that holds it."""


Decide = Callable[[pa.Table], tuple[pa.Table, pa.Table, int]]
"""From what stands there (`SAID`): what to replace (`SAID` and `BEFORE`), what to keep, how many are right already."""


class Corrections:
    """Of all corpora of a console. Safe to use from several threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._views = console.part(Views)
        self._turns: dict[str, threading.Lock] = {}

    def correct(self, corpus: str, ids: Sequence[bytes], label: str | None, by: str, version: int | None) -> Outcome:
        """Say what pictures show.

        Args:
            corpus: its name in addresses.
            label: None takes labels away.
            by: who says so.
            version: of the corpus, that the person looked at: pictures that got another label since are kept as they
                are. None replaces whatever is there.

        Raises:
            NotFound: no such corpus, or it lacks some of these pictures.
            Conflict: that version is not there any more, so nobody can tell what the person saw.
            EyeError: nothing can be written.
        """
        seen = None if version is None else self._seen(corpus, ids, version)
        now = datetime.now(UTC)
        said = (label, by, now) if label is not None else (None, None, None)

        def decide(there: pa.Table) -> tuple[pa.Table, pa.Table, int]:
            if len(there) < len(ids):
                raise NotFound(
                    f"{len(ids) - len(there):,} of these pictures are not in this corpus; nothing was written"
                )
            right = _same(there["label"], pa.array([label] * len(there), pa.string()))
            known = right if seen is None else _as_seen(there, seen)
            kept = np.zeros(len(there), np.bool_) if seen is None else ~known & ~right
            return (
                _replacing(there.filter(pa.array(~right & ~kept)), said),
                there.filter(pa.array(kept)),
                int(right.sum()),
            )

        return self._write(corpus, ids, decide, by=by, label=label)

    def undo(self, corpus: str, name: str, by: str) -> Outcome:
        """Take a correction back: each picture gets the label that it had, with who gave it when.

        Pictures that somebody has labelled since, the same person too, are kept as they are.

        Raises:
            NotFound: what it replaced is not kept (any more).
            Conflict: it was undone already.
        """
        log = self._log(corpus)
        written = log.read(name)
        if log.undone(name):
            raise Conflict("that correction was undone already")

        def decide(there: pa.Table) -> tuple[pa.Table, pa.Table, int]:
            mine = _as_seen(there, written)
            place = pc.index_in(there["id"].combine_chunks(), value_set=written["id"].combine_chunks())
            old = written.take(place).select(BEFORE.names).rename_columns(LABEL)
            whole = old.add_column(0, "id", there["id"])
            for column, before in zip(LABEL, BEFORE, strict=True):
                whole = whole.append_column(before, there[column])
            mine_too = pa.array(mine)
            return whole.filter(mine_too), there.filter(pc.invert(mine_too)), 0

        done = self._write(corpus, written["id"].to_pylist(), decide, by=by, label=None, undoes=name)
        log.mark(name)
        return done

    def entries(self, corpus: str, limit: int) -> list[Entry]:
        """The latest corrections that this console's home knows of, the newest first."""
        return list(self._log(corpus).entries(limit))

    def _write(
        self,
        corpus: str,
        ids: Sequence[bytes],
        decide: Decide,
        *,
        by: str,
        label: str | None,
        undoes: str | None = None,
    ) -> Outcome:
        log, store = self._log(corpus), self._console.corpus(corpus)
        name, kept, already, changed = log.name(), SAID.empty_table(), 0, 0

        def replace(there: pa.Table) -> pa.Table:
            nonlocal kept, already
            new, kept, already = decide(there)
            if len(new):
                log.write(name, new, by=by, label=label, undoes=undoes)
            return new

        try:
            # One after another here, so that many who correct at once do not make each other begin anew.
            with self._turns.setdefault(corpus, threading.Lock()):
                changed = relabel(store, ids, replace).num_rows
        finally:
            if not changed:
                log.forget(name)
        return Outcome(changed, already, len(kept), kept[:TOLD], name if changed else None, store.version)

    def _seen(self, corpus: str, ids: Sequence[bytes], version: int) -> pa.Table:
        at = self._views.looking(corpus).snapshots.at(version)
        if at.version != version:
            raise Conflict(
                "the version of the corpus that you looked at is not kept any more; look again, then correct"
            )
        return read_said(at.corpus, ids)

    def _log(self, corpus: str) -> UndoLog:
        return UndoLog(home() / "corrections", self._console.corpus(corpus).path)


def _as_seen(there: pa.Table, seen: pa.Table) -> Flags:
    """[N] whether a picture has the very label that was seen: the same word, by the same person, of the same time."""
    place = pc.index_in(there["id"].combine_chunks(), value_set=seen["id"].combine_chunks())
    then = seen.take(place)
    found = place.is_valid().to_numpy(zero_copy_only=False)
    return np.asarray(np.logical_and.reduce([found, *(_same(there[name], then[name]) for name in LABEL)]))


def _same(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Flags:
    """[N] where two columns agree; nothing agrees with nothing."""
    both_null = pc.and_(pc.is_null(one), pc.is_null(other))
    return np.asarray(pc.or_(pc.fill_null(pc.equal(one, other), False), both_null), np.bool_)


def _replacing(old: pa.Table, said: tuple[str | None, str | None, datetime | None]) -> pa.Table:
    """`SAID` as it shall be, and `BEFORE` as it is."""
    columns = [
        old["id"],
        *(pa.array([value] * len(old), SAID.field(name).type) for name, value in zip(LABEL, said, strict=True)),
    ]
    return pa.table([*columns, *(old[name] for name in LABEL)], names=[*SAID.names, *BEFORE.names])
