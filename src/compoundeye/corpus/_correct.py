"""What people say about pictures, as columns beside what models say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from lance.commit import CommitConflictError

from compoundeye.corpus._condition import check, sql_errors
from compoundeye.corpus._error import CorpusError, storage_errors
from compoundeye.corpus._lock import writer_lock
from compoundeye.corpus._rows import RowIds, find_ids, opened, rows_of
from compoundeye.corpus._schema import LABELS
from compoundeye.corpus._store import Corpus
from compoundeye.records import PICTURE_ID_BYTES

ATTEMPTS = 50
"""Each attempt that fails means that somebody else's commit went through, so work goes on meanwhile."""


def correct(
    corpus: Corpus | str | os.PathLike[str],
    ids: Sequence[bytes | str] | None = None,
    label: str | None = None,
    *,
    where: str | None = None,
    by: str,
) -> int:
    """Record a person's label for pictures, all of them or none; categorising by examples learns from it.

    Two people at once never lose each other's work: who comes second reads again and writes again. Of two labels for
    one picture the later stays.

    Args:
        ids: picture ids, 16 bytes or hexadecimal (six digits on); or ``where``, not both.
        label: the category; None takes the label away.
        where: SQL; every picture that fits is labelled.
        by: who says so.

    Returns:
        How many pictures were labelled.

    Raises:
        CorpusError: ids that are not in the corpus (nothing is written then), a condition that cannot be read, an
            empty label, neither ids nor where, or both.
    """
    if (ids is None) == (where is None):
        raise CorpusError("say which pictures: by their ids or by a condition, one of the two")
    if label is not None and not label.strip():
        raise CorpusError("the label is empty; give a name, or --remove to take a label away")
    if not by.strip():
        raise CorpusError("say who corrects: the name is empty")
    corpus = opened(corpus).refresh()
    if where is not None:
        check(corpus, where)
    wanted = None if ids is None else _known(corpus, ids)
    said = {"label": label and label.strip(), "label_by": by if label else None, "label_at": _now() if label else None}
    # Shared: people correct at once, but nobody while unused files are removed, for staged ones look unused.
    with writer_lock(corpus.path, "correction", shared=True), storage_errors(corpus.path):
        for _ in range(ATTEMPTS):
            if not has_columns(corpus):
                continue
            rows = _rows(corpus, wanted, where)
            staged = [corpus.stage_columns(fragment, _values(part, said)) for fragment, part in by_fragment(rows)]
            if not staged or corpus.commit_columns(staged):
                corpus.refresh()
                return len(rows)
            corpus.refresh()
    raise CorpusError(f"{corpus.path} is written to all the time; try again when the other job is done")


def read_corrections(corpus: Corpus | str | os.PathLike[str]) -> pa.Table:
    """What people said: id, label, label_by, label_at (UTC) of every picture with a label, as ingested."""
    corpus = opened(corpus)
    if not corpus.has_column("label"):
        return pa.schema([pa.field("id", pa.binary(PICTURE_ID_BYTES)), *LABELS]).empty_table()
    return corpus.dataset.to_table(columns=["id", *LABELS.names], filter="label IS NOT NULL", scan_in_order=True)


def _known(corpus: Corpus, ids: Sequence[bytes | str]) -> list[bytes]:
    """Full ids without repetition.

    Raises:
        CorpusError: some are not in the corpus; the first few are named.
    """
    short = [one for one in ids if isinstance(one, str)]
    full = dict.fromkeys([*(one for one in ids if isinstance(one, bytes)), *find_ids(corpus, short)])
    if any(len(one) != PICTURE_ID_BYTES for one in full):
        raise CorpusError(f"a picture id has {PICTURE_ID_BYTES} bytes")
    there = set(corpus.pictures_by_id(list(full))["id"].to_pylist())
    missing = [one.hex() for one in full if one not in there]
    if missing:
        some = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise CorpusError(f"not in {corpus.path}: {some}; nothing was written")
    return list(full)


def has_columns(corpus: Corpus) -> bool:
    """Whether the columns are there, after trying to make them; somebody else may be making them at this moment."""
    try:
        corpus.ensure_columns(LABELS)
    except (CommitConflictError, OSError, ValueError) as error:
        corpus.refresh()
        if not all(corpus.has_column(name) for name in LABELS.names) and not isinstance(error, CommitConflictError):
            raise
    return all(corpus.has_column(name) for name in LABELS.names)


def _rows(corpus: Corpus, wanted: list[bytes] | None, where: str | None) -> RowIds:
    """Row ids at this version, ascending. They move when fragments are joined, so each attempt asks again."""
    if wanted is not None:
        return rows_of(corpus.dataset, wanted)
    with sql_errors(corpus, where):
        return np.sort(corpus.dataset.to_table(columns=["_rowid"], filter=where)["_rowid"].to_numpy())


def by_fragment(rows: RowIds) -> Iterator[tuple[int, RowIds]]:
    """Lance keeps the fragment in the upper half of a row's id."""
    fragments = rows >> np.uint64(32)
    for part in np.split(rows, np.flatnonzero(np.diff(fragments)) + 1):
        if len(part):
            yield int(part[0] >> np.uint64(32)), part


def _values(rows: RowIds, said: dict[str, str | datetime | None]) -> pa.Table:
    columns = {field.name: pa.array([said[field.name]] * len(rows), field.type) for field in LABELS}
    return pa.table({"_rowid": rows, **columns})


def _now() -> datetime:
    return datetime.now(UTC)
