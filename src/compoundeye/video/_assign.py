"""Who overlaps whom, and who belongs to whom: sparse pairs first, a problem to solve only where pairs compete.

``assign`` gives a matching of greatest total gain, exactly. Most pairs need no search: one whose gain exceeds all
that its two ends could gain elsewhere is in every best matching, because taking it out and putting any two others in
loses. What is left falls apart into small groups, each solved exactly by itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from compoundeye.evaluate import best_pairs

Float32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.intp]

PAIRS_AT_ONCE = 1 << 22
"""Cells of the dense test that is done in one go: bounds the memory that thousands of boxes take."""

FEW = 7
"""Pairs of a group that are quicker tried in all ways than solved: 2 to the 7th are 128 ways, most of them cut."""


def overlaps(one: Float32, other: Float32) -> tuple[Int, Int, Float32]:
    """Pairs of boxes that overlap, and by how much.

    Args:
        one: [4, N] left, top, right, bottom.
        other: [4, M], likewise.

    Returns:
        Places in ``one``, in order; places in ``other``; intersection over union, above 0.
    """
    count, width = one.shape[1], other.shape[1]
    if count * width > PAIRS_AT_ONCE:
        return _in_pieces(one, other, max(1, PAIRS_AT_ONCE // width))
    touch = one[0][:, None] < other[2]
    touch &= one[2][:, None] > other[0]
    touch &= one[1][:, None] < other[3]
    touch &= one[3][:, None] > other[1]
    cells = np.flatnonzero(touch)  # much quicker than asking a matrix
    rows, columns = np.divmod(cells, width) if width else (cells, cells)
    return rows, columns, _shares(one.take(rows, axis=1), other.take(columns, axis=1))


def _in_pieces(one: Float32, other: Float32, rows: int) -> tuple[Int, Int, Float32]:
    parts = [(at, *overlaps(one[:, at : at + rows], other)) for at in range(0, one.shape[1], rows)]
    return (
        np.concatenate([at + part for at, part, _, _ in parts]),
        np.concatenate([part for _, _, part, _ in parts]),
        np.concatenate([part for _, _, _, part in parts]),
    )


def _shares(one: Float32, other: Float32) -> Float32:
    """Intersection over union of [4, K] boxes with [4, K] others, pair by pair."""
    sides = np.minimum(one[2:], other[2:])
    sides -= np.maximum(one[:2], other[:2])
    both: Float32 = sides[0] * sides[1]
    sides = one[2:] - one[:2]
    union = sides[0] * sides[1]
    sides = other[2:] - other[:2]
    union += sides[0] * sides[1]
    union -= both
    both /= union
    return both


def assign(rows: Int, columns: Int, gain: Float32, count: int, width: int) -> tuple[Int, Int]:
    """A matching of greatest total gain.

    Args:
        rows: [K] one end of each pair, below ``count``; no pair twice.
        columns: [K] the other end, below ``width``.
        gain: [K] what the pair is worth; above 0.

    Returns:
        Places of the matched in rows and in columns, in no order. Equal input gives equal output.
    """
    taken = list[tuple[Int, Int]]()
    while len(rows):
        total = np.bincount(rows, gain, count)[rows]
        total += np.bincount(columns, gain, width)[columns]
        # The total holds the pair's own gain twice, hence thrice on the other side. Not >=: two equals compete.
        sure = gain * 3.0 > total * (1 + 1e-6)
        matched = rows[sure], columns[sure]
        taken.append(matched)
        if len(matched[0]) == len(rows):
            break
        open_rows, open_columns = np.ones(count, np.bool_), np.ones(width, np.bool_)
        open_rows[matched[0]] = False
        open_columns[matched[1]] = False
        left = open_rows[rows] & open_columns[columns]
        rows, columns, gain = rows[left], columns[left], gain[left]
        if not len(matched[0]):
            taken.extend(_search(*group) for group in _groups(rows, columns, gain))
            break
    if len(taken) == 1:
        return taken[0]
    none = np.empty(0, np.intp)
    return np.concatenate([none, *(one for one, _ in taken)]), np.concatenate([none, *(other for _, other in taken)])


def _groups(rows: Int, columns: Int, gain: Float32) -> list[tuple[list[int], list[int], list[float]]]:
    """Pairs, in groups that share no row and no column with another."""
    parent = dict[int, int]()

    def root(of: int) -> int:
        parent.setdefault(of, of)
        while parent[of] != of:
            parent[of] = parent[parent[of]]
            of = parent[of]
        return of

    ends = list(zip(rows.tolist(), columns.tolist(), gain.tolist(), strict=True))
    for row, column, _ in ends:
        parent[root(row)] = root(~column)
    groups = dict[int, tuple[list[int], list[int], list[float]]]()
    for row, column, worth in ends:
        group = groups.setdefault(root(row), ([], [], []))
        group[0].append(row)
        group[1].append(column)
        group[2].append(worth)
    return list(groups.values())


def _search(rows: list[int], columns: list[int], gain: list[float]) -> tuple[Int, Int]:
    """The best matching of one group."""
    if len(gain) <= FEW:
        _, chosen = _of_few(list(zip(rows, columns, gain, strict=True)))
        return np.asarray([row for row, _ in chosen], np.intp), np.asarray([column for _, column in chosen], np.intp)
    names, row_at = np.unique(rows, return_inverse=True)
    others, column_at = np.unique(columns, return_inverse=True)
    worth = np.zeros((len(names), len(others)))
    worth[row_at, column_at] = gain
    ours, theirs = best_pairs(worth)
    return names[ours].astype(np.intp), others[theirs].astype(np.intp)


def _of_few(pairs: list[tuple[int, int, float]]) -> tuple[float, tuple[tuple[int, int], ...]]:
    """By trying all: with the first pair, and without it where another could take one of its ends."""
    if not pairs:
        return 0.0, ()
    (row, column, worth), *rest = pairs
    free = [pair for pair in rest if pair[0] != row and pair[1] != column]
    total, chosen = _of_few(free)
    best = worth + total, ((row, column), *chosen)
    if len(free) < len(rest):
        without = _of_few(rest)
        if without[0] > best[0]:
            return without
    return best
