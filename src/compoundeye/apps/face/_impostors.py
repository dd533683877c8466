"""How alike different people look to a model: scores of all pairs of faces of two people, of which the highest count.

Thresholds are about the far end of these scores, so only that end is kept, with who was compared: pairs share people,
and an interval that forgets this is too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.records import EyeError

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

LARGEST_FMR = 0.01
"""Higher false match rates are not asked for, so scores below the highest hundredth are not kept."""
MAX_FACES = 10_000
"""Of more faces so many are drawn: 50 million pairs, a few seconds."""
_KEPT = 100_000
_ROWS = 1_024


@dataclass(frozen=True, slots=True)
class Impostors:
    """The highest scores of pairs of faces of two people. P people."""

    scores: Float32
    """[T] descending."""
    first: Int64
    second: Int64
    """[T] whose faces were compared, 0 to P - 1."""
    pairs: int
    """How many were compared; T of them are here."""
    faces: Int64
    """[P] faces of each person."""

    @property
    def people(self) -> int:
        """How many were compared."""
        return len(self.faces)


def impostors(embeddings: Float32, people: npt.ArrayLike) -> Impostors:
    """Compare every face with those of other people.

    Args:
        embeddings: [N, D] of length 1.
        people: [N] who it is, a number a person; negative: nobody knows. Those are left out, for two unknown faces, or
            an unknown and a known one, may be of one person.

    Raises:
        EyeError: the faces are of fewer than two known people.
    """
    who = np.asarray(people, np.int64)
    if embeddings.ndim != 2 or who.shape != embeddings.shape[:1]:
        raise EyeError(f"{list(who.shape)} people are said for {list(embeddings.shape)} embeddings; one for each.")
    known = np.flatnonzero(who >= 0)
    if len(known) > MAX_FACES:
        known = np.sort(np.random.default_rng(0).choice(known, MAX_FACES, replace=False))
    vectors = np.ascontiguousarray(embeddings[known], np.float32)
    names, ordinal, faces = np.unique(who[known], return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise EyeError(
            f"Scores of different people need two people with faces; here are {len(names)}. Enrol more, or name groups."
        )
    pairs = int(len(known) ** 2 - (faces**2).sum()) // 2
    # A target of the largest rate allows a hundredth of the pairs; bootstrap samples need some more.
    keep = min(pairs, max(_KEPT, int(2 * LARGEST_FMR * pairs)))
    return Impostors(*_highest(vectors, ordinal.astype(np.int64), keep), pairs, faces.astype(np.int64))


def _highest(vectors: Float32, ordinal: Int64, keep: int) -> tuple[Float32, Int64, Int64]:
    """The ``keep`` highest scores of faces of two people, and whose they are."""
    score, first, second = np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64)
    bar = np.float32(-np.inf)
    for at in range(0, len(vectors), _ROWS):
        rows = slice(at, at + _ROWS)
        products = vectors[rows] @ vectors[at:].T
        later = np.arange(products.shape[1])[None] > np.arange(products.shape[0])[:, None]
        which = np.nonzero(later & (ordinal[rows, None] != ordinal[None, at:]) & (products >= bar))
        score = np.concatenate([score, products[which]])
        first = np.concatenate([first, ordinal[rows][which[0]]])
        second = np.concatenate([second, ordinal[at:][which[1]]])
        if len(score) > keep:
            best = np.argpartition(-score, keep - 1)[:keep]
            score, first, second = score[best], first[best], second[best]
            bar = score.min()
    order = np.lexsort((second, first, -score))
    return score[order], first[order], second[order]
