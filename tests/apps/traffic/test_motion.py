"""Motion: velocities of what moves, stillness of what trembles, and nothing told that is not known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.apps.traffic._ground import GroundPlane
from compoundeye.apps.traffic._motion import Motion

ROW = np.array([5])
TENTH = GroundPlane(np.diag([0.1, 0.1, 1.0]), 0.0)


def follow(times: list[float], xs: list[float], metric: GroundPlane | None = TENTH) -> Motion:
    motion = Motion()
    for number, (time_s, x) in enumerate(zip(times, xs, strict=True)):
        box = np.array([[x - 10, 140.0, x + 10, 200.0]])
        motion.step(ROW, np.array([number == 0]), box, np.array([True]), time_s, metric)
    return motion


@given(velocity=st.floats(-300, 300), rate=st.floats(2, 60))
@settings(deadline=None)
def test_a_steady_velocity_is_measured_at_any_rate(velocity: float, rate: float) -> None:
    times = [n / rate for n in range(max(4, int(2 * rate)))]
    motion = follow(times, [velocity * time_s for time_s in times])
    assert motion.velocity[5] == pytest.approx([velocity, 0], abs=1e-6)
    assert motion.speed_kmh[5] == pytest.approx(abs(velocity) * 0.1 * 3.6, abs=1e-6)


def test_two_sightings_tell_a_velocity_and_not_how_well_it_is_known() -> None:
    motion = follow([0.0, 0.5], [0.0, 50.0])
    assert motion.velocity[5].tolist() == [100, 0]
    assert np.isnan(motion.speed_kmh[5])


def test_one_sighting_tells_nothing() -> None:
    motion = follow([0.0], [50.0])
    assert motion.velocity[5].tolist() == [0, 0]
    assert np.isnan(motion.speed_kmh[5])


def test_who_trembles_stands_and_who_creeps_does_not() -> None:
    rng = np.random.default_rng(0)
    times = [n / 10 for n in range(200)]
    trembling = follow(times, [100 + float(rng.uniform(-3, 3)) for _ in times])
    assert times[-1] - trembling.still_since_s[5] == pytest.approx(times[-1])
    creeping = follow(times, [100 + 3 * time_s for time_s in times])
    assert times[-1] - creeping.still_since_s[5] <= 3.1  # 0.15 of 60 pixels, at 3 a second


def test_who_goes_on_moves_again() -> None:
    times = [n / 10 for n in range(100)]
    motion = follow(times, [100.0 if time_s < 5 else 100 + 60 * (time_s - 5) for time_s in times])
    assert times[-1] - motion.still_since_s[5] < 0.3


def test_a_row_that_is_given_away_forgets() -> None:
    motion = follow([0.0, 0.5, 1.0], [0.0, 50.0, 100.0])
    motion.step(ROW, np.array([True]), np.array([[300.0, 0, 320, 60]]), np.array([True]), 1.1, TENTH)
    assert motion.velocity[5].tolist() == [0, 0]
    assert np.isnan(motion.speed_kmh[5])
    assert motion.still_since_s[5] == 1.1


def test_a_place_above_the_horizon_has_no_speed() -> None:
    behind = GroundPlane(np.array([[0.1, 0, 0], [0, 0.1, 0], [0, 1.0, -500.0]]), 0.0)
    motion = follow([0.0, 0.3, 0.6, 0.9], [0.0, 30.0, 60.0, 90.0], behind)
    assert np.isnan(motion.speed_kmh[5])
    assert motion.velocity[5].tolist() == pytest.approx([100, 0])
