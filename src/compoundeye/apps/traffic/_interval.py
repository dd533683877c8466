"""Intervals of capture time, as flow and occupancy are told: whole ones of the clock, such as 8:00 to 8:15."""

from __future__ import annotations

import math


class Intervals:
    """Cuts a stream's time. The first and the last may be shorter; a time without frames has none."""

    def __init__(self, length_s: float) -> None:
        self.length_s = length_s
        self.watched_s = 0.0
        """Of the interval that runs."""
        self._start: float | None = None
        self._last = -math.inf

    def step(self, captured: float, watched_s: float) -> tuple[float, float] | None:
        """Take a frame; the interval that ended before it, if one did. ``watched_s`` is the time since the last."""
        if self._start is None:
            self._start = captured
        ended = None
        end = self._end(self._start)
        if captured >= end:
            ended = self._start, end
            # A clock that was set back, or forward over many intervals, begins where it is now.
            self._start = max(end, captured // self.length_s * self.length_s)
        self._last = captured
        if ended is None:
            self.watched_s += watched_s
        return ended

    def began(self, watched_s: float) -> None:
        """The old interval is told: a new one runs, whose first frame came so long after the last one."""
        self.watched_s = watched_s

    def finish(self) -> tuple[float, float] | None:
        """What is left, up to the last frame."""
        return None if self._start is None else (self._start, max(self._start, self._last))

    def _end(self, start: float) -> float:
        return (math.floor(start / self.length_s) + 1) * self.length_s
