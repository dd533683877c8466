"""A face is found whatever its size, wherever it lies and whichever way up, once; and where none is, none is found."""

from __future__ import annotations

import io
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from face_samples import astronaut
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from compoundeye.apps.face import FacePipeline
from compoundeye.apps.face._levels import levels, parts
from compoundeye.apps.face._views import turned_back
from compoundeye.models import load_face_detector, load_face_embedder
from compoundeye.pixels import decode
from compoundeye.records import EyeError, Faces

UInt8 = npt.NDArray[np.uint8]
# By eye: the astronaut's eyes, in pixels of 512 x 512.
EYES = np.array([[200, 102], [247, 103]], np.float32)
FACE_PX = 90


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return FacePipeline(load_face_detector(), load_face_embedder())


def resized(rgb: UInt8, scale: float) -> UInt8:
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=kind), np.uint8)


def one_face_is_where_it_is(faces: Faces, scale: float, shift: tuple[float, float] = (0, 0)) -> None:
    eyes = np.array([face.landmarks[0, :2] for face in (faces[[place]] for place in range(len(faces)))])
    near = np.abs(eyes - (EYES * scale + shift)).max(axis=(1, 2)) < 0.15 * FACE_PX * scale
    assert near.sum() == 1


@settings(max_examples=25, deadline=None)
@given(st.floats(20 / FACE_PX, 8))
def test_the_face_is_found_at_any_size(pipeline: FacePipeline, scale: float) -> None:
    one_face_is_where_it_is(pipeline.find(resized(astronaut(), scale)), scale)


def test_a_portrait_of_24_megapixels_is_found_and_is_the_same_person(pipeline: FacePipeline) -> None:
    close = astronaut()[20:220, 120:320]
    portrait = resized(close, 24.5)
    assert portrait.shape[0] * portrait.shape[1] > 24e6
    found, there = pipeline.faces(portrait), pipeline.faces(astronaut())
    one_face_is_where_it_is(found.faces, 24.5, (-120 * 24.5, -20 * 24.5))
    assert (found.embeddings @ there.embeddings[0]).max() > 0.9


def test_crops_of_25_pixels_that_are_all_face(pipeline: FacePipeline) -> None:
    """The first 100 of scikit-image's lfw_subset are grey faces of LFW, the other 100 parts of other things."""
    pictures = (data.lfw_subset() * 255).astype(np.uint8)
    counts = [len(pipeline.find(np.repeat(one[:, :, None], 3, axis=2))) for one in pictures]
    assert counts[:100] == [1] * 100
    assert sum(counts[100:]) <= 1


@pytest.mark.parametrize("width", [92, 60, 200])
def test_a_narrow_grey_crop(pipeline: FacePipeline, width: int) -> None:
    """As in the database of faces of AT&T: 92 pixels wide, all of it one head."""
    head = cv2.cvtColor(astronaut()[40:205, 155:290], cv2.COLOR_RGB2GRAY)
    crop = cv2.resize(head, (width, round(width * 112 / 92)), interpolation=cv2.INTER_AREA)
    assert len(pipeline.find(np.repeat(crop[:, :, None], 3, axis=2))) == 1


def crowd(width: int, height: int, face: int, count: int) -> tuple[UInt8, npt.NDArray[np.float64]]:
    """``count`` small astronauts on grey, and where their eyes are [count, 2, 2]."""
    scale = face / FACE_PX
    head = resized(astronaut()[30:230, 130:310], scale)
    out = np.full((height, width, 3), 120, np.uint8)
    rng = np.random.default_rng(7)
    columns, rows = width // (head.shape[1] + 8), height // (head.shape[0] + 8)
    places = rng.permutation(columns * rows)[:count]
    lefts = places % columns * (head.shape[1] + 8)
    tops = places // columns * (head.shape[0] + 8)
    for left, top in zip(lefts, tops, strict=True):
        out[top : top + head.shape[0], left : left + head.shape[1]] = head
    corners = np.stack([lefts, tops], axis=1)
    return out, (EYES - [130, 30]) * scale + corners[:, None]


@pytest.mark.parametrize(("size", "face", "count"), [((1600, 1200), 40, 200), ((8000, 6000), 20, 60)])
def test_everybody_of_a_crowd_is_found_once(
    pipeline: FacePipeline, size: tuple[int, int], face: int, count: int
) -> None:
    picture, eyes = crowd(*size, face, count)
    faces = pipeline.find(picture)
    away = np.abs(faces.landmarks[None, :, :2] - eyes[:, None]).max(axis=(2, 3)) < 0.2 * face
    assert (away.sum(axis=1) == 1).sum() >= 0.95 * count
    assert (away.sum(axis=1) <= 1).all()
    assert len(faces) <= count * 1.05


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_on_its_side_shows_the_same_person(pipeline: FacePipeline, turns: int) -> None:
    """A detector that finds a face head down puts its eyes where its mouth is: the template would be nobody's."""
    turned = pipeline.faces(np.ascontiguousarray(np.rot90(astronaut(), turns)))
    assert len(turned) == 1
    assert turned.embeddings[0] @ pipeline.faces(astronaut()).embeddings[0] > 0.9


