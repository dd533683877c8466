"""An aligned face is where an embedder wants it, and what OpenCV makes of the same landmarks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from face_samples import astronaut, sface_file

from compoundeye.apps.face import align
from compoundeye.apps.face._align import misfit, similarities
from compoundeye.models import load_face_embedder

RIGHT, LEFT = (200.1, 101.8), (247.1, 102.6)
LANDMARKS = np.array([[RIGHT, LEFT, (220.4, 124.5), (198.6, 142.8), (239.7, 143.6)]], np.float32)


def opencv_row(landmarks: np.ndarray) -> np.ndarray:
    """A face as ``FaceRecognizerSF`` takes it: box, five points, score."""
    return np.concatenate([[0, 0, 1, 1], landmarks.ravel(), [1]]).astype(np.float32)


def test_the_crop_is_opencvs_within_rounding() -> None:
    rgb = astronaut()
    theirs = cv2.FaceRecognizerSF.create(sface_file(), "").alignCrop(rgb, opencv_row(LANDMARKS[0]))
    ours = align(rgb, LANDMARKS)[0]
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_the_embedding_is_opencvs() -> None:
    rgb = astronaut()
    recogniser = cv2.FaceRecognizerSF.create(sface_file(), "")
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    theirs = recogniser.feature(recogniser.alignCrop(bgr, opencv_row(LANDMARKS[0])))[0]
    ours = load_face_embedder(precision="fp32")(align(rgb, LANDMARKS))[0]
    assert ours @ (theirs / np.linalg.norm(theirs)) > 0.9999


@pytest.mark.parametrize("turn", [0, 37, 90, 180, 251])
@pytest.mark.parametrize("scale", [0.2, 1.0, 7.5])
def test_any_similarity_is_undone(turn: float, scale: float) -> None:
    known = similarities(LANDMARKS)[0]
    angle = np.radians(turn)
    motion = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (LANDMARKS @ motion.T + [31, -7]).astype(np.float32)
    there = similarities(moved)[0]
    assert np.allclose(there[:, :2] @ motion, known[:, :2], atol=1e-5)
    assert misfit(moved) == pytest.approx(misfit(LANDMARKS), abs=1e-3)


def test_a_mirrored_set_of_landmarks_is_not_reflected_but_told_by_its_misfit() -> None:
    swapped = LANDMARKS[:, [1, 0, 2, 4, 3]]
    assert np.linalg.det(similarities(swapped)[0][:, :2]) > 0
    assert misfit(swapped)[0] > 3 * misfit(LANDMARKS)[0]


@pytest.mark.parametrize("factor", [2, 3, 8])
def test_a_large_face_looks_as_its_averaged_picture_does(factor: int) -> None:
    """The face is averaged before the warp: enlarging the picture changes next to nothing."""
    rgb = astronaut()[40:220, 120:320]
    points = LANDMARKS - np.float32([120, 40])
    height, width = rgb.shape[:2]
    large = cv2.resize(rgb, (width * factor * 2, height * factor * 2), interpolation=cv2.INTER_CUBIC)
    there = ((points + 0.5) * factor * 2 - 0.5).astype(np.float32)
    difference = np.abs(align(large, there).astype(int) - align(rgb, points))
    assert difference.mean() < 3


def test_no_landmarks_no_faces_and_nonsense_is_refused() -> None:
    rgb = astronaut()
    assert align(rgb, np.empty((0, 5, 2), np.float32)).shape == (0, 112, 112, 3)
    for nonsense in (np.full((1, 5, 2), np.nan, np.float32), np.full((1, 5, 2), 7, np.float32)):
        with pytest.raises(ValueError, match="no face's"):
            align(rgb, nonsense)


def test_a_face_outside_the_picture_is_black() -> None:
    assert not align(astronaut(), LANDMARKS + 5000).any()
    assert not align(astronaut(), LANDMARKS * 40 + 90000).any()
