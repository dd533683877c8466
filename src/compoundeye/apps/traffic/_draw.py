"""What an operator sees over the picture: boxes, lines with their counts, zones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compoundeye.apps.traffic._geometry import Float64
from compoundeye.apps.traffic._scene import plain_box
from compoundeye.video import Canvas, Colour

if TYPE_CHECKING:
    from compoundeye.apps.traffic._app import TrafficApp

COLOURS: tuple[Colour, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
)
"""Told apart by colour-blind people too: Okabe and Ito 2008, Color Universal Design, without black and dark blue."""
LINE: Colour = (255, 255, 255)


def draw(canvas: Canvas, app: TrafficApp) -> None:
    """Everything, from the ground up."""
    scene = app.scene
    assert scene is not None
    for line in app.lines.values():
        label = f"{line.name}: {line.line.in_name} {line.tally.into.total()}, "
        label += f"{line.line.out_name} {line.tally.out.total()}"
        canvas.line([(float(x), float(y)) for x, y in line.points], LINE, label)
        _arrow(canvas, line.points, line.line.flip, line.line.in_name)
    for row, box in zip(scene.rows.tolist(), scene.boxes, strict=True):
        kind, track = scene.visitors.kind_of(row), int(scene.visitors.ids[row])
        canvas.box(plain_box(box), COLOURS[track % len(COLOURS)], f"{kind} {track}")


def _arrow(canvas: Canvas, points: Float64, flip: bool, label: str) -> None:
    """From the middle of a line's longest piece to its side that is in."""
    steps = np.diff(points, axis=0)
    longest = int(np.argmax(np.hypot(*steps.T)))
    middle, step = points[longest] + steps[longest] / 2, steps[longest]
    length = float(np.hypot(*step))
    away = np.array([-step[1], step[0]]) / length * (-1 if flip else 1) * min(length / 2, 30.0)
    end = middle + away
    canvas.arrow((float(middle[0]), float(middle[1])), (float(end[0]), float(end[1])), LINE, label)
