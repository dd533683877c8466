"""How pixels become metres on flat ground: from points whose place is known, or from pieces whose length is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compoundeye.apps.traffic._geometry import Float64, area
from compoundeye.apps.traffic._places import Places
from compoundeye.apps.traffic._rule_settings import Ground
from compoundeye.records import EyeError

WORST_FIT = 0.15
"""Lengths, or distances between points, that the plane misses by a larger share than this contradict each other."""
WORST_DOUBT = 1.3
"""Cameras that explain the lengths about equally well may differ by no more than this factor in what they measure."""
FOCAL = (0.4, 6.0)
"""Focal lengths that are tried, in widths of the picture: 103 to 10 degrees from left to right."""
TILT_DEG = (1.0, 89.0)
"""Angles below the horizontal that are tried."""
TRIES = 81
"""Of each of the two, on a grid; then closer around the best one."""
REFINEMENTS = 12
DOUBT = 0.01
"""Cameras whose error is larger than the best one's by less than this are about as good: lengths are known to that."""


class GroundPlane:
    """A plane, as the homography that takes it from the picture to metres."""

    def __init__(self, homography: Float64, error: float) -> None:
        """``homography`` [3, 3] is positive on this side of the horizon; ``error`` is what it misses, as a share."""
        self.homography, self.error = homography, error

    def metres(self, pixels: Float64) -> Float64:
        """[N, 2] places on the ground of points [N, 2]; NaN at the horizon and above."""
        x, y, w = self.homography @ np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1).T
        scale = np.where(w > 1e-9, w, np.nan)
        return np.stack([x / scale, y / scale], axis=1)

    def area_m2(self, polygon: Float64) -> float:
        """Of a polygon [K, 2] in pixels; NaN if a corner is not on the ground. Straight stays straight: it is exact."""
        return area(self.metres(polygon))


def ground_plane(ground: Ground, places: Places) -> GroundPlane:
    """The plane that settings describe.

    Raises:
        EyeError: they contradict each other, or do not decide it.
    """
    if ground.pixels:
        return by_points(places.points(ground.pixels, "ground.pixels"), np.array(ground.metres, np.float64))
    ends = np.stack([places.points(piece.points, "ground.lengths") for piece in ground.lengths])
    size = (places.stream.width, places.stream.height)
    return by_lengths(ends, np.array([piece.metres for piece in ground.lengths]), size)


def by_points(pixels: Float64, metres: Float64) -> GroundPlane:
    """From points [K, 2] in pixels and in metres, K at least 4: the direct linear transform with normalised points
    (Hartley and Zisserman 2004, Multiple View Geometry, algorithm 4.2).

    Raises:
        EyeError: three of four lie on one straight line, the points contradict each other, or the horizon is between.
    """
    of_pixels, of_metres = _normaliser(pixels), _normaliser(metres)
    x, y = _mapped(of_pixels, pixels).T
    u, v = _mapped(of_metres, metres).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([
        np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u], axis=1),
        np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v], axis=1),
    ])  # fmt: skip
    _, sizes, right = np.linalg.svd(rows, full_matrices=True)
    if sizes[7] < 1e-6 * sizes[0]:
        raise EyeError("traffic.ground: three of the points lie on one straight line: choose the corners of an area")
    found = np.linalg.inv(of_metres) @ right[8].reshape(3, 3) @ of_pixels
    depths = (found @ np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1).T)[2]
    found = found / float(np.median(depths))
    if not (depths * np.sign(np.median(depths)) > 0).all() or abs(np.linalg.det(found)) < 1e-15:
        raise EyeError("traffic.ground: pixels and metres do not go together: are they in the same order?")
    plane = GroundPlane(found, 0.0)
    size = float(np.ptp(metres, axis=0).max())
    plane.error = float(np.sqrt(((plane.metres(pixels) - metres) ** 2).sum(axis=1).mean())) / size
    if plane.error > WORST_FIT:
        raise EyeError(
            f"traffic.ground: the points contradict each other by {plane.error:.0%} of the area's size; "
            "is one of them wrong, or not on the ground?"
        )
    return plane


