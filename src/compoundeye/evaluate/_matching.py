"""Who belongs to whom when every pair has a score: one-to-one, with the largest sum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


def best_pairs(scores: Float) -> tuple[Places, Places]:
    """The one-to-one pairs with the largest sum of scores, of those whose score is above 0.

    Pairs that compete with no other are settled at once. What is left is solved exactly by shortest augmenting paths:
    Crouse 2016 (IEEE Transactions on Aerospace and Electronic Systems 52), O(n^3).

    Args:
        scores: [R, C], none below 0.

    Returns:
        (rows, columns) [P] each, by row.
    """
    positive = scores > 0
    alone = positive & (positive.sum(1) == 1)[:, None] & (positive.sum(0) == 1)[None, :]
    rows, columns = np.nonzero(alone)
    competing = positive & ~alone
    if competing.any():
        some_rows, some_columns = np.flatnonzero(competing.any(1)), np.flatnonzero(competing.any(0))
        more_rows, more_columns = _assigned(scores[np.ix_(some_rows, some_columns)])
        rows = np.concatenate([rows, some_rows[more_rows]])
        columns = np.concatenate([columns, some_columns[more_columns]])
    kept = scores[rows, columns] > 0
    rows, columns = rows[kept], columns[kept]
    order = np.argsort(rows, kind="stable")
    return rows[order], columns[order]


def _assigned(scores: Float) -> tuple[Places, Places]:
    """A pair for every row, or for every column where there are fewer of those."""
    if scores.shape[0] > scores.shape[1]:
        columns, rows = _assigned(scores.T)
        return rows, columns
    cost = scores.max() - scores
    of_column = np.full(cost.shape[1], -1, np.intp)
    of_row = np.full(cost.shape[0], -1, np.intp)
    row_price, column_price = np.zeros(cost.shape[0]), np.zeros(cost.shape[1])
    for row in range(len(cost)):
        _augment(row, cost, of_row, of_column, row_price, column_price)
    return np.arange(len(cost)), of_row


def _augment(start: int, cost: Float, of_row: Places, of_column: Places, row_price: Float, column_price: Float) -> None:
    """Give one more row a column, along the cheapest path over those that have one; keeps the prices feasible."""
    distance = np.full(cost.shape[1], np.inf)
    before = np.full(cost.shape[1], -1, np.intp)
    done = np.zeros(cost.shape[1], np.bool_)
    row, length = start, 0.0
    visited = [start]
    while True:
        reached = length + cost[row] - row_price[row] - column_price
        nearer = ~done & (reached < distance)
        distance[nearer], before[nearer] = reached[nearer], row
        waiting = np.where(done, np.inf, distance)
        length = float(waiting.min())
        nearest = np.flatnonzero(waiting == length)
        free = nearest[of_column[nearest] < 0]
        column = int(free[0] if len(free) else nearest[0])
        done[column] = True
        if of_column[column] < 0:
            break
        row = int(of_column[column])
        visited.append(row)
    row_price[start] += length
    for other in visited[1:]:
        row_price[other] += length - distance[of_row[other]]
    column_price[done] -= length - distance[done]
    while True:
        row = int(before[column])
        of_column[column] = row
        column, of_row[row] = int(of_row[row]), column
        if row == start:
            return
