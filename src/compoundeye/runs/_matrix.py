"""The confusion matrix of a run's last validation, for whoever draws it otherwise than `draw_confusion`."""

from __future__ import annotations

import os
from dataclasses import dataclass

from compoundeye.runs._folder import RunFolder
from compoundeye.runs._mistakes import answered, matrix, most_confused


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Pictures by what they show and what they were taken for."""

    names: tuple[str, ...]
    """[K] classes: all, or those that are taken for each other most, with neighbours that are confused."""
    counts: tuple[tuple[int, ...], ...]
    """[K, K] a row for each class that is shown, a column for each answer."""
    classes: int
    """How many there are in all."""


def confusion_matrix(run: str | os.PathLike[str], most: int = 30) -> ConfusionMatrix:
    """The matrix of a run, of at most so many classes.

    Raises:
        RunError: no such run, or nothing was validated yet.
    """
    found = answered(RunFolder.open(run).validation())
    block = most_confused(found, most)
    counts = matrix(found, block).tolist()
    return ConfusionMatrix(
        names=tuple(found.names[place] for place in block),
        counts=tuple(tuple(row) for row in counts),
        classes=len(found.names),
    )
