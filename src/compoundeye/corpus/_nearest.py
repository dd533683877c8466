"""The rows nearest to vectors by cosine, exactly: one pass over embeddings, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lance
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from compoundeye.corpus._rows import RowIds

Vectors = npt.NDArray[np.float32]

IN_SMALL_BITES: dict[str, Any] = {
    "batch_size": 4_096,
    "batch_readahead": 2,
    "fragment_readahead": 1,
    "io_buffer_size": 64 << 20,
}
"""How to scan vectors: with Lance's own settings (2 GiB read ahead) one pass is no faster and takes 300 MB more."""


def scan_embeddings(dataset: lance.LanceDataset, condition: str | None = None) -> Iterator[tuple[RowIds, Vectors]]:
    """Row ids [n] and unit vectors, float32 [n, D], of rows that have an embedding other than zero."""
    scanner = dataset.scanner(
        columns=["embedding"],
        filter=condition,
        with_row_id=True,
        **IN_SMALL_BITES,
    )
    for batch in scanner.to_batches():
        vectors, known = unit_rows(batch["embedding"])
        yield batch["_rowid"].to_numpy()[known], vectors[known]


def unit_rows(column: pa.Array) -> tuple[Vectors, npt.NDArray[np.bool_]]:
    """Vectors of length 1, float32 [n, D], and which of them are there; those that are not (null, zero) are zero."""
    width = column.type.list_size
    flat = column.values.slice(column.offset * width, len(column) * width)
    vectors = flat.to_numpy(zero_copy_only=False).reshape(-1, width).astype(np.float32)
    length = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    known = np.isfinite(length) & (length > 0)
    if column.null_count:
        known &= column.is_valid().to_numpy(zero_copy_only=False)
    vectors[known] /= length[known, None]
    vectors[~known] = 0
    return vectors, known


def exact_nearest(
    dataset: lance.LanceDataset, queries: Vectors, k: int, condition: str | None = None
) -> tuple[RowIds, Vectors]:
    """The k rows of greatest cosine to each query, best first; of equals the earlier row.

    Args:
        queries: float32 [Q, D], of any length but zero.

    Returns:
        row ids uint64 [Q, k] and cosines float32 [Q, k]; k is smaller where fewer rows have embeddings.
    """
    unit = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    rows = np.empty((len(queries), 0), np.uint64)
    cosines = np.empty((len(queries), 0), np.float32)
    for found, vectors in scan_embeddings(dataset, condition):
        rows = np.hstack([rows, np.broadcast_to(found, (len(queries), len(found)))])
        cosines = np.hstack([cosines, np.minimum(unit @ vectors.T, 1)])
        rows, cosines = _best(rows, cosines, k)
    order = np.lexsort((rows, -cosines), axis=1)
    return np.take_along_axis(rows, order, 1), np.take_along_axis(cosines, order, 1)


def _best(rows: RowIds, cosines: Vectors, k: int) -> tuple[RowIds, Vectors]:
    if cosines.shape[1] <= k:
        return rows, cosines
    kept = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    return np.take_along_axis(rows, kept, 1), np.take_along_axis(cosines, kept, 1)
