"""Quarters of an hour, as a clock has them."""

from __future__ import annotations

import pytest

from compoundeye.apps.traffic._interval import Intervals


def ended(times: list[float], length_s: float = 900) -> list[tuple[float, float]]:
    intervals = Intervals(length_s)
    return [found for time_s in times if (found := intervals.step(time_s, 0.0))]


def test_the_first_begins_with_the_first_frame_and_ends_with_the_clock() -> None:
    assert ended([1000.0, 1700.0, 1800.0, 2699.0, 2700.0]) == [(1000.0, 1800.0), (1800.0, 2700.0)]


def test_hours_without_frames_have_no_intervals() -> None:
    assert ended([1000.0, 9100.0, 9950.0]) == [(1000.0, 1800.0), (9000.0, 9900.0)]


def test_a_frame_at_the_very_end_belongs_to_the_next() -> None:
    assert ended([900.0, 1799.999, 1800.0]) == [(900.0, 1800.0)]


def test_time_that_was_watched_is_of_the_interval_that_runs() -> None:
    intervals = Intervals(10)
    for time_s in range(10):
        intervals.step(float(time_s), 1.0 if time_s else 0.0)
    assert intervals.watched_s == 9
    assert intervals.step(10.0, 1.0) == (0.0, 10.0)
    assert intervals.watched_s == 9  # of what has ended, for who tells it
    intervals.began(1.0)
    intervals.step(11.0, 1.0)
    assert intervals.watched_s == 2


def test_what_is_left_ends_with_the_last_frame() -> None:
    intervals = Intervals(900)
    assert intervals.finish() is None
    intervals.step(1000.0, 0.0)
    intervals.step(1007.5, 7.5)
    assert intervals.finish() == (1000.0, 1007.5)


@pytest.mark.parametrize("back", [100.0, 5000.0])
def test_a_clock_that_is_set_back_does_not_end_before_it_began(back: float) -> None:
    intervals = Intervals(900)
    intervals.step(10_000.0, 0.0)
    intervals.step(10_000.0 - back, 0.0)
    start, end = intervals.finish() or (1.0, 0.0)
    assert end >= start
