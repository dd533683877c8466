"""Courses of runs as a picture: losses, and what was validated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from compoundeye.runs._error import RunError
from compoundeye.runs._figure import draw_figure, lettering
from compoundeye.runs._metrics import Line, series

Axis = Literal["step", "pictures"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart by people of any colour vision: Okabe and Ito 2002, "Color Universal Design", yellow left out since it
cannot be seen on white."""
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)))
_LONGEST_NAME = 60
_WINDOWS = 60
"""Parts of a course that smoothing leaves to be seen."""


@dataclass(frozen=True, slots=True)
class Course:
    """A run in the picture."""

    name: str
    lines: Sequence[Line]


def draw(courses: Sequence[Course], out: Path, *, axis: Axis, log: bool, smoothing: float | None) -> None:
    """Draw losses and accuracies of runs over steps or pictures.

    Raises:
        RunError: the file's ending is no picture's, there is nothing to draw, or matplotlib is not installed.
    """
    if out.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise RunError(f"{out} should end in .png, .svg or .pdf: it is a picture")
    if not any(series(course.lines, "train", "loss")[0] for course in courses):
        raise RunError("there is nothing to draw: no run has told a loss yet")
    names = [name for name in ("accuracy",) if any(series(one.lines, "validation", name)[0] for one in courses)]
    if smoothing is None:  # one for all: a short run is not smoothed less
        longest = max(len(series(course.lines, "train", "loss")[0]) for course in courses)
        smoothing = max(0.0, 1 - _WINDOWS / longest)
    size = (6.4 * (1 + len(names)), 4.8)
    draw_figure(out, size, lambda figure: _panels(figure, courses, names, axis, log, smoothing))


def _panels(
    figure: Any, courses: Sequence[Course], names: Sequence[str], axis: Axis, log: bool, smoothing: float
) -> None:
    first, *others = figure.subplots(1, 1 + len(names), squeeze=False, sharex=True)[0]
    for number, course in enumerate(courses):
        style = {"color": COLOURS[number % len(COLOURS)], "linestyle": _DASHES[number // len(COLOURS) % len(_DASHES)]}
        _losses(first, course, axis, smoothing, style)
        for panel, name in zip(others, names, strict=True):
            places, values = series(course.lines, "validation", name, axis)
            panel.plot(places, values, **style, linewidth=1.6, marker="o", markersize=4)
    _dress(first, "loss", "training (line), validation (points)", axis)
    if log:
        _logarithmic(first)
    for panel, name in zip(others, names, strict=True):
        _dress(panel, name, "validation", axis)
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=_columns(labels), frameon=False)


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """Exponential moving average without the pull of its start (Kingma and Ba 2015, section 3, arXiv:1412.6980).

    What is not a number is passed over, and stays.

    Args:
        weight: of the past, 0 to below 1; 0 leaves all as it is.
    """
    mean, share, found = 0.0, 0.0, []
    for value in values:
        if math.isnan(value):
            found.append(value)
            continue
        mean, share = weight * mean + (1 - weight) * value, weight * share + (1 - weight)
        found.append(mean / share)
    return found


def _losses(panel: Any, course: Course, axis: Axis, smoothing: float, style: Mapping[str, Any]) -> None:
    places, values = series(course.lines, "train", "loss", axis)
    if smoothing > 0:
        panel.plot(places, values, color=style["color"], linewidth=0.6, alpha=0.25)
    panel.plot(places, smoothed(values, smoothing), **style, linewidth=1.6, label=_label(course))
    places, values = series(course.lines, "validation", "loss", axis)
    panel.plot(places, values, color=style["color"], linestyle="none", marker="o", markersize=4.5)


def _label(course: Course) -> str:
    """The name, and the best accuracy: beside each other in the panel these would hide one another."""
    accuracies = [value for value in series(course.lines, "validation", "accuracy")[1] if not math.isnan(value)]
    return lettering(course.name, _LONGEST_NAME) + (f", best {max(accuracies):.2%}" if accuracies else "")


def _dress(panel: Any, name: str, title: str, axis: Axis) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

    panel.set_title(title, fontsize=10)
    panel.set_xlabel("steps" if axis == "step" else "pictures")
    panel.set_ylabel(name)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 5, 10], integer=True))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    if name == "accuracy":
        panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    panel.grid(visible=True, which="both", linewidth=0.4, alpha=0.4)
    panel.spines[["top", "right"]].set_visible(False)
    panel.margins(x=0.02, y=0.08)


def _logarithmic(panel: Any) -> None:
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    panel.set_yscale("log")
    for which, digits in (("major", (1.0,)), ("minor", (2.0, 5.0))):
        getattr(panel.yaxis, f"set_{which}_locator")(LogLocator(subs=digits))
        getattr(panel.yaxis, f"set_{which}_formatter")(StrMethodFormatter("{x:g}"))


def _columns(labels: Sequence[str]) -> int:
    longest = max(map(len, labels))
    return max(1, min(len(labels), 100 // (longest + 6)))
