"""Times only go forward, whatever a stream says of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.video._timeline import Timeline

STATED = st.one_of(st.none(), st.floats(-1e5, 1e5, allow_nan=False))


@given(st.lists(STATED, min_size=2, max_size=60))
def test_times_of_a_recording_increase_whatever_it_states(stated: list[float | None]) -> None:
    timeline = Timeline(25)
    times = [timeline.recorded(time) for time in stated]
    assert times[0] == 0
    assert all(earlier < later for earlier, later in pairwise(times))


@given(st.lists(st.tuples(STATED, st.floats(0, 100), st.booleans()), min_size=2, max_size=60))
def test_times_of_a_camera_increase_and_stay_near_the_clock_on_the_wall(
    came: list[tuple[float | None, float, bool]],
) -> None:
    timeline, now, times = Timeline(25), 1000.0, list[float]()
    for stated, later, interrupted in came:
        now += later
        if interrupted:
            timeline.interrupted()
        times.append(timeline.live(stated, now))
        assert times[-1] <= now - 1000 + 5 + 1  # ahead by what is believed, and by what frames at once are kept apart
    assert all(earlier < later for earlier, later in pairwise(times))


def test_a_recording_with_good_times_keeps_them_gaps_too() -> None:
    timeline = Timeline(25)
    assert [timeline.recorded(time) for time in (7.0, 7.04, 7.1, 907.0)] == pytest.approx([0, 0.04, 0.1, 900])


def test_missing_times_are_a_frame_apart_and_do_not_drift() -> None:
    timeline = Timeline(30)
    assert [timeline.recorded(None) for _ in range(9001)][-1] == pytest.approx(300, abs=1e-9)


def test_a_clock_that_goes_back_goes_on_from_where_it_was() -> None:
    timeline = Timeline(10)
    assert [timeline.recorded(time) for time in (5.0, 5.1, 0.0, 0.1, 0.2)] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_an_absurd_leap_is_a_frame() -> None:
    timeline = Timeline(10)
    assert [timeline.recorded(time) for time in (0.0, 0.1, 95443.7, 95443.8)] == pytest.approx([0, 0.1, 0.2, 0.3])


def test_a_network_that_stops_and_then_sends_what_it_held_does_not_shift_the_cameras_times() -> None:
    timeline = Timeline(10)
    steady = [timeline.live(100 + index / 10, 50 + index / 10) for index in range(20)]
    held = [timeline.live(102 + index / 10, 55 + index / 1000) for index in range(20)]
    assert steady == pytest.approx([index / 10 for index in range(20)], abs=1e-6)
    assert held == pytest.approx([2 + index / 10 for index in range(20)], abs=0.1)


def test_after_a_reconnection_the_time_without_pictures_has_passed() -> None:
    timeline = Timeline(10)
    assert timeline.live(100.0, 50.0) == 0
    timeline.interrupted()
    assert timeline.live(0.0, 80.0) == 30
    assert timeline.live(0.1, 80.1) == pytest.approx(30.1)


def test_a_cameras_clock_that_runs_fast_is_followed_without_a_leap() -> None:
    timeline, fast = Timeline(10), 1.0001
    times = [timeline.live(index / 10 * fast, index / 10) for index in range(100_000)]  # almost three hours
    assert times[-1] == pytest.approx(9999.9, abs=0.2)
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert min(steps) > 0.099
    assert max(steps) < 0.101
