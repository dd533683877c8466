"""Shapes for a browser: plain, finite, small, in the order in which they were drawn."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.video._canvas_shapes import ShapesCanvas

ORANGE = (255, 128, 0)
anything = st.floats(allow_nan=True, allow_infinity=True)


def test_each_shape_says_what_a_browser_needs() -> None:
    canvas = ShapesCanvas()
    canvas.box((1.04, 2, 3, 4), ORANGE, "person 3")
    canvas.line([(0, 0), (5, 5)], ORANGE, "gate", closed=True)
    canvas.arrow((0, 0), (1, 2), ORANGE)
    canvas.fill([(0, 0), (5, 5), (0, 5)], ORANGE, 7.0)
    canvas.dot((8, 9), ORANGE)
    canvas.text(["3 in"])
    canvas.heat(np.array([[0.123, 1.0]], np.float32), ORANGE)
    assert canvas.shapes == [
        {"shape": "box", "colour": "#ff8000", "at": [1.0, 2.0, 3.0, 4.0], "label": "person 3"},
        {"shape": "line", "colour": "#ff8000", "points": [[0, 0], [5, 5]], "closed": True, "label": "gate"},
        {"shape": "arrow", "colour": "#ff8000", "points": [[0, 0], [1, 2]], "label": ""},
        {"shape": "fill", "colour": "#ff8000", "points": [[0, 0], [5, 5], [0, 5]], "share": 1.0},
        {"shape": "dot", "colour": "#ff8000", "at": [8, 9]},
        {"shape": "text", "lines": ["3 in"]},
        {"shape": "heat", "colour": "#ff8000", "rows": 1, "columns": 2, "values": [0.12, 1.0]},
    ]


def test_no_words_are_no_shape() -> None:
    canvas = ShapesCanvas()
    canvas.text([])
    canvas.line([], ORANGE)
    assert canvas.shapes == []


@given(points=st.lists(st.tuples(anything, anything), min_size=1, max_size=5))
def test_whatever_is_drawn_can_be_sent(points: list[tuple[float, float]]) -> None:
    canvas = ShapesCanvas()
    canvas.box((*points[0], *points[-1]), tuple(np.uint8(one) for one in ORANGE))  # type: ignore[arg-type]
    canvas.line(points, ORANGE)
    canvas.fill(points, ORANGE, float("nan") if len(points) > 3 else 0.5)
    canvas.heat(np.array([[np.nan, np.inf]], np.float32), ORANGE)
    text = json.dumps(canvas.shapes, allow_nan=False)
    assert json.loads(text) == canvas.shapes
