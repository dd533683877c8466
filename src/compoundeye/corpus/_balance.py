"""Every class as often as every other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._order import Order, Samples, fingerprint, identity
from compoundeye.corpus._permutation import Words, key_of, permuted
from compoundeye.corpus._rows import opened
from compoundeye.corpus._selection import chosen
from compoundeye.corpus._store import Corpus
from compoundeye.corpus._targets import Targets, targets

Rows = npt.NDArray[np.int64]

_TURNS, _WITHIN = range(2)


@dataclass(frozen=True, slots=True)
class _Balanced:
    """Turns of as many positions as there are classes; each takes every class once, in a sequence of its own."""

    by_class: npt.NDArray[np.uint32] | npt.NDArray[np.uint64]
    """Rows, sorted by class."""
    edges: Rows
    """Class c has places edges[c] up to edges[c + 1] of ``by_class``."""
    seed: int
    key: str
    lanes: int = 1
    sources: int = 1

    @property
    def rows(self) -> int:
        return len(self.by_class)

    def at(self, positions: Rows) -> Samples:
        positions = np.asarray(positions, np.int64)
        if len(positions) and positions.min() < 0:
            raise ValueError("a position is negative")
        classes = len(self.edges) - 1
        turn = positions // classes
        key = key_of(self.seed, _TURNS, turn.view(np.uint64))
        one = permuted((positions - turn * classes).view(np.uint64), classes, key).view(np.int64)
        size = self.edges[one + 1] - self.edges[one]
        # Each class goes through epochs of its own length.
        epoch = turn // size
        key = key_of(self.seed, _WITHIN, one.view(np.uint64), epoch.view(np.uint64))
        place = permuted((turn - epoch * size).view(np.uint64), size.view(np.uint64), key).view(np.int64)
        return Samples(np.zeros(len(positions), np.int16), self.by_class[self.edges[one] + place].astype(np.int64))


def balanced(
    corpus: Corpus | str | os.PathLike[str],
    target: str,
    *,
    seed: int = 0,
    where: str | None = None,
    category: str | Sequence[str] | None = None,
    min_confidence: float | None = None,
    name: str = "category",
) -> Order:
    """An order in which every class comes equally often, so pictures of small classes come again sooner.

    Every turn of K positions, K the number of classes, holds each class once; within a class no picture comes again
    before all have come. Pictures without a class are left out; an epoch has as many positions as there are others.

    Cost: one scan of the columns that say the class; 4 bytes a picture and 8 a class (8 and 8 above 4,294,967,295
    rows); three times that while it is made. Limit: reads have no locality, so a corpus much larger than memory is read
    picture by picture.

    Args:
        target: what the classes are, as in `targets`.
        where, category, min_confidence, name: only these pictures, as in `training_order`.

    Raises:
        CorpusError: there is no such target, no picture with a class, or the condition cannot be read.
    """
    corpus = opened(corpus)
    sql = chosen(corpus, where=where, category=category, min_confidence=min_confidence, name=name)
    found = targets(corpus, target)
    rows, classes = _classes(corpus, found, sql)
    if not len(rows):
        raise CorpusError(f"no picture of {corpus.path} that fits has a class of {target}; choose another target")
    # Stable, so that the order does not hang on how the sort is made.
    by_class = rows[np.argsort(classes, kind="stable")]
    counts = np.bincount(classes)
    edges = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts[counts > 0], dtype=np.int64)])
    key = fingerprint("balanced", identity(corpus), sql, target, seed, len(rows))
    return _Balanced(by_class, edges, seed, key)


def _classes(corpus: Corpus, found: Targets, sql: str | None) -> tuple[Words | npt.NDArray[np.uint32], Rows]:
    """Rows that have a class, ascending, and its number."""
    small = np.uint32 if corpus.rows <= 0xFFFFFFFF else np.uint64
    rows, classes = [np.empty(0, small)], [np.empty(0, np.int32)]
    for some, numbers in found.scan(sql):
        known = numbers >= 0
        rows.append(some[known].astype(small))
        classes.append(numbers[known].astype(np.int32))
    return np.concatenate(rows), np.concatenate(classes)
