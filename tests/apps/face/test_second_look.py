"""A small or tilted face's landmarks come nearer to where they are; others are left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from face_clips import carphone, photograph
from face_samples import astronaut

from compoundeye.apps.face import align
from compoundeye.apps.face._second_look import second_look
from compoundeye.models import FaceDetector, load_face_detector, load_face_embedder
from compoundeye.records import Faces
from compoundeye.video import open_source


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return load_face_detector()


def smaller(rgb: np.ndarray, eyes_px: float, tilt: float, detector: FaceDetector) -> tuple[np.ndarray, np.ndarray]:
    """A picture with so many pixels between the eyes, tilted by degrees, and where its landmarks are."""
    landmarks = detector.find(rgb).landmarks[0]
    scale = eyes_px / float(np.linalg.norm(landmarks[0] - landmarks[1]))
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    there = (landmarks + 0.5) * scale - 0.5
    turn = cv2.getRotationMatrix2D((small.shape[1] / 2, small.shape[0] / 2), tilt, 1)
    return cv2.warpAffine(small, turn, small.shape[1::-1]), there @ turn[:, :2].T + turn[:, 2]


@pytest.mark.parametrize("tilt", [0, 15, 25])
def test_landmarks_of_small_faces_come_nearer(detector: FaceDetector, tilt: int) -> None:
    first, second = [], []
    pictures = [photograph(name) for name in ("0-f1-su-ph.jpg", "0-f15-hao-ph.jpg", "15-f13-anc-ph.jpg")]
    for rgb in pictures:
        for eyes_px in (18, 24, 30):
            small, truth = smaller(rgb, eyes_px, tilt, detector)
            found = detector.find(small)
            assert len(found) == 1
            again = second_look(detector, small, found)
            for errors, faces in ((first, found), (second, again)):
                errors.append(np.linalg.norm(faces.landmarks[0] - truth, axis=1).mean() / eyes_px)
    assert np.mean(second) < np.mean(first)
    assert np.mean(second) < 0.1


def test_faces_of_one_person_on_a_small_clip_become_more_alike(detector: FaceDetector) -> None:
    embedder = load_face_embedder()
    plain, again = [], []
    with open_source(carphone(), stream="car", live=False) as source:
        for frame in source.frames():
            if frame.index % 6 == 0:
                rgb = frame.image.rgb()
                found = detector.find(rgb)[:1]
                plain.append(embedder(align(rgb, found.landmarks))[0])
                again.append(embedder(align(rgb, second_look(detector, rgb, found).landmarks))[0])
    before, after = (float(np.mean(np.stack(one) @ np.stack(one).T)) for one in (plain, again))
    assert after > before + 0.05


def test_large_faces_and_no_faces_are_left_alone(detector: FaceDetector) -> None:
    large = photograph("0-f1-su-ph.jpg")
    found = detector.find(large)
    assert second_look(detector, large, found) is found
    assert len(second_look(detector, large, Faces.none())) == 0


def test_what_is_no_face_keeps_what_it_had(detector: FaceDetector) -> None:
    face = detector.find(astronaut())[:1]
    elsewhere = Faces(face.boxes, face.scores, face.landmarks - [180, -250])
    after = second_look(detector, astronaut(), elsewhere)
    assert (after.landmarks == elsewhere.landmarks).all()
