"""Points, lines and polygons on a picture: vectorised over points, all in pixels, x to the right and y down."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def distance(points: Float64, line: Float64) -> Float64:
    """[N] distance of points [N, 2] to a polyline [K, 2]."""
    start, along = line[:-1], np.diff(line, axis=0)
    apart = points[:, None] - start[None]
    length = np.maximum((along * along).sum(axis=1), 1e-12)
    share = np.clip((apart * along).sum(axis=2) / length, 0.0, 1.0)
    away = apart - share[..., None] * along
    return np.asarray(np.sqrt((away * away).sum(axis=2).min(axis=1, initial=np.inf)))


def crossings(before: Float64, after: Float64, line: Float64) -> npt.NDArray[np.int64]:
    """[N] net crossings of steps from [N, 2] to [N, 2] over a polyline [K, 2].

    +1 for each piece that is crossed to the right hand of who walks along the line, -1 to the left. A point on the
    line belongs to its right, so that a step that ends there and one that begins there count once together.
    """
    start, end = line[None, :-1], line[None, 1:]
    was = _cross(end - start, before[:, None] - start) >= 0
    now = _cross(end - start, after[:, None] - start) >= 0
    step = (after - before)[:, None]
    within = (_cross(step, start - before[:, None]) >= 0) != (_cross(step, end - before[:, None]) >= 0)
    return np.asarray(((now.astype(np.int64) - was) * within).sum(axis=1))


def inside(points: Float64, polygon: Float64) -> Bool:
    """[N] whether points [N, 2] are in a polygon [K, 2], by the even-odd rule; it may be concave."""
    x, y = points[:, :1], points[:, 1:]
    x0, y0 = polygon[None, :, 0], polygon[None, :, 1]
    x1, y1 = np.roll(polygon, -1, axis=0).T[:, None]
    spans = (y0 > y) != (y1 > y)
    height = np.where(y1 == y0, 1.0, y1 - y0)
    return np.asarray(((x < x0 + (x1 - x0) * (y - y0) / height) & spans).sum(axis=1) % 2 == 1)


def depth(points: Float64, polygon: Float64) -> Float64:
    """[N] how far points are inside a polygon; negative is outside."""
    away = distance(points, np.concatenate([polygon, polygon[:1]]))
    return np.where(inside(points, polygon), away, -away)


def area(polygon: Float64) -> float:
    """Area of a polygon [K, 2] that does not cross itself, in its units squared (the shoelace formula)."""
    x, y = polygon.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def heading_deg(step: npt.NDArray[Any]) -> Float64:
    """[N] direction of steps [N, 2], clockwise from the picture's top, in 0 to 360 degrees."""
    return np.asarray(np.degrees(np.arctan2(step[..., 0], -step[..., 1])) % 360.0)


def turn_deg(one: Float64, other: float) -> Float64:
    """[N] angle between headings [N] and another one, 0 to 180 degrees."""
    return np.asarray(np.abs((one - other + 180.0) % 360.0 - 180.0))


def _cross(one: Float64, other: Float64) -> Float64:
    return np.asarray(one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0])
