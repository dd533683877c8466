"""Which rows a filter fits: by the columns in memory, and by Lance where only SQL can say it.

`Filter.condition` is what a filter means; this is the same in a tenth of the time, and the tests hold them together.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from compoundeye.console._bounded import Bounded
from compoundeye.console._column import Flags
from compoundeye.console._columns import Columns
from compoundeye.console._filters import Filter
from compoundeye.console._refusals import Unprocessable
from compoundeye.console._snapshot import Snapshot
from compoundeye.console._twins import Twins
from compoundeye.corpus import condition, names_below, period, sql_errors

SCANNED_BYTES = 32 << 20
"""Answers of Lance that are kept, a bit a row."""

_EPOCH = datetime(1970, 1, 1)


class Masks:
    """Filters over the versions of one corpus. Safe to use from several threads."""

    def __init__(self, columns: Columns, twins: Twins) -> None:
        """Look into these columns and near-duplicates."""
        self._columns, self._twins = columns, twins
        self._scanned: Bounded[npt.NDArray[np.uint8]] = Bounded(SCANNED_BYTES, lambda bits: bits.nbytes)

    def mask(self, at: Snapshot, asked: Filter) -> Flags | None:
        """Which rows fit [N]; None where the filter is empty and all do.

        Raises:
            CorpusError: a condition that cannot be read, or no categories yet.
            Conflict: near-duplicates are asked for and still looked for.
        """
        asked.check(at.corpus)
        parts = [part for part in self._parts(at, asked) if part is not None]
        return np.logical_and.reduce(parts) if parts else None

    def _parts(self, at: Snapshot, asked: Filter) -> list[Flags | None]:
        return [
            self._certain(at, asked),
            self._state(at, asked),
            self._taken(at, asked),
            self._large(at, asked),
            self._corrected(at, asked),
            self._category(at, asked),
            self._twin(at, asked),
            self._sql(at, asked),
        ]

    def _category(self, at: Snapshot, asked: Filter) -> Flags | None:
        if not asked.category:
            return None
        try:
            shown = self._columns.shown(at, asked.name)
        except Unprocessable:  # more different names than are kept
            return self._scan(at, Filter(category=asked.category, name=asked.name))
        if shown.names is None:
            return self._scan(at, Filter(category=asked.category, name=asked.name))
        return shown.among({below for one in asked.category for below in names_below(at.corpus, one, asked.name)})

    def _state(self, at: Snapshot, asked: Filter) -> Flags | None:
        name = f"{asked.name}_state"
        if not asked.state or not at.corpus.has_column(name):
            return None  # `check` let "new" pass, which all are then
        column = self._columns.column(at, name)
        fits = column.among(set(asked.state))
        return fits | ~column.present if "new" in asked.state else fits

    def _certain(self, at: Snapshot, asked: Filter) -> Flags | None:
        if asked.min_confidence is None and asked.max_confidence is None:
            return None
        column = self._columns.column(at, f"{asked.name}_confidence")
        return column.between(asked.min_confidence, asked.max_confidence)

    def _taken(self, at: Snapshot, asked: Filter) -> Flags | None:
        if asked.since is None and asked.until is None:
            return None
        first = None if asked.since is None else _microseconds(period(asked.since)[0])
        last = None if asked.until is None else _microseconds(period(asked.until)[1]) - 1
        return self._columns.column(at, "taken_at").between(first, last)

    def _large(self, at: Snapshot, asked: Filter) -> Flags | None:
        if asked.min_size is None:
            return None
        sides = [self._columns.column(at, side).between(asked.min_size, None) for side in ("width", "height")]
        return sides[0] & sides[1]

    def _corrected(self, at: Snapshot, asked: Filter) -> Flags | None:
        if asked.corrected is None:
            return None
        if not at.corpus.has_column("label"):
            return np.full(at.rows, not asked.corrected)
        given = self._columns.column(at, "label").present
        return given if asked.corrected else ~given

    def _twin(self, at: Snapshot, asked: Filter) -> Flags | None:
        if asked.duplicate is None:
            return None
        found = self._twins.groups(at).present
        return found if asked.duplicate else ~found

    def _sql(self, at: Snapshot, asked: Filter) -> Flags | None:
        if asked.where is None and not (asked.text or "").split():
            return None
        return self._scan(at, Filter(where=asked.where, text=asked.text, name=asked.name))

    def _scan(self, at: Snapshot, asked: Filter) -> Flags:
        fits = condition(
            at.corpus, where=asked.where, text=asked.text, category=asked.category or None, name=asked.name
        ).sql

        def read() -> npt.NDArray[np.uint8]:
            with sql_errors(at.corpus, asked.where):
                scanner = at.corpus.dataset.scanner(columns=[], filter=fits, with_row_address=True)
                found = at.numbered(scanner.to_table()["_rowaddr"].to_numpy())
            flags = np.zeros(at.rows, np.bool_)
            flags[found] = True
            return np.packbits(flags)

        return np.unpackbits(self._scanned.get((at.key, fits), read), count=at.rows).view(np.bool_)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
