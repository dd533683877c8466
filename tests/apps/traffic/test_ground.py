"""Metres from pixels: points, known lengths, and settings that contradict themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from street import Actor, street, walk

from compoundeye.apps.traffic._ground import GroundPlane, by_lengths, by_points
from compoundeye.records import EyeError

SIZE = (1280, 720)


def seen_by(focal: float, tilt_deg: float, height: float, places: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Pixels of places on the ground [N, 2] (to the right, ahead; m), by a level camera, from its definition."""
    tilt = np.radians(tilt_deg)
    right, ahead = places.T
    along = ahead * np.cos(tilt) + height * np.sin(tilt)
    down = -ahead * np.sin(tilt) + height * np.cos(tilt)
    return np.stack([SIZE[0] / 2 + focal * right / along, SIZE[1] / 2 + focal * down / along], axis=1)


CAMERAS = {"focal": st.floats(600, 3000), "tilt_deg": st.floats(10, 50), "height": st.floats(3, 20)}


@given(**CAMERAS)
@settings(deadline=None)
def test_four_points_measure_the_ground_exactly(focal: float, tilt_deg: float, height: float) -> None:
    corners = np.array([[-3.0, 12.0], [3.0, 12.0], [3.0, 30.0], [-3.0, 30.0]])
    plane = by_points(seen_by(focal, tilt_deg, height, corners), corners)
    others = np.array([[0.0, 20.0], [2.0, 14.0], [-6.0, 40.0]])
    assert np.allclose(plane.metres(seen_by(focal, tilt_deg, height, others)), others, atol=1e-6)
    assert plane.area_m2(seen_by(focal, tilt_deg, height, corners)) == pytest.approx(6 * 18)


@given(**CAMERAS)
@settings(deadline=None, max_examples=25)
def test_known_lengths_measure_other_lengths(focal: float, tilt_deg: float, height: float) -> None:
    """Dashes of two lanes near and far, and the road's width: what a user can measure or look up."""
    pieces = np.array([
        [[-3, 12], [-3, 18]], [[3, 12], [3, 18]], [[-3, 24], [-3, 30]], [[3, 24], [3, 30]],
        [[-3, 12], [3, 12]], [[-3, 30], [3, 30]],
    ], np.float64)  # fmt: skip
    ends = seen_by(focal, tilt_deg, height, pieces.reshape(-1, 2)).reshape(-1, 2, 2)
    plane = by_lengths(ends, np.hypot(*(pieces[:, 1] - pieces[:, 0]).T), SIZE)
    other = np.array([[0.0, 15.0], [0.0, 25.0], [-3.0, 20.0], [3.0, 20.0]])
    found = plane.metres(seen_by(focal, tilt_deg, height, other))
    assert np.hypot(*(found[1] - found[0])) == pytest.approx(10, rel=0.05)
    assert np.hypot(*(found[3] - found[2])) == pytest.approx(6, rel=0.05)


def test_lengths_of_one_kind_decide_nothing() -> None:
    """Three widths at one distance: any tilt explains them."""
    pieces = np.array([[[-3, 20], [0, 20]], [[0, 20], [3, 20]], [[-3, 20], [3, 20]]], np.float64)
    ends = seen_by(1000, 20, 6, pieces.reshape(-1, 2)).reshape(-1, 2, 2)
    with pytest.raises(EyeError, match="quite different cameras see these pieces alike"):
        by_lengths(ends, np.array([3.0, 3.0, 6.0]), SIZE)


def test_lengths_that_contradict_each_other_are_refused() -> None:
    pieces = np.array([[[-3, 12], [-3, 18]], [[3, 24], [3, 30]], [[-3, 12], [3, 12]], [[-3, 30], [3, 30]]], np.float64)
    ends = seen_by(1000, 25, 6, pieces.reshape(-1, 2)).reshape(-1, 2, 2)
    with pytest.raises(EyeError, match=r"misses them by|different cameras"):
        by_lengths(ends, np.array([6.0, 6.0, 30.0, 1.0]), SIZE)


