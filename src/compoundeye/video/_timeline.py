"""Presentation times that only go forward, whatever the stream says."""

from __future__ import annotations

# A recording may have gaps, such as a camera that records when something moves; a longer one is a broken clock.
LONGEST_GAP_S = 3600.0
# How far a live stream's own clock may be ahead of arrivals, or behind them while a buffer on the way empties after a
# pause, before it is not believed any more.
AHEAD_S, BEHIND_S = 5.0, 30.0
# Share of their difference by which a camera's clock is brought to ours, each frame: 40 s until they agree, at 25 a
# second. Quartz clocks differ by up to 100 millionths, which is 9 s a day.
SLEW = 0.001
# Where neither the stream nor its container knows a rate, as FFmpeg assumes for raw streams.
UNKNOWN_RATE = 25.0


class Timeline:
    """Turns stated times into seconds since the stream began, strictly increasing, over reconnections too."""

    def __init__(self, rate: float | None) -> None:
        self._step = 1 / (rate or UNKNOWN_RATE)
        self._least = self._step / 100
        self._last: float | None = None
        self._sure = 0.0  # the last time that came from the stream, and how many came without since
        self._unstated = 0
        self._began = 0.0
        self._offset: float | None = None

    @property
    def length_s(self) -> float:
        """From the beginning to the end of the last frame, in s."""
        return 0.0 if self._last is None else self._last + self._step

    def recorded(self, stated: float | None) -> float:
        """The time of a file's next frame: as stated, or one frame on where that is missing, goes back or is absurd."""
        if self._last is None:
            self._offset, self._last = stated, 0.0
            return 0.0
        at = None if stated is None or self._offset is None else stated - self._offset
        if at is None or not self._last < at <= self._last + LONGEST_GAP_S:
            self._unstated += 1
            at = self._sure + self._unstated * self._step
            self._offset = None if stated is None else stated - at
        if stated is not None:
            self._sure, self._unstated = at, 0
        self._last = at
        return at

    def live(self, stated: float | None, arrived: float) -> float:
        """The time of a live frame: as stated, while that agrees with when frames arrive; else its arrival.

        Args:
            stated: presentation time in s by the camera's clock, or None.
            arrived: time of arrival in s, by a clock that never goes back.
        """
        if self._last is None:
            self._began, self._offset, self._last = arrived, stated, 0.0
            return 0.0
        by_arrival = max(arrived - self._began, self._last + self._least)
        at = by_arrival
        if stated is not None:
            if self._offset is None or not -BEHIND_S < stated - self._offset - by_arrival < AHEAD_S:
                self._offset = stated - by_arrival  # a new connection, or a clock that jumped
            at = max(stated - self._offset, self._last + self._least)
            self._offset += SLEW * (at - by_arrival)  # two clocks never run alike
        self._last = at
        return at

    def interrupted(self) -> None:
        """The connection is lost: what is stated next begins anew, and the time without pictures has passed."""
        self._offset = None
