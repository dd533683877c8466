"""What a validation says of each class, and which classes are taken for each other. Any number of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from compoundeye.evaluate import wilson_interval

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class. Intervals are Wilson's, at 95 %."""

    name: str
    pictures: int
    """That are of this class."""
    answered: int
    """That were taken for it."""
    right: int
    recall: float
    """Right among ``pictures``; NaN if there are none."""
    recall_interval: Interval
    precision: float
    """Right among ``answered``; NaN if there are none."""
    precision_interval: Interval
    taken_for: str | None
    """What its pictures are most often mistaken for."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """A kind of mistake."""

    target: str
    predicted: str
    pictures: int


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """All answers as numbers: N pictures, K classes that occur as target or answer, P kinds of mistakes."""

    names: tuple[str, ...]
    target: NDArray[np.int64]
    """[N] index into ``names``."""
    predicted: NDArray[np.int64]
    """[N]"""
    pairs: NDArray[np.int64]
    """[P, 2] target and answer of each kind of mistake, the most frequent first."""
    counts: NDArray[np.int64]
    """[P] pictures of each."""

    @property
    def right(self) -> int:
        """Pictures answered rightly."""
        return int((self.target == self.predicted).sum())


def answered(table: pa.Table) -> Answered:
    """Answers of validation.parquet as numbers."""
    both = pa.chunked_array([*table["target"].chunks, *table["predicted"].chunks], pa.string()).combine_chunks()
    coded = both.dictionary_encode()
    seen = coded.dictionary.to_pylist()
    names = sorted(seen)
    place = {name: number for number, name in enumerate(names)}
    index = np.array([place[name] for name in seen], np.int64)[coded.indices.to_numpy()]
    target, predicted = index[: table.num_rows], index[table.num_rows :]
    wrong = target != predicted
    keys, counts = np.unique(target[wrong] * len(names) + predicted[wrong], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    pairs = np.stack(np.divmod(keys, max(len(names), 1)), 1)[order]
    return Answered(tuple(names), target, predicted, pairs, counts[order])


def class_rows(found: Answered) -> list[ClassRow]:
    """One row a class, the worst first: least recall, then by name."""
    k = len(found.names)
    pictures, taken = (np.bincount(one, minlength=k) for one in (found.target, found.predicted))
    right = np.bincount(found.target[found.target == found.predicted], minlength=k)
    worst: dict[int, int] = {}
    for target, predicted in found.pairs.tolist():
        worst.setdefault(target, predicted)
    rows = [
        ClassRow(
            name=name,
            pictures=n,
            answered=m,
            right=r,
            recall=r / n if n else float("nan"),
            recall_interval=wilson_interval(r, n),
            precision=r / m if m else float("nan"),
            precision_interval=wilson_interval(r, m),
            taken_for=found.names[worst[number]] if number in worst else None,
        )
        for number, (name, n, m, r) in enumerate(
            zip(found.names, pictures.tolist(), taken.tolist(), right.tolist(), strict=True)
        )
    ]
    return sorted(rows, key=lambda row: (row.recall if row.pictures else 2.0, row.name))


def confusions(found: Answered, limit: int) -> list[Confusion]:
    """The most frequent kinds of mistakes."""
    names = found.names
    kinds = zip(found.pairs[:limit].tolist(), found.counts[:limit].tolist(), strict=True)
    return [Confusion(names[target], names[predicted], count) for (target, predicted), count in kinds]


def most_confused(found: Answered, most: int) -> list[int]:
    """Classes to show in a matrix: all, or the block of ``most`` that are taken for each other most.

    A block is grown from the most frequent kinds of mistakes. Its classes are then put in an order in which those that
    are confused are neighbours: that of the Fiedler vector (Fiedler 1973) of the graph of mistakes.
    """
    if len(found.names) <= most:
        return list(range(len(found.names)))
    chosen: dict[int, None] = {}
    for pair in found.pairs.tolist():
        if len(chosen.keys() | set(pair)) <= most:
            chosen.update(dict.fromkeys(pair))
        if len(chosen) == most:
            break
    block = sorted(chosen)
    if len(block) <= 2:
        return block
    between = matrix(found, block).astype(np.float64)
    np.fill_diagonal(between, 0)
    between = between + between.T
    # A little of everything to everything keeps parts that are not linked in one piece each.
    between += 1e-3 * between.max() / len(block) * (1 - np.eye(len(block)))
    _, vectors = np.linalg.eigh(np.diag(between.sum(1)) - between)
    return [block[place] for place in np.argsort(vectors[:, 1], kind="stable")]


def matrix(found: Answered, block: list[int]) -> NDArray[np.int64]:
    """[B, B] pictures by target (row) and answer (column) among the classes of a block."""
    place = np.full(len(found.names), -1)
    place[block] = np.arange(len(block))
    rows, columns = place[found.target], place[found.predicted]
    inside = (rows >= 0) & (columns >= 0)
    cells = rows[inside] * len(block) + columns[inside]
    return np.bincount(cells, minlength=len(block) ** 2).reshape(len(block), len(block))
