"""A camera that moves: its motion is told from the picture, and taken out of everybody's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from compoundeye.records import Detections, Frame
from compoundeye.video import tracker
from compoundeye.video._camera import Camera
from compoundeye.video._kalman import STATE_ROWS, start
from compoundeye.video._pool import filters_moved


class Still:
    """An image that is there."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels
        self.height, self.width = pixels.shape[:2]

    def rgb(self, width: int | None = None, height: int | None = None) -> np.ndarray:
        if width is None or height is None:
            return self._pixels
        return cv2.resize(self._pixels, (width, height), interpolation=cv2.INTER_AREA)


def wall(seed: int = 3) -> np.ndarray:
    """Something to look at: blurred noise, 1600 x 1200."""
    noise = np.random.default_rng(seed).integers(0, 255, (150, 200, 3), np.uint8)
    return cv2.resize(noise, (1600, 1200), interpolation=cv2.INTER_CUBIC)


def view(motion: np.ndarray) -> Still:
    """640 x 480 of the wall, from a camera under which it moved by a [2, 3] similarity."""
    placed = np.array(motion, np.float64)
    placed[:, 2] -= placed[:, :2] @ [400, 300]
    return Still(cv2.warpAffine(wall(), placed, (640, 480)))


NOBODY = np.empty((0, 4), np.float32)


@pytest.mark.parametrize(
    "motion",
    [
        [[1, 0, 0], [0, 1, 0]],
        [[1, 0, 9], [0, 1, -5]],
        [[1.02, 0, -6], [0, 1.02, -4]],
        [[np.cos(0.02), -np.sin(0.02), 5], [np.sin(0.02), np.cos(0.02), -3]],
    ],
    ids=["still", "pan", "zoom", "roll"],
)
def test_motion_is_told_within_half_a_pixel(motion: list[list[float]]) -> None:
    camera = Camera()
    assert camera.motion(view(np.array([[1, 0, 0], [0, 1, 0]])), NOBODY) is None
    told = camera.motion(view(np.array(motion)), NOBODY)
    assert told is not None
    places = np.array([[100, 100, 1], [500, 100, 1], [320, 400, 1]]).T
    np.testing.assert_allclose(told @ places, np.array(motion) @ places, atol=0.5)


def test_a_crowd_that_walks_is_not_the_camera() -> None:
    """Half of the picture moves, inside a box: what is looked at stands still."""
    pixels = view(np.array([[1, 0, 0], [0, 1, 0]])).rgb().copy()
    moved = pixels.copy()
    moved[:, :320] = np.roll(pixels[:, :320], 12, axis=1)
    crowd = np.array([[0, 0, 322, 480]], np.float32)
    camera = Camera()
    camera.motion(Still(pixels), crowd)
    told = camera.motion(Still(moved), crowd)
    np.testing.assert_allclose(told, [[1, 0, 0], [0, 1, 0]], atol=0.1)


@pytest.mark.parametrize("pixels", [np.zeros((480, 640, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)])
def test_where_nothing_is_to_be_seen_nothing_is_told(pixels: np.ndarray) -> None:
    camera = Camera()
    assert [camera.motion(Still(pixels), NOBODY) for _ in range(3)] == [None, None, None]


def test_a_filter_goes_along_with_its_spread() -> None:
    """Turned by a right angle and doubled: a place moves, a velocity turns, variances are squared lengths."""
    state = np.zeros((STATE_ROWS, 1), np.float32)
    start(state, np.array([[10], [20], [30], [40]], np.float32))
    state[4:8, 0] = [1, 0, 0.5, 0.5]
    before = state.copy()
    filters_moved(state, np.array([[0, -2, 100], [2, 0, 200]], np.float32))
    np.testing.assert_allclose(state[:4, 0], [60, 220, 60, 80], rtol=1e-6)
    np.testing.assert_allclose(state[4:8, 0], [0, 2, 1, 1], atol=1e-6)
    np.testing.assert_allclose(state[8:], before[8:] * 4, rtol=1e-6)


@pytest.mark.parametrize("name", ["bytetrack", "ocsort", "sort"])
def test_a_swaying_camera_loses_nobody(name: str) -> None:
    """Two small people stand; the picture jumps by 3/4 of their width and back. Without compensation they are lost."""
    ids = {}
    for moving in (True, False):
        follow = tracker(name, {"moving_camera": moving})
        told = set[int]()
        for frame in range(24):
            shift = 30.0 if frame % 6 in (3, 4, 5) else 0.0
            boxes = np.array([[200, 200, 224, 260], [400, 250, 424, 310]], np.float32) + np.float32([shift, 0] * 2)
            found = Detections(boxes, np.full(2, 0.9, np.float32), np.zeros(2, np.int32), ("person",))
            image = view(np.array([[1, 0, shift], [0, 1, 0]]))
            tracks = follow.update(found, frame / 30, Frame("s", frame, frame / 30, 0.0, image))
            told |= set(tracks.ids.tolist())
        ids[moving] = told
    assert ids[True] == {1, 2}
    assert len(ids[False]) > 2
