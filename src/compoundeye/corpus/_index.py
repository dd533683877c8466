"""The vector index of a corpus: made when exact search becomes slow, kept up to date, and measured on its own rows."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import lance
import numpy as np
import numpy.typing as npt
from lance.commit import CommitConflictError

from compoundeye.corpus._embed import dimension, space
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._nearest import IN_SMALL_BITES, Vectors, exact_nearest, unit_rows
from compoundeye.corpus._rows import RowIds, opened
from compoundeye.corpus._store import Corpus
from compoundeye.records import Progress

EXACT_BYTES = 512 << 20
"""Embeddings up to this are searched exactly. Measured on one core from the page cache: Lance's flat search reads
1.2 GB a second (100,000 x 1,280 float16 in 0.20 s; 1,000,000 x 128 in 0.24 s), so this is about 0.4 s a search."""

NAME = "embedding_idx"
RECALL = 0.95
"""Of the exact ten nearest, as many should be among the ten that the index gives."""

# IVF with RaBitQ codes (Gao and Long, SIGMOD 2024, arXiv:2405.12497), one bit a dimension, re-ranked by the vectors
# themselves. On 100,000 x 1,280: built in 5 CPU-s and 17 MB, recall 0.99 in 5 ms; IVF_PQ with 80 bytes a vector took
# 109 CPU-s and 1.2 GB of memory, IVF_HNSW_SQ 116 CPU-s and 142 MB on disk, and IVF_SQ 15 ms a search.
_TYPE, _CODE_BITS = "IVF_RQ", 1
_TRAINING_BYTES = 256 << 20
_ROWS_A_PARTITION = 8_192
_SAMPLES_A_PARTITION = 256
"""What Lance takes by itself for k-means where memory allows."""

_QUERIES, _NEAREST = 64, 10
_LADDER = ((8, 5), (16, 10), (32, 20), (64, 20), (64, 50), (128, 50), (256, 50), (512, 100))
"""(partitions looked into, candidates re-ranked a result), from fast to thorough."""

_OUTSIDE = 0.25
"""Share of EXACT_BYTES that may lie outside the index: those rows are searched exactly as well."""
_GROWTH = 4
"""An index is made anew, with more partitions, once the corpus has grown so many times."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """How a corpus is searched by vectors, and what that misses."""

    kind: str
    """"exact" or Lance's name of the index."""
    rows: int
    """Rows of the corpus when this was measured."""
    recall: float | None = None
    """Share of the exact ten nearest that the index finds, over ``queries`` pictures of the corpus itself."""
    queries: int = 0
    partitions: int = 0
    """Partitions looked into for one search."""
    refine: int = 0
    """Candidates compared by their full vectors, for each result asked for."""
    search_ms: float = 0.0
    """Median of one search when it was measured."""
    seconds: float = 0.0
    """What building and measuring took."""
    built_rows: int = 0
    """Rows when the partitions were chosen."""
    by: str = ""
    """The model of the embeddings."""
    built: bool = False
    """Whether this very call made or changed it."""


def ensure_index(
    corpus: Corpus | str | os.PathLike[str], *, force: bool = False, progress: Progress | None = None
) -> IndexReport:
    """Make the corpus fast to search by vectors, if it is not yet: build the index, take new rows in, measure recall.

    Does nothing while exact search is fast (see `EXACT_BYTES`). Memory is bounded: k-means learns from at most 256 MB
    of vectors. The recall is measured on pictures of the corpus, each searched exactly and by the index with itself
    left out, and the least effort is chosen that reaches 0.95; it is kept with the corpus.

    Args:
        force: build it even where exact search is fast.
        corpus: an open one moves on to the version with the index, unless it stands at an old one.
        progress: told of steps done, of three.

    Raises:
        CorpusError: no embeddings yet, or another process is building it.
    """
    corpus = opened(corpus)
    by = space(corpus)
    rows, width = corpus.rows, dimension(corpus)
    if rows * width * 2 <= EXACT_BYTES and not force:
        return IndexReport("exact", rows, recall=1.0, by=by)
    known = index_report(corpus)
    stale = known is None or known.by != by or rows >= _GROWTH * known.built_rows
    if known is not None and not stale and _outside(corpus.dataset, rows) * width * 2 <= _OUTSIDE * EXACT_BYTES:
        return known
    newest = Corpus.open(corpus.path)
    follow = newest.version == corpus.version
    with corpus.lock("index"):
        report = _update(newest, None if stale else known, by, progress or (lambda _done, _total: None))
    if follow:
        corpus.refresh()
    return report


def index_report(corpus: Corpus) -> IndexReport | None:
    """What is known of the index that stands, None where there is none."""
    stored = corpus.config("index")
    if stored is None or not any(one.name == NAME for one in corpus.dataset.describe_indices()):
        return None
    return IndexReport(**stored)


