"""New labels of pictures, decided from the labels that they have at the very commit: nobody's word is lost unseen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from compoundeye.corpus._correct import ATTEMPTS, by_fragment, has_columns
from compoundeye.corpus._error import CorpusError, storage_errors
from compoundeye.corpus._lock import writer_lock
from compoundeye.corpus._rows import id_literal, opened
from compoundeye.corpus._schema import ID, LABELS
from compoundeye.corpus._store import Corpus, StagedColumns

SAID = pa.schema([pa.field("id", ID, nullable=False), *LABELS])
"""A picture, and what a person said of it: all null where nobody did."""

_AT_ONCE = 4_096
"""Ids that Lance looks up; of more, one pass over all ids is cheaper."""


def relabel(
    corpus: Corpus | str | os.PathLike[str], ids: Sequence[bytes], decide: Callable[[pa.Table], pa.Table]
) -> pa.Table:
    """Write labels that depend on those that are there, all of them or none.

    ``decide`` gets the pictures with the labels that they have (`SAID`, as ingested), and gives those to write with
    their new ones. It is called again with fresh ones whenever somebody else's commit came in between, so what it saw
    is what was replaced. Memory is about 150 bytes a picture.

    Args:
        ids: of 16 bytes; those that are not in the corpus are left out.

    Returns:
        What was written.

    Raises:
        CorpusError: the corpus is written to all the time, or nothing can be written there.
    """
    corpus = opened(corpus).refresh()
    with writer_lock(corpus.path, "correction", shared=True), storage_errors(corpus.path):
        for _ in range(ATTEMPTS):
            if not has_columns(corpus):
                continue
            there = read_said(corpus, ids, "_rowid")
            new = decide(there.select(SAID.names)).select(SAID.names).cast(SAID)
            staged = list(_staged(corpus, there, new))
            if not staged or corpus.commit_columns(staged):
                corpus.refresh()
                return new
            corpus.refresh()
    raise CorpusError(f"{corpus.path} is written to all the time; try again when the other job is done")


def _staged(corpus: Corpus, there: pa.Table, new: pa.Table) -> Iterator[StagedColumns]:
    """New labels, fragment by fragment."""
    place = pc.index_in(new["id"].combine_chunks(), value_set=there["id"].combine_chunks())
    values = new.drop_columns("id").add_column(0, "_rowid", there["_rowid"].take(place))
    values, first = values.take(pc.sort_indices(values["_rowid"])), 0
    for fragment, part in by_fragment(values["_rowid"].to_numpy()):
        yield corpus.stage_columns(fragment, values.slice(first, len(part)))
        first += len(part)


def read_said(corpus: Corpus, ids: Sequence[bytes], *more: str) -> pa.Table:
    """What people said of some pictures, at the version that the corpus is opened at.

    Returns:
        A row for each picture that is there, as ingested: `SAID`, and the columns ``more``.
    """
    columns = ["id", *(name for name in LABELS.names if corpus.has_column(name))]
    if len(ids) <= _AT_ONCE:
        fits = f"id IN ({','.join(id_literal(one.hex()) for one in ids)})" if ids else "false"
        found = corpus.dataset.scanner(columns=columns, filter=fits, with_row_id=True).to_table()
    else:
        wanted = pa.array(ids, ID)
        batches = corpus.dataset.scanner(columns=columns, with_row_id=True, batch_size=1 << 18).to_batches()
        found = pa.Table.from_batches(
            [batch.filter(pc.is_in(batch["id"], value_set=wanted)) for batch in batches],
        )
    found = found.take(pc.sort_indices(found["_rowid"]))
    for field in LABELS:
        if field.name not in found.schema.names:
            found = found.append_column(field, pa.nulls(len(found), field.type))
    return found.select([*SAID.names, *more])
