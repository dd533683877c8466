"""Detectors and the embedder of faces say what their published files say, and find no difference in company."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import onnxruntime
import pytest
from skimage import data

from compoundeye.models import FaceDetector, FaceEmbedder, card, load, load_face_detector, load_face_embedder, weights
from compoundeye.models._openvino import supported_precisions
from compoundeye.records import EyeError, ModelIdentity

PICTURE = np.ascontiguousarray(data.astronaut())
LOADERS = {"yunet": load_face_detector, "ultraface": load_face_detector, "sface": load_face_embedder}


@pytest.fixture(scope="module")
def yunet() -> FaceDetector:
    return load_face_detector(precision="fp32")


@pytest.fixture(scope="module")
def sface() -> FaceEmbedder:
    return load_face_embedder(precision="fp32")


@pytest.mark.parametrize("size", [(512, 512), (511, 340), (250, 250), (97, 131)])
def test_yunet_finds_what_opencvs_own_class_finds(yunet: FaceDetector, size: tuple[int, int]) -> None:
    picture = cv2.resize(PICTURE[20:260, 80:330], size, interpolation=cv2.INTER_AREA)
    theirs = cv2.FaceDetectorYN.create(str(weights(card("yunet"))), "", size, 0.6, 0.3, 5000)
    (row,) = theirs.detect(np.ascontiguousarray(picture[:, :, ::-1]))[1]
    ours = yunet.find(picture)
    assert len(ours) == 1
    assert ours.boxes[0] == pytest.approx([row[0], row[1], row[0] + row[2], row[1] + row[3]], abs=0.05)
    assert ours.landmarks.ravel() == pytest.approx(row[4:14], abs=0.05)
    assert ours.scores[0] == pytest.approx(row[14], abs=1e-4)


def test_ultraface_finds_what_its_published_file_finds() -> None:
    picture = cv2.resize(PICTURE, (640, 480))
    session = onnxruntime.InferenceSession(str(weights(card("ultraface"))))
    # detect_imgs_onnx.py of the authors: (pixels - 127) / 128, channels first.
    pixels = ((picture.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]
    scores, boxes = session.run(None, {"input": pixels})
    best = scores[0, :, 1].argmax()
    # Its file knows only 480 rows of pixels; ours is filled up to 512, so the last row of large boxes differs.
    ours = load_face_detector("ultraface", precision="fp32").find(picture)
    assert ours.scores[0] == pytest.approx(scores[0, best, 1], abs=1e-3)
    assert ours.boxes[0] == pytest.approx(boxes[0, best] * [640, 480, 640, 480], abs=1.0)
    assert np.isnan(ours.landmarks).all()


def test_two_detectors_agree_on_one_face(yunet: FaceDetector) -> None:
    (one,), (other,) = yunet.find(PICTURE).boxes, load_face_detector("ultraface").find(PICTURE).boxes
    assert np.abs(one - other).max() < 15


def test_sface_gives_what_its_published_file_gives(sface: FaceEmbedder) -> None:
    crops = np.stack([PICTURE[60:172, 168:280], PICTURE[100:212, 200:312]])
    session = onnxruntime.InferenceSession(str(weights(card("sface"))))
    raw = [session.run(None, {"data": crop.astype(np.float32).transpose(2, 0, 1)[None]})[0][0] for crop in crops]
    ours = sface(crops)
    for one, other in zip(ours, raw, strict=True):
        assert one == pytest.approx(other / np.linalg.norm(other), abs=1e-4)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9, 17])
def test_company_changes_no_embedding(sface: FaceEmbedder, count: int) -> None:
    crops = np.stack([PICTURE[place : place + 112, place * 2 : place * 2 + 112] for place in range(count)] or [[]])
    crops = crops.reshape(count, 112, 112, 3).astype(np.uint8)
    together = sface(crops)
    assert together.shape == (count, 128)
    for crop, embedding in zip(crops, together, strict=True):
        assert sface(crop[None])[0] == pytest.approx(embedding, abs=1e-4)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(count))


def test_pictures_of_several_sizes_in_one_batch_from_several_threads(yunet: FaceDetector) -> None:
    sizes = [(512, 512), (300, 300), (512, 512), (64, 40)]
    pictures = [cv2.resize(PICTURE, size, interpolation=cv2.INTER_AREA) for size in sizes]
    alone = [yunet.find(picture) for picture in pictures]
    with ThreadPoolExecutor(3) as pool:
        for batch in pool.map(lambda _: yunet.batch(pictures), range(6)):
            assert [len(one) for one in batch] == [len(one) for one in alone]
            assert all(np.array_equal(one.boxes, other.boxes) for one, other in zip(batch, alone, strict=True))


@pytest.mark.skipif("bf16" not in supported_precisions(), reason="this processor has no bfloat16")
def test_bfloat16_keeps_faces_where_they_are_and_whose_they_are(yunet: FaceDetector, sface: FaceEmbedder) -> None:
    cheap, full = load_face_detector(precision="bf16").find(PICTURE), yunet.find(PICTURE)
    assert np.abs(cheap.landmarks - full.landmarks).max() < 1
    crop = PICTURE[60:172, 168:280][None]
    assert (load_face_embedder(precision="bf16")(crop) @ sface(crop).T).item() > 0.998


def test_both_carry_their_identity(yunet: FaceDetector, sface: FaceEmbedder) -> None:
    assert yunet.identity == ModelIdentity("yunet", "2023mar", card("yunet").sha256)
    assert (sface.identity.name, sface.dim) == ("sface", 128)


def test_what_is_no_picture_and_no_face_is_refused(yunet: FaceDetector, sface: FaceEmbedder) -> None:
    with pytest.raises(ValueError, match="a picture is uint8"):
        yunet.find(np.zeros((10, 10), np.uint8))
    with pytest.raises(EyeError, match="too many for yunet to look at in one go"):
        yunet.find(np.zeros((3000, 3000, 3), np.uint8))
    with pytest.raises(ValueError, match="faces are uint8"):
        sface(np.zeros((1, 96, 112, 3), np.uint8))


@pytest.mark.parametrize("name", LOADERS)
def test_a_face_model_is_not_loaded_as_something_else(name: str) -> None:
    with pytest.raises(EyeError, match=f"{name} says"):
        load(name)
    wrong = load_face_embedder if name != "sface" else load_face_detector
    with pytest.raises(EyeError, match=f"{name} is no model that"):
        wrong(name)
