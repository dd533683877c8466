"""A course of a run with no more points than a screen shows: of neighbours the mean, the least and the most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

Number = float | None
"""None where a measurement was not finite: JSON has no other word for it."""


class Curve(NamedTuple):
    """Points of one series, in the order in which they were measured."""

    x: list[float]
    y: list[Number]
    low: list[Number]
    """The least of the values that a point stands for; its own value where it stands for one."""
    high: list[Number]


def thinned(places: Sequence[float], values: Sequence[float], most: int) -> Curve:
    """Up to ``most`` points of a course. Neighbours that become one point stand at the place of the last of them.

    Args:
        places: [N] ascending.
        values: [N] with NaN or infinity where the measurement was not finite.
        most: 1 or more.
    """
    each = max(1, -(-len(values) // most))
    found = Curve([], [], [], [])
    for start in range(0, len(values), each):
        group = [value for value in values[start : start + each] if math.isfinite(value)]
        found.x.append(places[min(start + each, len(places)) - 1])
        found.y.append(math.fsum(group) / len(group) if group else None)
        found.low.append(min(group, default=None))
        found.high.append(max(group, default=None))
    return found