def _update(corpus: Corpus, known: IndexReport | None, by: str, progress: Progress) -> IndexReport:
    began = time.perf_counter()
    rows = corpus.rows
    progress(0, 3)
    try:
        if known is None:
            _build(corpus.dataset, rows, dimension(corpus))
        else:
            corpus.dataset.optimize.optimize_indices(index_names=[NAME])
    except CommitConflictError as error:
        raise CorpusError(f"{corpus.path} was written to while its index was made; run this again") from error
    corpus.refresh()
    progress(1, 3)
    report = _measure(corpus)
    progress(2, 3)
    seconds = round(time.perf_counter() - began, 1)
    report = replace(
        report, rows=rows, by=by, seconds=seconds, built_rows=known.built_rows if known else rows, built=False
    )
    corpus.set_config("index", asdict(report))
    progress(3, 3)
    return replace(report, built=True)


def _build(dataset: lance.LanceDataset, rows: int, width: int) -> None:
    options: dict[str, Any] = {}
    samples = _TRAINING_BYTES // (4 * width * max(1, rows // _ROWS_A_PARTITION))
    if samples < _SAMPLES_A_PARTITION:
        options["streaming_sample_rate"] = max(16, samples)
    dataset.create_index(
        "embedding",
        _TYPE,
        name=NAME,
        metric="cosine",
        num_bits=_CODE_BITS,
        target_partition_size=_ROWS_A_PARTITION,
        replace=True,
        **options,
    )


def _outside(dataset: lance.LanceDataset, rows: int) -> int:
    """Rows that the index does not cover."""
    return rows - sum(int(one.num_rows_indexed) for one in dataset.describe_indices() if one.name == NAME)


def indexed_nearest(
    dataset: lance.LanceDataset, query: Vectors, k: int, effort: IndexReport, condition: str | None
) -> Any:
    """Lance's table (_rowid, _distance = 1 - cosine) of the k nearest by the index; a condition is applied first."""
    # Candidates are counted for each result asked for, so fewer than the recall was measured with would find less.
    asked = max(k, _NEAREST + 1)
    return lance_nearest(
        dataset, query, asked, condition, minimum_nprobes=effort.partitions, refine_factor=effort.refine, use_index=True
    ).slice(0, k)


def lance_nearest(dataset: lance.LanceDataset, query: Vectors, k: int, condition: str | None, **how: Any) -> Any:
    """Lance's own search for one vector, float32 [D]: with ``use_index=False`` exact, in 0.4 of numpy's time."""
    return dataset.scanner(
        columns=["_rowid", "_distance"],
        nearest={"column": "embedding", "q": query, "k": k, "metric": "cosine", **how},
        filter=condition,
        prefilter=True,
        **IN_SMALL_BITES,
    ).to_table()


def _measure(corpus: Corpus) -> IndexReport:
    """Climb the ladder until the recall is reached; where it is not, the best rung counts, and says so."""
    own, queries = _sample(corpus.dataset)
    truth = [row[row != mine][:_NEAREST] for row, mine in zip(_exact(corpus, queries), own, strict=True)]
    best: IndexReport | None = None
    for partitions, refine in _LADDER:
        effort = IndexReport(_TYPE, corpus.rows, queries=len(own), partitions=partitions, refine=refine)
        effort = _try(corpus.dataset, own, queries, truth, effort)
        if best is None or (effort.recall or 0) > (best.recall or 0):
            best = effort
        if (effort.recall or 0) >= RECALL:
            break
    assert best is not None
    return best


def _exact(corpus: Corpus, queries: Vectors) -> Iterator[RowIds]:
    yield from exact_nearest(corpus.dataset, queries, _NEAREST + 1)[0]


def _try(
    dataset: lance.LanceDataset, own: RowIds, queries: Vectors, truth: list[RowIds], effort: IndexReport
) -> IndexReport:
    hits, spent = 0, list[float]()
    for mine, query, wanted in zip(own, queries, truth, strict=True):
        start = time.perf_counter()
        found = indexed_nearest(dataset, query, _NEAREST + 1, effort, None)["_rowid"].to_numpy()
        spent.append(time.perf_counter() - start)
        hits += len(np.intersect1d(found[found != mine][:_NEAREST], wanted))
    wanted_in_all = sum(len(row) for row in truth)
    recall = round(hits / wanted_in_all, 4) if wanted_in_all else 1.0
    return replace(effort, recall=recall, search_ms=round(1e3 * float(np.median(spent)), 2))


def _sample(dataset: lance.LanceDataset) -> tuple[RowIds, Vectors]:
    """Row ids and embeddings of some rows, the same ones each time."""
    rows = dataset.count_rows()
    places: npt.NDArray[np.int64] = np.random.default_rng(0).choice(rows, min(rows, 4 * _QUERIES), replace=False)
    found = dataset.take(np.sort(places).tolist(), columns=["_rowid", "embedding"])
    vectors, known = unit_rows(found["embedding"].combine_chunks())
    kept = np.flatnonzero(known)
    kept = kept[np.linspace(0, len(kept) - 1, min(len(kept), _QUERIES)).astype(np.int64)]
    return found["_rowid"].to_numpy()[kept], vectors[kept]
