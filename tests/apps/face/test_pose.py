"""Angles come out as they went in, in the sense that the standard gives them."""

from __future__ import annotations

import numpy as np
import pytest
from face_samples import astronaut
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.apps.face import pose
from compoundeye.apps.face._pose import _POINTS, turned_by
from compoundeye.models import load_face_detector


def seen(angles: tuple[float, float, float], *, distance: float = 1e9, scale: float = 7.0) -> np.ndarray:
    """[5, 2] the average head, turned, before a camera ``distance`` cm away."""
    x, y, z = turned_by(*angles) @ _POINTS.T
    nearer = scale * distance / (distance - z)
    return np.stack([200 + x * nearer, 150 - y * nearer], axis=1).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.floats(-60, 60), st.floats(-40, 40), st.floats(-170, 170))
def test_a_turned_head_has_the_angles_that_it_was_turned_by(yaw: float, pitch: float, roll: float) -> None:
    assert pose(seen((yaw, pitch, roll))[None])[0] == pytest.approx([yaw, pitch, roll], abs=0.05)


def test_signs_are_those_of_the_standard() -> None:
    right_eye, left_eye, nose, right_mouth, left_mouth = seen((0, 0, 0))
    front = np.stack([right_eye, left_eye, nose, right_mouth, left_mouth])
    to_its_left, down, tilted = front.copy(), front.copy(), front.copy()
    to_its_left[2, 0] += 6  # the nose goes to the picture's right
    down[2, 1] += 6
    tilted[:2, 0] -= 6  # the eyes go to the picture's left: to its right shoulder
    yaws, pitches, rolls = pose(np.stack([to_its_left, down, tilted])).T
    assert yaws[0] > 5
    assert pitches[1] > 5
    assert rolls[2] > 1


@pytest.mark.parametrize(("distance", "most"), [(40.0, 2.7), (100.0, 1.1), (300.0, 0.4)])
def test_a_near_camera_costs_as_much_as_is_documented(distance: float, most: float) -> None:
    rng = np.random.default_rng(0)
    angles = rng.uniform([-60, -40, -90], [60, 40, 90], (300, 3))
    found = pose(np.stack([seen(tuple(one), distance=distance) for one in angles]))
    assert np.abs(found - angles).max() < most


def test_a_mirrored_face_looks_to_the_other_side() -> None:
    detector = load_face_detector()
    rgb = astronaut()
    ours, mirrored = (pose(detector.find(np.ascontiguousarray(one)).landmarks)[0] for one in (rgb, rgb[:, ::-1]))
    # The detector puts the landmarks of the mirrored picture elsewhere by up to 6 % of the distance between the eyes.
    assert ours == pytest.approx(mirrored * [-1, 1, -1], abs=5)


def test_a_tilted_picture_is_a_tilted_head() -> None:
    upright = load_face_detector().find(astronaut()).landmarks
    roll = pose(upright)[0, 2]
    turned = upright[:, :, ::-1] * [1, -1] + [0, 511]  # by 90 degrees against the clock
    assert pose(turned.astype(np.float32))[0, 2] == pytest.approx(roll + 90, abs=0.01)


def test_landmarks_that_are_none_have_no_angles_and_no_faces_none() -> None:
    assert np.isnan(pose(np.full((1, 5, 2), np.nan, np.float32))).all()
    assert pose(np.empty((0, 5, 2), np.float32)).shape == (0, 3)
