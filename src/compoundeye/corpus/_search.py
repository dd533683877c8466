"""Find pictures: like one, by what they mean, by category, time, size, words and SQL, and by all of these together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache

import lance
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lance.dataset import ColumnOrdering

from compoundeye.corpus._condition import Condition, condition, quoted, sql_errors
from compoundeye.corpus._embed import Like, Model, Query, query_like, query_meaning
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._index import IndexReport, ensure_index, index_report, indexed_nearest, lance_nearest
from compoundeye.corpus._nearest import exact_nearest
from compoundeye.corpus._rows import RowIds, opened, take_rows
from compoundeye.corpus._store import Corpus
from compoundeye.records import PICTURE_ID_BYTES

FEW_ROWS = 25_000
"""A filter that leaves no more is followed exactly, row by row (8 µs each at 1,280 dimensions, so 0.2 s): an index
looks into a few partitions only and might miss what is rare."""

_SHOWN = ("id", "source", "width", "height", "taken_at", "label")


def search(
    corpus: Corpus | str | os.PathLike[str],
    like: Like | None = None,
    *,
    meaning: str | None = None,
    text: str | None = None,
    where: str | None = None,
    category: str | Sequence[str] | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    min_size: int | None = None,
    k: int = 20,
    columns: Sequence[str] = (),
    name: str = "category",
    model: Model | None = None,
    exact: bool | None = None,
) -> pa.Table:
    """The k pictures that fit best. Every condition narrows; ``like`` or ``meaning`` orders by cosine similarity.

    Args:
        like: a picture, which need not be in the corpus: its path, its bytes, the id (16 bytes or hexadecimal, from six
            digits on) of one that is; or a vector [D] in the space of the embeddings.
        meaning: words that describe what to see, for embeddings of a model with a text tower (CLIP, SigLIP).
        text: words that must all occur in caption, metadata, source or camera, in any case.
        where: SQL over the corpus's columns, such as ``"width > 1000 AND format = 'PNG'"``.
        category: name or names; a person's label counts before the model's, and "cat" finds tabbies too.
        since, until: when taken, both included: ``2024``, ``2024-05``, ``2024-05-17`` or a datetime.
        min_size: pixels that both sides have at least.
        columns: further columns to return.
        name: which result of categorising to use.
        model: what to embed with, a name, folder or loaded model; by default the one that made the embeddings.
        exact: True never uses the index, False always; None uses it where exact search would be slow, and makes it.

    Returns:
        id, similarity (cosine, null if there was nothing to be similar to), source, category, confidence, label, width,
        height, taken_at, then ``columns``, and why it is there in words. Best first: by similarity, else by confidence
        if a category was asked for, else as ingested. Pictures without an embedding are not found by similarity.

    Raises:
        CorpusError: a condition or column that cannot be, no embeddings or categories yet, no such picture.
        EyeError: the picture or the model cannot be read, or the model is not the one that made the embeddings.
    """
    corpus = opened(corpus)
    _check(corpus, like, meaning, k, columns)
    fits = condition(
        corpus,
        where=where,
        category=category,
        since=since,
        until=until,
        min_size=min_size,
        text=text,
        name=name,
    )
    query = None
    if like is not None:
        query = query_like(corpus, like, model)
    elif meaning is not None:
        query = query_meaning(corpus, meaning, model)
    similarity: npt.NDArray[np.float32] | None
    with sql_errors(corpus, where):
        if query is None:
            rows = _in_order(corpus, fits, k, by=f"{name}_confidence" if category is not None else None)
            similarity = None
        else:
            rows, similarity = _similar(corpus, query, fits, k, exact)
    return _described(corpus, rows, similarity, query, fits, columns, name)


def _check(corpus: Corpus, like: Like | None, meaning: str | None, k: int, columns: Sequence[str]) -> None:
    if k < 1:
        raise CorpusError(f"k must be at least 1, not {k}")
    if like is not None and meaning is not None:
        raise CorpusError("search by a picture or by a meaning, not by both")
    for column in columns:
        if not corpus.has_column(column):
            names = ", ".join(corpus.dataset.schema.names)
            raise CorpusError(f"{corpus.path} has no column {column}; its columns are {names}")


def _in_order(corpus: Corpus, fits: Condition, k: int, *, by: str | None) -> RowIds:
    order = None
    if by is not None and corpus.has_column(by):
        order = [ColumnOrdering(by, ascending=False, nulls_first=False)]
    found = corpus.dataset.scanner(columns=["_rowid"], filter=fits.sql, limit=k, order_by=order).to_table()
    rows: RowIds = found["_rowid"].to_numpy()
    return rows


def _similar(
    corpus: Corpus, query: Query, fits: Condition, k: int, exact: bool | None
) -> tuple[RowIds, npt.NDArray[np.float32]]:
    """Row ids and cosines, best first, by whichever way is fastest and still finds what it should."""
    sql = fits.sql
    if _other_models(corpus, query.by):
        # Vectors of two models have nothing to do with each other, though their widths agree.
        sql = " AND ".join(part for part in (sql, f"embedding_by = {quoted(query.by)}") if part)
    if sql is not None and corpus.dataset.count_rows(sql) <= FEW_ROWS:
        rows, cosines = exact_nearest(corpus.dataset, query.vector[None], k, sql)
        return rows[0], cosines[0]
    effort = None if exact else _effort(corpus, must=exact is False)
    if effort is None:
        found = lance_nearest(corpus.dataset, query.vector, k, sql, use_index=False)
    else:
        found = indexed_nearest(corpus.dataset, query.vector, k, effort, sql)
    rows, distance = found["_rowid"].to_numpy(), found["_distance"].to_numpy()
    order = np.lexsort((rows, distance))
    return rows[order], np.minimum(1 - distance[order], 1)


def _effort(corpus: Corpus, *, must: bool) -> IndexReport | None:
    """The index to use, made or brought up to date if need be; None to search exactly."""
    try:
        effort = ensure_index(corpus, force=must)
    except CorpusError:
        # Somebody else is making it, or nothing can be written there: slower, but no less right.
        effort = index_report(corpus) or IndexReport("exact", corpus.rows)
        if must and effort.kind == "exact":
            raise
    return None if effort.kind == "exact" else effort


@lru_cache(maxsize=16)
def _other_models_at(path: str, version: int, by: str) -> bool:
    dataset = lance.dataset(path, version=version)
    return bool(dataset.count_rows(f"embedding_by != {quoted(by)}"))


def _other_models(corpus: Corpus, by: str) -> bool:
    """Whether some rows have embeddings of another model: categorising with a new one is under way."""
    return _other_models_at(corpus.path, corpus.version, by)


def _described(
    corpus: Corpus,
    rows: RowIds,
    similarity: npt.NDArray[np.float32] | None,
    query: Query | None,
    fits: Condition,
    columns: Sequence[str],
    name: str,
) -> pa.Table:
    """The answer: columns of the rows, nulls for those the corpus does not have yet, and why each row is there."""
    wanted = dict.fromkeys([*_SHOWN, name, f"{name}_confidence", *fits.texts, *columns])
    found = take_rows(corpus.dataset, rows, [column for column in wanted if corpus.has_column(column)])

    def column(title: str, type_: pa.DataType) -> pa.Array:
        if title in found.schema.names:
            return found[title].combine_chunks()
        return pa.nulls(len(rows), type_)

    cosines = pa.nulls(len(rows), pa.float32()) if similarity is None else pa.array(similarity, pa.float32())
    table = {
        "id": column("id", pa.binary(PICTURE_ID_BYTES)),
        "similarity": cosines,
        "source": column("source", pa.string()),
        "category": column(name, pa.string()),
        "confidence": column(f"{name}_confidence", pa.float32()),
        "label": column("label", pa.string()),
        **{title: column(title, pa.null()) for title in ("width", "height", "taken_at")},
        **{title: column(title, pa.null()) for title in columns},
    }
    table["why"] = pa.array(reasons(found, fits, cosines.to_pylist(), query), pa.string())
    return pa.table(table)


def reasons(
    found: pa.Table, fits: Condition, cosines: Sequence[float | None] | None = None, query: Query | None = None
) -> Iterator[str]:
    """Why each row is there, in words.

    Args:
        found: rows that fit: their id, and whichever of the texts of ``fits`` the corpus has.
        cosines, query: how near each is to what was searched for, where anything was.
    """
    cosines = [None] * found.num_rows if cosines is None else cosines
    texts = found.select([column for column in fits.texts if column in found.schema.names]).to_pylist()
    for id_, cosine, text in zip(found["id"].to_pylist(), cosines, texts, strict=True):
        parts = list(fits.why)
        for word in fits.words:
            # Lance may know letters in small that Python does not: then the word stands there without a place.
            place = next((column for column in fits.texts if word in (text.get(column) or "").lower()), "it")
            parts.append(f"{place} holds {word!r}")
        if query is not None and cosine is not None:
            same = query.id is not None and query.id == id_
            parts.insert(0, "the very picture" if same else f"{cosine:.0%} like {query.what}")
        yield "; ".join(parts) or "everything was asked for"
