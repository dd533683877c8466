"""How visitors move: velocity on the picture, speed on the ground, and how long they have stood still.

A velocity is the slope of a straight line through what was seen of a visitor's foot in the last second and a half, by
least squares, so that a box that trembles does not move. Its standard error comes with it: a speed that is not known
well is not told.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from compoundeye.apps.traffic._geometry import Bool, Float64
from compoundeye.apps.traffic._visitors import CAPACITY, Rows, foot

WINDOW_S = 1.5
LEAST_STEP_S = 0.04
"""Samples that are nearer in time are left out: 25 a second tell all that boxes know."""
SAMPLES = 40
"""A window of them, and a little more."""
LEAST_SPAN_S = 0.25
"""A shorter time says nothing about motion."""
LONGEST_STEP_S = 3.0
"""Two samples that are further apart are no motion."""
STILL = 0.15
"""Who has moved less than this, in heights of its box, stands still: boxes of what stands tremble by a few per cent."""
WORST_ERROR = 0.2
"""Largest standard error of a speed that is told, as a share of it."""
FINE_ERROR_KMH = 2.0
"""A standard error that is always good enough."""
KMH = 3.6
"""km/h in one m/s."""


class Metric(Protocol):
    """From pixels to metres."""

    def metres(self, pixels: Float64) -> Float64:
        """[N, 2] places on the ground of points [N, 2]; NaN above the horizon."""


class Motion:
    """The paths of visitors, by row."""

    def __init__(self) -> None:
        self.velocity = np.zeros((CAPACITY, 2))
        """Pixels a second; 0 where it is not known."""
        self.speed_kmh = np.full(CAPACITY, np.nan)
        self.still_since_s = np.zeros(CAPACITY)
        self._times = np.full((CAPACITY, SAMPLES), np.nan)
        self._feet = np.zeros((CAPACITY, SAMPLES, 2))
        self._next = np.zeros(CAPACITY, np.int64)
        self._newest = np.full(CAPACITY, -np.inf)
        self._still_at = np.full((CAPACITY, 2), np.nan)

    def step(self, rows: Rows, fresh: Bool, boxes: Float64, seen: Bool, time_s: float, metric: Metric | None) -> None:
        """Take where visitors are: rows [N], boxes [N, 4]."""
        self._forget(rows[fresh], time_s)
        rows, boxes = rows[seen], boxes[seen]
        at = foot(boxes)
        due = time_s - self._newest[rows] >= LEAST_STEP_S * 0.99
        self._keep(rows[due], at[due], time_s)
        self._stand(rows, at, (boxes[:, 3] - boxes[:, 1]), time_s)
        self.velocity[rows] = np.nan_to_num(self._slope(rows, self._feet[rows], time_s)[0])
        if metric is not None:
            self.speed_kmh[rows] = self._on_ground(rows, time_s, metric)

    def _forget(self, rows: Rows, time_s: float) -> None:
        self._times[rows], self._newest[rows], self._next[rows] = np.nan, -np.inf, 0
        self._still_at[rows], self.still_since_s[rows] = np.nan, time_s
        self.velocity[rows], self.speed_kmh[rows] = 0.0, np.nan

    def _keep(self, rows: Rows, at: Float64, time_s: float) -> None:
        place = self._next[rows]
        self._times[rows, place], self._feet[rows, place] = time_s, at
        self._next[rows] = (place + 1) % SAMPLES
        self._newest[rows] = time_s

    def _stand(self, rows: Rows, at: Float64, heights: Float64, time_s: float) -> None:
        away = np.hypot(*(at - self._still_at[rows]).T)
        moved = rows[~(away <= STILL * heights)]  # NaN, of who is new, has moved
        self._still_at[moved], self.still_since_s[moved] = at[~(away <= STILL * heights)], time_s

    def _slope(self, rows: Rows, path: Float64, time_s: float) -> tuple[Float64, Float64]:
        """[N, 2] units a second of paths [N, SAMPLES, 2], and [N] its standard error; NaN where it is not known."""
        times = self._times[rows] - time_s
        use = times >= -WINDOW_S
        few = use.sum(axis=1) < 2
        use[few] = times[few] >= -LONGEST_STEP_S
        use &= ~np.isnan(path).any(axis=2)
        count = use.sum(axis=1)
        t = np.where(use, times, 0.0)
        mean_t = t.sum(axis=1) / np.maximum(count, 1)
        t = np.where(use, t - mean_t[:, None], 0.0)
        p = np.where(use[..., None], path, 0.0)
        mean_p = p.sum(axis=1) / np.maximum(count, 1)[:, None]
        p = np.where(use[..., None], p - mean_p[:, None], 0.0)
        spread = (t * t).sum(axis=1)
        span = np.ptp(t, axis=1) if len(rows) else np.empty(0)
        known = (count >= 2) & (span >= LEAST_SPAN_S)
        slope = (t[..., None] * p).sum(axis=1) / np.where(known, spread, 1.0)[:, None]
        left = p - slope[:, None] * t[..., None]
        scatter = (left * left).sum(axis=(1, 2)) / np.maximum(2 * count - 4, 1)
        error = np.sqrt(scatter / np.where(known, spread, 1.0))
        return np.where(known[:, None], slope, np.nan), np.where(known & (count >= 3), error, np.nan)

    def _on_ground(self, rows: Rows, time_s: float, metric: Metric) -> npt.NDArray[np.float64]:
        path = metric.metres(self._feet[rows].reshape(-1, 2)).reshape(len(rows), SAMPLES, 2)
        slope, error = self._slope(rows, path, time_s)
        speed = np.hypot(*slope.T) * KMH
        told = error * KMH <= np.maximum(WORST_ERROR * speed, FINE_ERROR_KMH)
        return np.where(told, speed, np.nan)
