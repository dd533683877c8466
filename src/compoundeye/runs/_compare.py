"""Runs side by side: what was set otherwise, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compoundeye.runs._curves import Axis, Course, draw
from compoundeye.runs._differences import Difference, differences
from compoundeye.runs._error import RunError
from compoundeye.runs._folder import RunFolder
from compoundeye.runs._list import RunRow, row_of

_TOLD = 2
"""Settings that a curve's name tells."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs or more."""

    runs: tuple[RunRow, ...]
    differences: tuple[Difference, ...]
    picture: str | None
    """Where the curves are, if they were asked for."""


def compare(
    runs: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str] | None = None,
    *,
    axis: Axis = "step",
    log: bool = False,
    smoothing: float | None = None,
) -> Comparison:
    """The settings in which runs differ, how far they came, and their curves as a picture.

    Args:
        runs: their folders.
        out: a .png, .svg or .pdf to draw into; one that is there is replaced.
        axis: "step", or "pictures" where runs differ in how many a step takes.
        log: losses on a logarithmic scale.
        smoothing: of the training loss: weight of the past, 0 to below 1; by default what leaves 60 parts of a course
            to be seen. The loss as told is drawn faintly behind.

    Raises:
        RunError: no such run, or nothing can be drawn.
    """
    if axis not in ("step", "pictures"):
        raise RunError(f"curves are over step or pictures, not {axis!r}")
    if smoothing is not None and not 0 <= smoothing < 1:
        raise RunError(f"smoothing is from 0 to below 1, not {smoothing}")
    folders = [RunFolder.open(run) for run in runs]
    if not folders:
        raise RunError("say which runs to compare")
    different = differences([folder.settings() for folder in folders])
    place = None if out is None else Path(out).expanduser()
    if place is not None:
        courses = [Course(_told(one.name, n, different), one.metrics()) for n, one in enumerate(folders)]
        draw(courses, place, axis=axis, log=log, smoothing=smoothing)
    rows = tuple(row_of(folder) for folder in folders)
    return Comparison(rows, tuple(different), None if place is None else str(place))


def _told(name: str, number: int, different: Sequence[Difference]) -> str:
    """A run's name, with what sets it apart if that is little."""
    if not 0 < len(different) <= _TOLD:
        return name
    told = (f"{one.key.rpartition('.')[2]} {plain(one.values[number])}" for one in different)
    return f"{name} ({', '.join(told)})"


def plain(value: Any) -> str:
    """A setting as a person writes it."""
    if isinstance(value, float):
        return f"{value:g}"
    return "-" if value is None else str(value)
