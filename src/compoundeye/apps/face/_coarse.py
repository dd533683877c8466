"""Directions that cut a sphere of templates into cells: spherical k-means on a sample, the same whenever it is asked.

I. Dhillon and D. Modha, "Concept decompositions for large sparse text data using clustering", Machine Learning 42
(2001): k-means whose means are brought to length 1 and whose nearness is the cosine.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

SAMPLE = 64
"""Templates a cell that are learned from: a mean of fewer lies where they happen to lie."""
_ROUNDS = 10
_AT_ONCE = 16_384


def learned(vectors: Float32, cells: int, seed: int) -> Float32:
    """Directions [cells, D] of length 1, learned from at most ``SAMPLE`` of ``vectors`` [N, D] a cell; cells <= N."""
    rng = np.random.default_rng(seed)
    sample = vectors[np.sort(rng.choice(len(vectors), min(len(vectors), SAMPLE * cells), replace=False))]
    directions = sample[rng.choice(len(sample), cells, replace=False)]
    for _ in range(_ROUNDS):
        cell, score = nearest(sample, directions)
        for number, members in members_of(cell):
            directions[number] = mean(sample[members])
        # A cell that nobody chose starts again where somebody was served worst.
        empty = np.setdiff1d(np.arange(cells), cell)
        directions[empty] = sample[np.argsort(score, kind="stable")[: len(empty)]]
    return directions


def nearest(vectors: Float32, directions: Float32) -> tuple[Int64, Float32]:
    """Of each of ``vectors`` [N, D] the direction that is most alike, and the product with it."""
    cell, score = np.empty(len(vectors), np.int64), np.empty(len(vectors), np.float32)
    for at in range(0, len(vectors), _AT_ONCE):
        products = vectors[at : at + _AT_ONCE] @ directions.T
        cell[at : at + _AT_ONCE] = best = products.argmax(axis=1)
        score[at : at + _AT_ONCE] = products[np.arange(len(best)), best]
    return cell, score


def members_of(cell: Int64) -> Iterator[tuple[int, Int64]]:
    """Each cell that somebody is in, and who: ascending."""
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(cell[order]) > 0]) if len(cell) else np.empty(0, np.intp)
    for members in np.split(order, starts[1:]) if len(cell) else ():
        yield int(cell[members[0]]), members


def mean(vectors: Float32) -> Float32:
    """[D] of length 1; the first of ``vectors`` where they cancel out."""
    total = vectors.sum(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(total))
    direction: Float32 = (total / length).astype(np.float32) if length > 1e-6 * len(vectors) else vectors[0].copy()
    return direction
