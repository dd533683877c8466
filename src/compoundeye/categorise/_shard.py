"""The unit of work: one fragment of one corpus version, to staged columns and an account. Nothing else is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from compoundeye.categorise._answers import embedding_columns, result_columns
from compoundeye.categorise._look import CHUNK, Looked, look, vision
from compoundeye.categorise._recipe import Recipe
from compoundeye.corpus import Corpus, StagedColumns
from compoundeye.records import Account

READ_BYTES = 16 << 20
"""Of pictures in one read; two reads are under way at a time, so a worker holds about 48 MB of them."""

_IO_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all shards."""

    corpus: str
    name: str
    """Of the result's columns."""
    recipe: Recipe
    keep_embedding: bool
    """Whether embeddings are written: not where another model's stand."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One fragment to do."""

    version: int
    """Of the corpus to read."""
    fragment: int
    whole: bool
    """Whether all rows are to be done, or only those without a result of this recipe."""
    made_from: int
    """Corpus version that the results carry."""


@dataclass(frozen=True, slots=True)
class Part:
    """What came of one shard."""

    shard: Shard
    staged: StagedColumns | None
    """None where there was nothing to do."""
    account: Account


def run_shard(job: Job, shard: Shard) -> Part:
    """Categorise one fragment. Picklable work for any engine; running it twice does no harm."""
    corpus = Corpus.open(job.corpus, version=shard.version)
    where = None if shard.whole else not_done(job)
    rows, known = _rows(corpus, job, shard, where)
    if not len(rows):
        return Part(shard, None, Account())
    parts: list[Looked] = []
    if known.any():
        vectors = _embeddings(corpus, shard, _both(where, _by(job, known=True)))
        parts.append(Looked(vectors, None, None, [None] * len(vectors)))
    fresh = not known.all()
    if fresh:
        unknown = _both(where, _by(job, known=False)) if known.any() else where
        parts += look(vision(job.recipe.model), _pictures(corpus, shard, unknown))
    table, account = _table(job, shard, np.concatenate([rows[known], rows[~known]]), parts, fresh=fresh)
    return Part(shard, corpus.stage_columns(shard.fragment, table), account)


def not_done(job: Job) -> str:
    """Filter of the rows that have no result of this recipe yet."""
    by = job.recipe.by.replace("'", "''")
    return f"{job.name}_by IS NULL OR {job.name}_by <> '{by}'"


def _by(job: Job, *, known: bool) -> str:
    """Filter of the rows that have, or have not, an embedding of this model."""
    by = job.recipe.embedding_by.replace("'", "''")
    return f"embedding_by = '{by}'" if known else f"(embedding_by IS NULL OR embedding_by <> '{by}')"


def _both(where: str | None, also: str) -> str:
    return also if where is None else f"({where}) AND {also}"


def _rows(
    corpus: Corpus, job: Job, shard: Shard, where: str | None
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Ids of the rows to do, and which of them need no look: their embedding is there, and the rule needs no more."""
    fragment = corpus.dataset.get_fragment(shard.fragment)
    reusable = not job.recipe.rule.needs_logits and corpus.has_column("embedding_by")
    columns = ["embedding_by"] if reusable else []
    table = fragment.scanner(columns=columns, filter=where, with_row_id=True).to_table()
    rows = table["_rowid"].to_numpy()
    if not reusable:
        return rows, np.zeros(len(rows), np.bool_)
    same = pc.fill_null(pc.equal(table["embedding_by"], job.recipe.embedding_by), False)
    return rows, same.to_numpy()


def _embeddings(corpus: Corpus, shard: Shard, where: str) -> npt.NDArray[np.float16]:
    """[N, D]."""
    fragment = corpus.dataset.get_fragment(shard.fragment)
    vectors = fragment.scanner(columns=["embedding"], filter=where).to_table()["embedding"].combine_chunks()
    # A slice of a list array keeps its whole child: flatten takes this slice's part of it.
    return np.asarray(vectors.flatten().to_numpy().reshape(len(vectors), -1), np.float16)


def _pictures(corpus: Corpus, shard: Shard, where: str | None) -> Iterator[bytes]:
    """Encoded pictures of the rows to do, in their order; reading runs ahead of looking by two reads."""
    scanner = corpus.dataset.get_fragment(shard.fragment).scanner(
        columns=["image"],
        filter=where,
        batch_size=CHUNK,
        batch_size_bytes=READ_BYTES,
        batch_readahead=2,
        io_buffer_size=_IO_BYTES,
    )
    for batch in scanner.to_batches():
        for picture in batch.column(0):
            yield picture.as_py()


def _table(
    job: Job, shard: Shard, rows: npt.NDArray[np.uint64], parts: list[Looked], *, fresh: bool
) -> tuple[pa.Table, Account]:
    """New values of the fragment's columns, and what became of each picture."""
    made: list[dict[str, pa.Array]] = []
    for seen in parts:
        answers = job.recipe.rule.answer(seen)
        columns = result_columns(job.name, answers, seen.reason, job.recipe.by, shard.made_from)
        if fresh and job.keep_embedding:
            columns |= embedding_columns(seen.embedding, seen.reason, job.recipe.embedding_by)
        made.append(columns)
    table = pa.concat_tables([pa.table(columns) for columns in made])
    states: Counter[Any] = Counter(
        {row["values"]: row["counts"] for row in table[f"{job.name}_state"].value_counts().to_pylist()}
    )
    account = Account(
        seen=len(rows),
        done=states["done"],
        abstained=states["abstained"],
        failed=states["failed"],
        reasons=Counter(reason for seen in parts for reason in seen.reason if reason is not None),
    )
    return table.append_column("_rowid", pa.array(rows)), account.check()
