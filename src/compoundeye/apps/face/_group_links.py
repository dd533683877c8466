"""Which faces are like which: the nearest of each that reach a threshold, exactly, by blocks of matrix products."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_ROWS, _COLUMNS = 2_048, 8_192
"""A block of products is 64 MiB, large enough for the matrix product to run at its full speed."""


class Links(NamedTuple):
    """Pairs that reach the threshold, the most alike first; equals by their rows."""

    scores: Float32
    left: Int64
    """[L] the lower row of each pair."""
    right: Int64
    full: Bool
    """[N] rows that had more such pairs than were kept: pairs between two of these may be missing."""


def links(vectors: Float32, threshold: float, most: int) -> Links:
    """Each row with the ``most`` rows whose product with it is largest and at least ``threshold``.

    Args:
        vectors: [N, D].
        threshold: the least product.
        most: links kept a row, at least 1. Memory: N x ``most`` links and one block, whatever the faces are like.
    """
    full = np.zeros(len(vectors), bool)
    found: list[tuple[Float32, Int64, Int64]] = []
    for start in range(0, len(vectors), _ROWS):
        scores, rows, columns = _of_rows(vectors, start, threshold, most)
        kept, counts = _first(rows, columns, scores, most)
        full[start : start + len(counts)] = counts > most
        found.append((scores[kept], rows[kept] + start, columns[kept]))
    return _once(found, full)


def _of_rows(vectors: Float32, start: int, threshold: float, most: int) -> tuple[Float32, Int64, Int64]:
    """What rows from ``start`` on reach: scores, rows counted from ``start``, and columns."""
    mine = vectors[start : start + _ROWS]
    scores, rows, columns = np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64)
    for column in range(0, len(vectors), _COLUMNS):
        block = mine @ vectors[column : column + _COLUMNS].T
        row, there = _reached(block, threshold, most + 2)  # itself, and one that shows there are more than are kept
        reached = block[row, there]
        there += column
        others = there != row + start
        scores = np.concatenate([scores, reached[others]])
        rows, columns = np.concatenate([rows, row[others]]), np.concatenate([columns, there[others]])
        if len(rows) > 2 * len(mine) * (most + 1):
            kept, _ = _first(rows, columns, scores, most + 1)
            scores, rows, columns = scores[kept], rows[kept], columns[kept]
    return scores, rows, columns


def _reached(block: Float32, threshold: float, most: int) -> tuple[Int64, Int64]:
    """Rows and columns of a block that reach the threshold; of a row with more than ``most``, its highest."""
    at = block >= np.float32(threshold)
    crowded = np.flatnonzero(np.count_nonzero(at, axis=1) > most)
    if len(crowded):
        highest = np.argpartition(block[crowded], -most, axis=1)[:, -most:]
        at[crowded] = False
        at[crowded[:, None], highest] = True
    row, column = np.nonzero(at)
    return row, column


def _first(rows: Int64, columns: Int64, scores: Float32, most: int) -> tuple[Int64, Int64]:
    """Places of the ``most`` highest scores of each row, lower columns before higher; and how many each row had."""
    order = np.lexsort((columns, -scores, rows))
    counts = np.bincount(rows)
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[place < most], counts


def _once(found: list[tuple[Float32, Int64, Int64]], full: Bool) -> Links:
    """Each pair once though both rows may have found it."""
    if not found:
        return Links(np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64), full)
    scores, rows, columns = (np.concatenate(part) for part in zip(*found, strict=True))
    low, high = np.minimum(rows, columns), np.maximum(rows, columns)
    _, first = np.unique(low * len(full) + high, return_index=True)
    scores, low, high = scores[first], low[first], high[first]
    order = np.lexsort((high, low, -scores))
    return Links(scores[order], low[order], high[order], full)
