"""Plots of a report as SVG, in the colours of the page that they stand in: bars for flow, lines for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
WIDTH, HEIGHT = 860, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 24
# Okabe and Ito, "Color Universal Design", 2008: told apart by the colour-blind too.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a8a")


def flow(into: Mapping[str, Float64], out: Mapping[str, Float64], labels: Sequence[str], names: Sequence[str]) -> str:
    """Bars of each interval: in above the axis, out below it, classes on top of each other.

    Args:
        into, out: [intervals] counts by class.
        labels: of the intervals.
        names: of all classes, in the order of their colours.
    """
    count = len(labels)
    up, down = (_sum(way, count) for way in (into, out))
    most = _round_up(max(1.0, float(up.max()), float(down.max())))
    step = (WIDTH - LEFT - RIGHT) / count
    middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
    scale = (HEIGHT - TOP - BOTTOM) / 2 / most
    parts = [_axis(middle - most * scale, f"{most:g}"), _axis(middle, "0"), _axis(middle + most * scale, f"{most:g}")]
    for way, sign in ((into, -1), (out, 1)):
        level = np.zeros(count)
        for name in (one for one in names if one in way):
            values = way[name]
            for at in map(int, np.flatnonzero(values)):
                height = float(values[at]) * scale
                y = middle - level[at] * scale - height if sign < 0 else middle + level[at] * scale
                title = f"{labels[at]}: {values[at]:g} {name} {'in' if sign < 0 else 'out'}"
                parts.append(
                    f'<rect x="{LEFT + at * step:.1f}" y="{y:.1f}" width="{max(step - 1, 0.5):.1f}" '
                    f'height="{height:.1f}" fill="{colour(names, name)}"><title>{escape(title)}</title></rect>'
                )
            level += values
    parts.append(f'<text x="{LEFT + 4}" y="{TOP + 10}">in</text>')
    parts.append(f'<text x="{LEFT + 4}" y="{HEIGHT - BOTTOM - 4}">out</text>')
    return _svg([*parts, *_hours(labels)], "Crossings of each interval")


def course(series: Mapping[str, Float64], labels: Sequence[str], unit: str) -> str:
    """A line for each of a few values over the intervals; where one is not known (NaN) the line has a gap."""
    known = [values[np.isfinite(values)] for values in series.values()]
    most = _round_up(max([1e-9, *(float(values.max()) for values in known if len(values))]))
    step = (WIDTH - LEFT - RIGHT) / len(labels)
    scale = (HEIGHT - TOP - BOTTOM) / most
    parts = [_axis(HEIGHT - BOTTOM, "0"), _axis(TOP, f"{most:g}")]
    for at, (name, values) in enumerate(series.items()):
        tone = COLOURS[at % len(COLOURS)]
        points = [(LEFT + (x + 0.5) * step, HEIGHT - BOTTOM - float(y) * scale) for x, y in enumerate(values)]
        for piece in _pieces(points):
            if len(piece) > 1:
                joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece)
                parts.append(f'<polyline points="{joined}" fill="none" stroke="{tone}" stroke-width="2"/>')
        for place, ((x, y), value) in enumerate(zip(points, values, strict=True)):
            if np.isfinite(value):
                title = escape(f"{labels[place]}: {name} {value:.3g} {unit}")
                parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{tone}"><title>{title}</title></circle>')
    return _svg([*parts, *_hours(labels)], f"{', '.join(series)} over time")


def heat(seconds: Float64, picture: str | None) -> str:
    """Where people and things were, over a picture of the place if there is one (a data address)."""
    rows, columns = seconds.shape
    # A root, or one bench would hide the street.
    shares = np.sqrt(seconds / max(float(seconds.max()), 1e-9))
    parts = [] if picture is None else [f'<image href="{picture}" width="{columns}" height="{rows}" opacity="0.7"/>']
    for row, column in zip(*np.nonzero(shares > 0.02), strict=True):
        title = f"{seconds[row, column]:.0f} s"
        parts.append(
            f'<rect x="{column}" y="{row}" width="1" height="1" fill="#d55e00" '
            f'fill-opacity="{shares[row, column] * 0.85:.2f}"><title>{title}</title></rect>'
        )
    return (
        f'<svg class="heat" viewBox="0 0 {columns} {rows}" role="img" aria-label="Heat map" '
        f'preserveAspectRatio="xMidYMid meet">{"".join(parts)}</svg>'
    )


def colour(names: Sequence[str], name: str) -> str:
    """Of a class; beyond the palette all are grey."""
    return COLOURS[min(names.index(name), len(COLOURS) - 1)]


def _sum(way: Mapping[str, Float64], count: int) -> Float64:
    total: Float64 = np.sum([np.zeros(count), *way.values()], axis=0)
    return total


def _svg(parts: Sequence[str], label: str) -> str:
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{body}</svg>'


def _axis(y: float, label: str) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="axis"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    )


def _hours(labels: Sequence[str]) -> list[str]:
    """At most twelve labels below the plot, each to the right of the moment that it names."""
    every = -(-len(labels) // 12)
    step = (WIDTH - LEFT - RIGHT) / len(labels)
    parts = []
    for at in range(0, len(labels), every):
        x = LEFT + at * step
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - 4}" class="axis"/>')
        parts.append(f'<text x="{x + 4:.1f}" y="{HEIGHT - 6}">{escape(labels[at])}</text>')
    return parts


def _pieces(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if np.isfinite(y):
            pieces[-1].append((x, y))
        elif pieces[-1]:
            pieces.append([])
    return pieces


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... (and below 1 likewise)."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(power * digit for digit in (1, 2, 5, 10) if power * digit >= value * (1 - 1e-9)))