def by_lengths(ends: Float64, metres: Float64, size: tuple[int, int]) -> GroundPlane:
    """From pieces of the ground, ends [K, 2, 2] in pixels and lengths [K] in m, K at least 3.

    A camera that is level (no roll), with square pixels and its axis in the middle of the picture, has three unknowns:
    focal length, tilt and height. Height is a factor; the other two are searched on a grid for the least error of the
    logarithms of the lengths.

    Raises:
        EyeError: no such camera sees them so, or quite different ones do.
    """
    middle = np.array(size) / 2
    focal = np.geomspace(*FOCAL, TRIES) * size[0]
    tilt = np.radians(np.linspace(*TILT_DEG, TRIES))
    error, height = _errors(ends - middle, metres, focal, tilt)
    best = np.unravel_index(int(np.argmin(error)), error.shape)
    if not np.isfinite(error[best]):
        raise EyeError("traffic.ground.lengths: the pieces are not on ground that a level camera sees")
    near = error <= error[best] + DOUBT
    likely = [
        _camera(focal[at], tilt[of], height[at, of], middle) for at, of in zip(*np.nonzero(near), strict=True)
    ]  # fmt: skip
    _check_decided(likely, ends)
    plane = _refined(ends - middle, metres, (float(focal[best[0]]), float(tilt[best[1]])), middle)
    if plane.error > WORST_FIT:
        raise EyeError(
            f"traffic.ground.lengths: the best camera misses them by {plane.error:.0%}; "
            "is one wrong, the camera tilted to a side, or the ground not flat?"
        )
    return plane


def _errors(ends: Float64, metres: Float64, focal: Float64, tilt: Float64) -> tuple[Float64, Float64]:
    """[F, T] root mean square error of the logarithms, and the camera's height in m; infinite where no ground is."""
    u, v = ends[..., 0], ends[..., 1]
    f, t = focal[:, None, None, None], tilt[None, :, None, None]
    down = v * np.cos(t) + f * np.sin(t)
    seen = (down > 1e-3 * f).all(axis=(2, 3))
    safe = np.where(down > 1e-3 * f, down, 1.0)
    places = np.stack([u / safe, (f * np.cos(t) - v * np.sin(t)) / safe], axis=-1)
    length = np.maximum(np.hypot(*np.moveaxis(places[:, :, :, 1] - places[:, :, :, 0], -1, 0)), 1e-12)
    left = np.log(metres) - np.log(length)
    scale = left.mean(axis=2)
    error = np.sqrt(((left - scale[..., None]) ** 2).mean(axis=2))
    return np.where(seen, error, np.inf), np.exp(scale)


def _refined(ends: Float64, metres: Float64, best: tuple[float, float], middle: Float64) -> GroundPlane:
    focal, tilt = best
    factor, step = (FOCAL[1] / FOCAL[0]) ** (1 / (TRIES - 1)), np.radians(TILT_DEG[1] - TILT_DEG[0]) / (TRIES - 1)
    found = np.inf, 1.0
    for _ in range(REFINEMENTS):
        around = np.linspace(-1, 1, 9)
        focals, tilts = focal * factor**around, tilt + step * around
        error, height = _errors(ends, metres, focals, tilts)
        at = np.unravel_index(int(np.argmin(error)), error.shape)
        focal, tilt, found = float(focals[at[0]]), float(tilts[at[1]]), (float(error[at]), float(height[at]))
        factor, step = factor**0.5, step / 2
    plane = _camera(focal, tilt, found[1], middle)
    plane.error = found[0]
    return plane


def _camera(focal: float, tilt: float, height: float, middle: Float64) -> GroundPlane:
    sine, cosine = float(np.sin(tilt)), float(np.cos(tilt))
    to_metres = np.array([[height, 0, 0], [0, -height * sine, height * focal * cosine], [0, cosine, focal * sine]])
    return GroundPlane(to_metres @ np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, 1]]) / focal, 0.0)


def _check_decided(likely: Sequence[GroundPlane], ends: Float64) -> None:
    """Whether all likely cameras measure about the same, along and across, where the pieces are."""
    middles = ends.mean(axis=1)
    for step in np.array([[2.0, 0.0], [0.0, 2.0]]):
        sizes = np.array([np.hypot(*(one.metres(middles + step) - one.metres(middles - step)).T) for one in likely])
        if not (sizes.max(axis=0) < WORST_DOUBT * sizes.min(axis=0)).all():  # NaN, at the horizon, is doubt too
            raise EyeError(
                "traffic.ground.lengths: quite different cameras see these pieces alike: give more of them, some along "
                "and some across the view, near and far"
            )


def _normaliser(points: Float64) -> Float64:
    """[3, 3] to mean 0 and mean distance sqrt(2)."""
    centre = points.mean(axis=0)
    scale = np.sqrt(2) / max(float(np.hypot(*(points - centre).T).mean()), 1e-12)
    return np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]])


def _mapped(matrix: Float64, points: Float64) -> Float64:
    return np.asarray(points * matrix[0, 0] + matrix[:2, 2])
