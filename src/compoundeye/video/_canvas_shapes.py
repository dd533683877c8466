"""A canvas of shapes: what an app draws, as plain values that a browser draws at any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.video._app import Box, Colour, Point


class ShapesCanvas:
    """Collects shapes, in the order in which they are drawn. What has no finite place is left out.

    Every shape names its kind in ``shape`` and has places in pixels of the frame, to a tenth, and a ``colour`` such as
    "#ff8000":

    - box: ``at`` [left, top, right, bottom], ``label``
    - line: ``points`` [[x, y], ...], ``closed``, ``label``
    - arrow: ``points`` [start, end], ``label``
    - fill: ``points``, ``share`` 0..1
    - dot: ``at`` [x, y]
    - text: ``lines``, without a colour
    - heat: ``rows``, ``columns``, ``values`` 0..1 row by row
    """

    def __init__(self) -> None:
        self.shapes: list[dict[str, Any]] = []

    def box(self, box: Box, colour: Colour, label: str = "") -> None:
        """A rectangle with a line of text at its top."""
        self._add("box", colour, at=_numbers(box), label=label)

    def line(self, points: Sequence[Point], colour: Colour, label: str = "", *, closed: bool = False) -> None:
        """Straight lines from point to point."""
        self._add("line", colour, points=_places(points), closed=closed, label=label)

    def arrow(self, start: Point, end: Point, colour: Colour, label: str = "") -> None:
        """A line with a head at its end."""
        self._add("arrow", colour, points=_places((start, end)), label=label)

    def fill(self, points: Sequence[Point], colour: Colour, share: float) -> None:
        """A filled polygon that covers what is below it by a share of 0..1."""
        if share > 0:  # which a share that is not a number is not
            self._add("fill", colour, points=_places(points), share=round(min(float(share), 1.0), 3))

    def dot(self, point: Point, colour: Colour) -> None:
        """A small disc."""
        self._add("dot", colour, at=_numbers(point))

    def text(self, lines: Sequence[str]) -> None:
        """Lines in the upper left corner."""
        if lines:
            self.shapes.append({"shape": "text", "lines": [str(line) for line in lines]})

    def heat(self, values: npt.NDArray[np.float32], colour: Colour) -> None:
        """[rows, columns] of 0..1, stretched over the frame."""
        known = np.clip(np.nan_to_num(values), 0, 1)
        rows, columns = known.shape
        flat = [round(float(one), 2) for one in known.ravel()]
        self._add("heat", colour, rows=rows, columns=columns, values=flat)

    def _add(self, shape: str, colour: Colour, **facts: Any) -> None:
        if facts.get("at", ()) is None or facts.get("points", ()) is None:
            return
        red, green, blue = (int(part) for part in colour)
        self.shapes.append({"shape": shape, "colour": f"#{red:02x}{green:02x}{blue:02x}", **facts})


def _numbers(values: Sequence[float]) -> list[float] | None:
    """To a tenth; None if one of them is not finite, which JSON has no word for."""
    plain = [float(one) for one in values]
    return [round(one, 1) for one in plain] if all(math.isfinite(one) for one in plain) else None


def _places(points: Sequence[Point]) -> list[list[float]] | None:
    places = [_numbers(point) for point in points]
    return [place for place in places if place is not None] if places and None not in places else None
