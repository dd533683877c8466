"""What an operator sees over the picture: heat, zones and lines with their counts, boxes with what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compoundeye.apps.traffic._desk import Desk
from compoundeye.apps.traffic._geometry import Float64
from compoundeye.apps.traffic._layout import Layout, WatchedZone
from compoundeye.apps.traffic._scene import Scene, plain_box
from compoundeye.video import Canvas, Colour, Point

# Told apart by colour-blind people too: Okabe and Ito 2008, Color Universal Design; without black, dark blue and the
# vermilion that means alarm.
COLOURS: tuple[Colour, ...] = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (204, 121, 167))
ALARM: Colour = (213, 94, 0)
LINE: Colour = (255, 255, 255)
ZONE: Colour = (86, 180, 233)
HEAT: Colour = (213, 94, 0)
FILL = 0.12
"""Share of what is below a zone that its colour covers; more where something is wrong."""
FILL_ALARM = 0.25
ARROW = 30.0
"""Longest arrow of a direction, in pixels."""
NO_ALARM = {"queue"}
"""Kinds of events that are no alarm."""


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn of one frame."""

    scene: Scene
    layout: Layout
    desk: Desk
    heat: Float64 | None
    """[rows, columns] s."""


def draw(canvas: Canvas, picture: Picture) -> None:
    """Everything, from the ground up."""
    if picture.heat is not None and picture.heat.size and picture.heat.max() > 0:
        # The root shows where people walk beside where they stand for minutes.
        canvas.heat(np.sqrt(picture.heat / picture.heat.max()).astype(np.float32), HEAT)
    alarms = [(kind, key) for kind, key, _ in picture.desk.open() if kind not in NO_ALARM]
    for name, zone in picture.layout.zones.items():
        _zone(canvas, zone, any(key[0] == name for _, key in alarms))
    for line in picture.layout.lines.values():
        counter = line.counter
        into, out = counter.tally.into.total(), counter.tally.out.total()
        label = f"{counter.name}: {counter.line.in_name} {into}, {counter.line.out_name} {out}"
        canvas.line(_plain(counter.points), LINE, label)
        _arrow(canvas, counter.points, counter.line.flip)
    wrong: dict[object, str] = {}
    for kind, key in alarms:
        wrong[key[-1]] = f"{wrong.get(key[-1], '')}, {kind.replace('_', ' ')}"
    _boxes(canvas, picture.scene, wrong)


def _zone(canvas: Canvas, zone: WatchedZone, alarm: bool) -> None:
    watch, colour = zone.watch, ALARM if alarm else ZONE
    label = f"{watch.name}: {len(watch.rows)}"
    for rule in zone.rules:
        facts = rule.state()
        if rule.kind == "crowding" and facts:
            label += f", level {facts['level']}"
        if rule.kind == "queue" and facts["people"]:
            label += f", {facts['people']} wait"
    canvas.fill(_plain(watch.polygon), colour, FILL_ALARM if alarm else FILL)
    canvas.line(_plain(watch.polygon), colour, label, closed=True)


def _boxes(canvas: Canvas, scene: Scene, wrong: dict[object, str]) -> None:
    # What is wrong is drawn last, and so is seen.
    ids = scene.visitors.ids[scene.rows].tolist()
    for at in sorted(range(len(ids)), key=lambda at: ids[at] in wrong):
        row, box, speed, track = int(scene.rows[at]), scene.boxes[at], scene.speed_kmh[at], ids[at]
        label = f"{scene.visitors.kind_of(row)} {track}"
        if not np.isnan(speed):
            label += f", {speed:.0f} km/h"
        label += wrong.get(track, "")
        canvas.box(plain_box(box), ALARM if track in wrong else COLOURS[track % len(COLOURS)], label)


def _arrow(canvas: Canvas, points: Float64, flip: bool) -> None:
    """From the middle of a line's longest piece to the side that is in."""
    steps = np.diff(points, axis=0)
    longest = int(np.argmax(np.hypot(*steps.T)))
    middle, step = points[longest] + steps[longest] / 2, steps[longest]
    length = float(np.hypot(*step))
    away = np.array([-step[1], step[0]]) / length * (-1 if flip else 1) * min(length / 2, ARROW)
    start, end = _plain(np.stack([middle, middle + away]))
    canvas.arrow(start, end, LINE)


def _plain(points: Float64) -> list[Point]:
    return [(float(x), float(y)) for x, y in points]