@pytest.mark.parametrize("degrees", [20, 45, 60, 125, 200, 320])
def test_a_tilted_face_is_the_same_person(pipeline: FacePipeline, degrees: int) -> None:
    """A detector takes a tilted face for a more level one: by its own landmarks the template is nobody's."""
    there = cv2.getRotationMatrix2D((223.0, 115.0), degrees, 1)
    there[:, 2] += [80, 150]
    found = pipeline.faces(np.asarray(cv2.warpAffine(astronaut(), there, (600, 560)), np.uint8))
    eyes = EYES @ there[:, :2].T + there[:, 2]
    assert len(found) == 1
    assert np.abs(found.faces.landmarks[0, :2] - eyes).max() < 0.15 * FACE_PX
    assert found.embeddings[0] @ pipeline.faces(astronaut()).embeddings[0] > 0.8
    assert found.confirmed is not None
    assert found.confirmed.all()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_picture_turned_by_exif_is_upright(pipeline: FacePipeline, orientation: int) -> None:
    back = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]
    image, stream = Image.fromarray(np.rot90(astronaut(), back)), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(stream, "JPEG", quality=95, exif=exif)
    one_face_is_where_it_is(pipeline.find(decode(stream.getvalue())), 1)


def test_a_mirrored_picture_shows_the_right_eye_as_the_right_eye(pipeline: FacePipeline) -> None:
    (landmarks,) = pipeline.find(np.ascontiguousarray(astronaut()[:, ::-1])).landmarks
    assert landmarks[0, 0] < landmarks[1, 0]
    assert landmarks[3, 0] < landmarks[4, 0]


def test_a_covered_mouth_is_still_a_face(pipeline: FacePipeline) -> None:
    masked = astronaut().copy()
    cv2.fillConvexPoly(masked, np.array([(185, 122), (262, 122), (250, 172), (200, 172)]), (120, 170, 200))
    assert len(pipeline.find(masked)) == 1


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "brick", "gravel", "page"])
def test_pictures_of_nobody(pipeline: FacePipeline, name: str) -> None:
    pixels = getattr(data, name)()
    rgb = np.ascontiguousarray(np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels[:, :, :3])
    found = pipeline.faces(rgb)
    assert len(found) == 0
    assert found.crops.shape == (0, 112, 112, 3)
    assert found.embeddings.shape == (0, 128)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 5)])
def test_pictures_of_hardly_any_pixels(pipeline: FacePipeline, shape: tuple[int, int]) -> None:
    assert len(pipeline.find(np.full((*shape, 3), 90, np.uint8))) == 0


def test_a_batch_finds_what_each_picture_holds(pipeline: FacePipeline) -> None:
    pictures = [astronaut(), np.zeros((50, 70, 3), np.uint8), resized(astronaut(), 0.6)]
    together = pipeline.batch(pictures)
    assert [len(found) for found in together] == [1, 0, 1]
    for one, picture in zip(together, pictures, strict=True):
        alone = pipeline.faces(picture)
        assert np.array_equal(one.crops, alone.crops)
        assert np.allclose(one.embeddings, alone.embeddings, atol=0.02)
    assert pipeline.batch([]) == []


def test_a_detector_without_landmarks_and_faces_of_no_size_are_refused() -> None:
    embedder = load_face_embedder()
    with pytest.raises(EyeError, match="ultraface finds no landmarks"):
        FacePipeline(load_face_detector("ultraface"), embedder).find(astronaut())
    with pytest.raises(EyeError, match="choose 1 or more"):
        FacePipeline(load_face_detector(), embedder, smallest=0).find(astronaut())


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.floats(4, 200))
def test_levels_cover_the_picture_and_cost_is_bounded(width: int, height: int, smallest: float) -> None:
    plan = levels(width, height, smallest)
    for level in plan:
        for part in level.parts:
            assert part.left >= 0
            assert part.top >= 0
            assert part.left + part.width <= level.width
            assert part.top + part.height <= level.height
        assert len({(part.width, part.height) for part in level.parts}) == 1
    looked_at = sum(part.width * part.height for level in plan for part in level.parts)
    finest = max(width * height * min(1, 16 / smallest) ** 2, 640 * 640)
    assert looked_at <= 1.7 * finest + 4 * (width + height) + 10_000
    assert max(plan[-1].width, plan[-1].height) <= 400


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_neighbouring_parts_share_what_a_face_needs(width: int, height: int) -> None:
    covered = parts(width, height)
    lefts = sorted({part.left for part in covered})
    assert all(other - one <= covered[0].width - 159 for one, other in pairwise(lefts))


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turning_back_points_at_the_same_pixel(turns: int) -> None:
    rng = np.random.default_rng(turns)
    picture = rng.permutation(40 * 30).reshape(30, 40)
    seen = np.rot90(picture, turns)
    x, y = int(rng.integers(seen.shape[1])), int(rng.integers(seen.shape[0]))
    faces = Faces(np.array([[x, y, x, y]], np.float32), np.ones(1, np.float32), np.full((1, 5, 2), (x, y), np.float32))
    back = turned_back(faces, turns, 40, 30)
    left, top = back.landmarks[0, 0].astype(int)
    assert picture[top, left] == seen[y, x]
    assert back.boxes[0].tolist() == [left, top, left, top]
