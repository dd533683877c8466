"""A head that turns and a photograph that is turned: both before a camera, the photograph's a simulated one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from face_clips import carphone, clip, photograph
from face_samples import astronaut

from compoundeye.apps.face import AttackSigns, turn_check
from compoundeye.models import FaceDetector, load_face_detector
from compoundeye.video import open_source

FRAMES, SECONDS = 45, 4.0


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return load_face_detector()


def of_clip(detector: FaceDetector, path: Path, begin: float) -> AttackSigns:
    """Every other frame of four seconds."""
    landmarks, times = [], []
    with open_source(path, stream="clip", live=False) as source:
        for frame in source.frames():
            if frame.time_s >= begin + SECONDS:
                break
            if frame.time_s >= begin and frame.index % 2 == 0:
                faces = detector.find(frame.image.rgb())
                if len(faces):
                    landmarks.append(faces.landmarks[0])
                    times.append(frame.time_s)
    return turn_check(np.stack(landmarks), np.array(times))


def held(rgb: np.ndarray, yaw: float, pitch: float, shift: float) -> np.ndarray:
    """A photograph before a camera three of its widths away, turned by degrees, with a sensor's noise."""
    rgb = cv2.resize(rgb, (400, round(400 * rgb.shape[0] / rgb.shape[1])), interpolation=cv2.INTER_AREA)
    height, width = rgb.shape[:2]
    a, b = np.deg2rad([yaw, pitch])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    )
    flat = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * [width / 2, height / 2, 0]
    there = flat @ turn.T
    seen = there[:, :2] * 3 * width / (3 * width + there[:, 2:])
    middle = np.array([width, height]) / 2
    matrix = cv2.getPerspectiveTransform(
        (flat[:, :2] + middle).astype(np.float32), (seen + middle + [shift, 0]).astype(np.float32)
    )
    warped = cv2.warpPerspective(rgb, matrix, (width, height), borderValue=(90, 90, 90))
    noise = np.random.default_rng(int(abs(yaw * 1000))).normal(0, 3, warped.shape)
    return np.clip(warped + noise, 0, 255).astype(np.uint8)


def of_photograph(
    detector: FaceDetector, rgb: np.ndarray, way: Callable[[float], tuple[float, float, float]]
) -> AttackSigns:
    landmarks, times = [], np.linspace(0, SECONDS, FRAMES)
    for time in times:
        faces = detector.find(held(rgb, *way(time)))
        landmarks.append(faces.landmarks[0] if len(faces) else np.full((5, 2), np.nan, np.float32))
    return turn_check(np.stack(landmarks), times)


WAYS: dict[str, Callable[[float], tuple[float, float, float]]] = {
    "turned": lambda t: (40 * np.sin(1.6 * t), 0, 0),
    "waved": lambda t: (8 * np.sin(2.2 * t), 8 * np.sin(1.7 * t), 15 * np.sin(2 * t)),
    "still": lambda t: (0.001 * t, 0, 0),
}


@pytest.mark.parametrize("name", ["WolfgangLanger_Pexels.mp4", "cap13_edit2.mp4", "carphone"])
def test_people_who_turn_their_heads_have_turned(detector: FaceDetector, name: str) -> None:
    begin = {"WolfgangLanger_Pexels.mp4": 4.0, "cap13_edit2.mp4": 20.0, "carphone": 0.0}[name]
    signs = of_clip(detector, carphone() if name == "carphone" else clip(name), begin)
    assert signs.verdict == "turned", signs
    assert signs.yaw_span > 18
    assert signs.depth > 0.05


def test_somebody_who_holds_still_is_not_taken_for_a_photograph_nor_passed(detector: FaceDetector) -> None:
    assert of_clip(detector, clip("cap13_edit2.mp4"), 0.0).verdict == "unknown"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["astronaut", "0-f1-su-ph.jpg", "0-f15-hao-ph.jpg"])
def test_no_flat_photograph_has_turned(detector: FaceDetector, name: str, way: str) -> None:
    signs = of_photograph(detector, astronaut() if name == "astronaut" else photograph(name), WAYS[way])
    assert signs.verdict != "turned", signs
    if way == "still":
        assert signs.verdict == "still", signs


def test_too_little_says_nothing() -> None:
    assert turn_check(np.empty((0, 5, 2), np.float32), np.empty(0)).verdict == "unknown"
    landmarks = np.random.default_rng(0).normal(size=(30, 5, 2)).astype(np.float32)
    assert turn_check(landmarks, np.linspace(0, 1, 30)).verdict == "unknown"
    assert turn_check(np.full((40, 5, 2), np.nan, np.float32), np.linspace(0, 5, 40)).verdict == "unknown"


def test_it_is_said_what_gets_through() -> None:
    said = turn_check(np.empty((0, 5, 2), np.float32), np.empty(0)).not_protected
    assert all(word in said for word in ("video", "mask", "bent", "generated"))
