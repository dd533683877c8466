"""Quality falls with what makes faces hard to compare, on real faces; and what it does not see is written down."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from face_clips import photograph
from face_samples import astronaut
from scipy.stats import spearmanr

from compoundeye.apps.face import FacePipeline, Quality, align, assess
from compoundeye.models import load_face_detector, load_face_embedder
from compoundeye.records import Faces

UInt8 = np.ndarray
Worse = Callable[[UInt8, float], UInt8]
"""A picture and the pixels between the eyes, to a worse picture."""
PICTURES = ("multi_face.jpg", "single_face.jpg", "0-f1-su-ph.jpg", "0-f15-hao-ph.jpg", "15-f13-anc-ph.jpg")


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return FacePipeline(load_face_detector(), load_face_embedder())


def one_face(pipeline: FacePipeline, rgb: UInt8) -> tuple[UInt8, Faces]:
    found = pipeline.faces(rgb)
    return found.crops[:1], found.faces[:1]


def scaled(by: float) -> Worse:
    def worse(rgb: UInt8, eyes: float) -> UInt8:
        return cv2.resize(rgb, None, fx=by / eyes, fy=by / eyes, interpolation=cv2.INTER_AREA)

    return worse


def pixels(change: Callable[[UInt8], UInt8]) -> Worse:
    return lambda rgb, _: np.clip(change(rgb.astype(np.float32)), 0, 255).astype(np.uint8)


def blurred(by: float) -> Worse:
    return lambda rgb, eyes: cv2.GaussianBlur(rgb, (0, 0), by * eyes / 100)


def shaded(to: float) -> Worse:
    return pixels(lambda rgb: rgb * np.linspace(1, to, rgb.shape[1])[None, :, None])


WORSE: dict[str, list[Worse]] = {
    "sharpness": [blurred(by) for by in (1, 2, 4, 6, 9)],
    "inter_eye_px": [scaled(by) for by in (40, 30, 20, 14, 10, 7)],
    "exposure": [pixels(lambda rgb, by=by: rgb * by) for by in (0.5, 0.25, 0.12, 0.06)],
    "contrast": [pixels(lambda rgb, by=by: (rgb - 128) * by + 128) for by in (0.5, 0.25, 0.12, 0.06)],
    "illumination": [shaded(to) for to in (0.5, 0.2, 0.0)],
}


def made_worse(rgb: UInt8, face: Faces, worse: Worse) -> tuple[UInt8, Quality]:
    """The aligned face of a worse picture, and its quality, with the landmarks of the good one."""
    eyes = float(np.linalg.norm(face.landmarks[0, 0] - face.landmarks[0, 1]))
    out = worse(rgb, eyes)
    scale = np.array([out.shape[1] / rgb.shape[1], out.shape[0] / rgb.shape[0]])
    landmarks = ((face.landmarks + 0.5) * scale - 0.5).astype(np.float32)
    crops = align(out, landmarks)
    moved = Faces(face.boxes, face.scores, landmarks)
    return crops, assess(crops, moved, size=(out.shape[1], out.shape[0]))


@pytest.mark.parametrize("component", WORSE)
def test_each_component_falls_step_by_step_with_what_it_measures(pipeline: FacePipeline, component: str) -> None:
    crops, face = one_face(pipeline, astronaut())
    steps = [made_worse(astronaut(), face, worse)[1] for worse in WORSE[component]]
    values = [float(getattr(one, component)[0]) for one in steps]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.95 * values[0]
    assert steps[-1].overall[0] < steps[0].overall[0] < assess(crops, face).overall[0] + 1


def test_the_overall_score_ranks_faces_as_the_embedder_suffers(pipeline: FacePipeline) -> None:
    cosines, scores = [], []
    for rgb in (astronaut(), *map(photograph, PICTURES)):
        found = pipeline.faces(rgb)
        for at in range(len(found)):
            for worse in (worse for steps in WORSE.values() for worse in steps):
                crops, quality = made_worse(rgb, found.faces[at : at + 1], worse)
                cosines.append(float(pipeline.embedder(crops)[0] @ found.embeddings[at]))
                scores.append(float(quality.overall[0]))
    assert spearmanr(cosines, scores).statistic > 0.85


def test_noise_is_not_seen_as_documented(pipeline: FacePipeline) -> None:
    crops, face = one_face(pipeline, astronaut())
    noise = np.random.default_rng(0).normal(0, 25, astronaut().shape)
    noisy, quality = made_worse(astronaut(), face, pixels(lambda rgb: rgb + noise))
    assert float(pipeline.embedder(noisy)[0] @ pipeline.embedder(crops)[0]) < 0.97
    assert quality.overall[0] == pytest.approx(assess(crops, face).overall[0], abs=3)


def test_what_is_beyond_the_edge_is_told_from_what_is_black(pipeline: FacePipeline) -> None:
    _, face = one_face(pipeline, astronaut())
    middle = int(face.landmarks[0, 2, 0])
    half = np.ascontiguousarray(astronaut()[:, :middle])
    crops = align(half, face.landmarks)
    known = assess(crops, face, size=(half.shape[1], half.shape[0]))
    assert known.inside[0] == pytest.approx(0.5, abs=0.1)
    assert assess(crops, face).inside[0] == 1
    # Whatever is beyond the edge, light and contrast are those of what is within.
    beyond = align(np.full_like(half, 255), face.landmarks) == 0
    white = assess(np.where(beyond, np.uint8(255), crops), face, size=(half.shape[1], half.shape[0]))
    assert white.exposure[0] == pytest.approx(known.exposure[0], abs=0.5)
    assert white.contrast[0] == pytest.approx(known.contrast[0], abs=0.5)
    assert known.overall[0] < 0.6 * assess(align(astronaut(), face.landmarks), face, size=(512, 512)).overall[0]


def dark_glasses(rgb: UInt8, face: Faces) -> UInt8:
    drawn, eyes = rgb.copy(), face.landmarks[0, :2]
    for eye in eyes:
        cv2.circle(drawn, tuple(map(int, eye)), int(0.4 * np.linalg.norm(eyes[0] - eyes[1])), (12, 12, 14), -1)
    return drawn


def blue_mask(rgb: UInt8, face: Faces) -> UInt8:
    drawn = rgb.copy()
    left, _, right, bottom = map(int, face.boxes[0])
    cv2.rectangle(drawn, (left, int(face.landmarks[0, 2, 1])), (right, bottom), (120, 160, 200), -1)
    return drawn


def test_drawn_sunglasses_and_masks_raise_the_hint_and_bare_faces_do_not(pipeline: FacePipeline) -> None:
    bare, glasses, masks = [], [], []
    for rgb in (astronaut(), *map(photograph, ("0-f1-su-ph.jpg", "0-f15-hao-ph.jpg", "15-f13-anc-ph.jpg"))):
        _, face = one_face(pipeline, rgb)
        bare.append(assess(align(rgb, face.landmarks), face))
        glasses.append(assess(align(dark_glasses(rgb, face), face.landmarks), face))
        masks.append(assess(align(blue_mask(rgb, face), face.landmarks), face))
    assert max(one.eyes_covered[0] for one in bare) < 0.2
    assert max(one.mouth_covered[0] for one in bare) < 0.2
    assert min(one.eyes_covered[0] for one in glasses) > 0.8
    assert min(one.mouth_covered[0] for one in masks) > 0.8


def test_many_faces_are_assessed_as_one_by_one_and_none_as_none(pipeline: FacePipeline) -> None:
    found = pipeline.faces(photograph("multi_face.jpg"))
    together = found.quality
    assert (together.overall == assess(found.crops, found.faces, size=found.size).overall).all()
    doubted = assess(found.crops, found.faces, confirmed=np.zeros(len(found), np.bool_))
    assert (doubted.overall < together.overall).all()
    assert len(together) == 5
    for at in range(5):
        alone = assess(found.crops[at : at + 1], found.faces[at : at + 1])
        assert alone.row(0) == pytest.approx(together.row(at), rel=1e-4, abs=1e-3)
    assert together[together.overall > 1000].overall.shape == (0,)
    assert len(assess(found.crops[:0], Faces.none())) == 0


def test_a_black_crop_is_worth_nothing_and_does_not_fail() -> None:
    face = Faces(np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros((1, 5, 2), np.float32))
    quality = assess(np.zeros((1, 112, 112, 3), np.uint8), face)
    assert quality.overall[0] == pytest.approx(0, abs=0.5)


def test_crops_and_faces_must_belong_together(pipeline: FacePipeline) -> None:
    crops, _ = one_face(pipeline, astronaut())
    with pytest.raises(ValueError, match="0 faces need crops"):
        assess(crops, Faces.none())
