"""The unit of work: one fragment of one corpus version, to staged columns and an account. Nothing else is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

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
    if not job.recipe.rule.needs_logits:
        rows, known = np.concatenate([rows[known], rows[~known]]), np.sort(known)[::-1]
    results: list[pa.Table] = []
    embeddings: list[pa.Table] = []
    reasons: list[str | None] = []
    for seen in _seen(corpus, job, shard, where, len(rows), known):
        # Answered at once, so that no more than one chunk of logits is in memory.
        answers = job.recipe.rule.answer(seen)
        by = job.recipe.by
        results.append(pa.table(result_columns(job.name, answers, seen.reason, by, shard.made_from)))
        embeddings.append(pa.table(embedding_columns(seen.embedding, seen.reason, job.recipe.embedding_by)))
        reasons += seen.reason
    table = pa.concat_tables(results)
    account = _account(table[f"{job.name}_state"], reasons).check()
    # Embeddings that are there already stay as they are: writing them again would put them out of the vector index.
    missing = ~known & np.array([reason is None for reason in reasons])
    if job.keep_embedding and missing.any():
        for name, column in zip(embeddings[0].column_names, pa.concat_tables(embeddings).columns, strict=True):
            table = table.append_column(name, column)
    table = table.append_column("_rowid", pa.array(rows))
    return Part(shard, corpus.stage_columns(shard.fragment, table), account)


def _seen(
    corpus: Corpus, job: Job, shard: Shard, where: str | None, count: int, known: npt.NDArray[np.bool_]
) -> Iterator[Looked]:
    """What the model makes of the rows to do; where embeddings are enough, first the rows that have them."""
    if not job.recipe.rule.needs_logits and known.any():
        vectors = _embeddings(corpus, shard, _both(where, _by(job, known=True)))
        yield Looked(vectors, None, None, [None] * len(vectors))
        where = _both(where, _by(job, known=False))
        count -= len(vectors)
    if count:
        yield from look(vision(job.recipe.model), _pictures(corpus, shard, where))


def _account(states: pa.ChunkedArray, reasons: list[str | None]) -> Account:
    counts: Counter[str] = Counter({row["values"]: row["counts"] for row in states.value_counts().to_pylist()})
    failures = Counter(reason for reason in reasons if reason is not None)
    return Account(len(states), counts["done"], 0, counts["abstained"], counts["failed"], failures)


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
    """Ids of the rows to do, and which of them have an embedding of this model."""
    fragment = corpus.dataset.get_fragment(shard.fragment)
    there = corpus.has_column("embedding_by")
    table = fragment.scanner(columns=["embedding_by"] if there else [], filter=where, with_row_id=True).to_table()
    rows = table["_rowid"].to_numpy()
    if not there:
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