@pytest.mark.parametrize(
    ("pixels", "metres", "message"),
    [
        ([[0, 0], [1, 1], [2, 2], [0, 5]], [[0, 0], [1, 1], [2, 2], [0, 5]], "one straight line|do not go together"),
        ([[0, 9], [9, 9], [7, 3], [2, 3]], [[0, 0], [4, 0], [0, 9], [4, 9]], "do not go together"),
        (
            [[0, 9], [9, 9], [7, 3], [2, 3], [5, 6]],
            [[0, 0], [4, 0], [4, 9], [0, 9], [50, 40]],
            "do not go together|contradict",
        ),
    ],
)
def test_points_that_are_no_ground_are_refused(pixels: Any, metres: Any, message: str) -> None:
    with pytest.raises(EyeError, match=message):
        by_points(np.array(pixels, np.float64), np.array(metres, np.float64))


def test_above_the_horizon_there_is_no_ground() -> None:
    corners = np.array([[-3.0, 12.0], [3.0, 12.0], [3.0, 30.0], [-3.0, 30.0]])
    plane = by_points(seen_by(1000, 10, 6, corners), corners)
    horizon = SIZE[1] / 2 - 1000 * np.tan(np.radians(10))
    assert np.isnan(plane.metres(np.array([[640.0, horizon - 5]]))).all()
    assert not np.isnan(plane.metres(np.array([[640.0, horizon + 5]]))).any()


STREET = {"pixels": [[0, 0], [640, 0], [640, 360], [0, 360]], "metres": [[0, 0], [64, 0], [64, 36], [0, 36]]}
"""A tenth of a metre a pixel, seen from above."""
LANE = {"points": [[0, 100], [640, 100], [640, 300], [0, 300]], "speeding": {"limit_kmh": 50}}


def test_a_car_is_too_fast_and_the_event_tells_how_fast() -> None:
    """200 pixels a second are 72 km/h, 130 are 46.8 km/h."""
    place = street(zones={"lane": LANE}, ground=STREET, lines={"end": {"points": [[500, 0], [500, 360]], "flip": True}})
    place.watch(
        [
            Actor(1, walk((0, 0, 200), (3.2, 640, 200)), kind="car"),
            Actor(2, walk((0, 0, 250), (4.9, 637, 250)), kind="car"),
        ],
        8,
        rate=25,
    )
    told = place.of("speeding")
    assert {event.after["track"] for event in told} == {1}
    assert (told[0].type, told[-1].type) == ("new", "end")
    assert told[-1].after == {
        "zone": "lane", "track": 1, "class": "car", "speed_kmh": pytest.approx(72, abs=0.5), "limit_kmh": 50,
    }  # fmt: skip
    place.end()
    (flow,) = place.of("flow")
    assert flow.after["in"] == {"car": 2}
    assert flow.after["mean_speed_kmh"] == pytest.approx((72 + 46.8) / 2, abs=1)


@given(noise=st.floats(0, 3), rate=st.sampled_from([5, 10, 25]), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_a_box_that_trembles_does_not_speed(noise: float, rate: int, seed: int) -> None:
    """A car at 40 km/h whose foot is off by up to three pixels (0.3 m): its speed is right, or not told."""
    rng = np.random.default_rng(seed)

    def path(time_s: float) -> tuple[float, float]:
        x, y = 20 + 111 * time_s, 200.0
        return x + float(rng.normal(0, noise)), y + float(rng.normal(0, noise))

    place = street(zones={"lane": LANE}, ground=STREET)
    place.watch([Actor(1, path, kind="car")], 5, rate=rate)
    assert place.of("speeding") == []


def test_a_camera_that_is_not_calibrated_tells_no_speed() -> None:
    place = street(lines={"end": {"points": [[500, 0], [500, 360]]}})
    place.watch([Actor(1, walk((0, 0, 200), (3.2, 640, 200)), kind="car")], 5)
    place.end()
    assert "speed_kmh" not in place.of("crossing")[0].after
    assert place.of("flow")[0].after["mean_speed_kmh"] is None


def test_a_rough_ground_is_a_warning() -> None:
    pixels = [[0, 0], [640, 0], [640, 360], [0, 360], [320, 180]]
    metres = [[0, 0], [64, 0], [64, 36], [0, 36], [46, 30]]
    place = street(ground={"pixels": pixels, "metres": metres})
    assert "speeds are rough" in place.app.state()["warnings"][0]


def test_a_plane_is_made_by_hand_too() -> None:
    assert GroundPlane(np.diag([0.1, 0.1, 1.0]), 0.0).area_m2(np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])) == 1
