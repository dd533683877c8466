"""Boxes of pictures: the same pixels as from the whole picture, whatever is left undecoded."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from compoundeye.pixels import PictureError, crop_box, decode

JPEGS = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
}


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("box", [(10, 0, 100, 16), (3, 5, 64, 123), (0, 0, 451, 160), (200, 150, 251, 150)])
def test_a_box_at_its_own_size_is_cut_from_the_whole(photos, encode, kind, box):
    data = encode(photos["chelsea"], "JPEG", quality=90, **JPEGS[kind])
    left, top, w, h = box
    np.testing.assert_array_equal(crop_box(data, box, (h, w)), decode(data)[top : top + h, left : left + w])


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_ink(photos, encode, mode):
    data = encode(Image.fromarray(photos["chelsea"]).convert(mode), "JPEG", quality=90)
    np.testing.assert_array_equal(crop_box(data, (7, 20, 80, 90), (90, 80)), decode(data)[20:110, 7:87])


@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("flip", [False, True])
def test_boxes_lie_in_the_picture_as_displayed(photos, encode, name, orientation, flip):
    data = encode(photos["chelsea"][:120, :90], name, orientation=orientation)
    whole = decode(data)
    box = (11, 6, 50, 30)
    wanted = whole[6:36, 11:61]
    out = np.full((30, 50, 3), 7, np.uint8)
    assert crop_box(data, box, (30, 50), out=out, flip=flip) is out
    np.testing.assert_array_equal(out, wanted[:, ::-1] if flip else wanted)
    np.testing.assert_array_equal(crop_box(data, box, (30, 50), flip=flip), out)


@pytest.mark.parametrize("scale", [0.7, 1.3, 2.5, 4.2])
def test_reducing_is_close_to_pillow(photos, encode, scale):
    image = Image.fromarray(photos["china"])
    data = encode(image.resize((round(640 * scale), round(427 * scale))), "JPEG", quality=92)
    w, h = round(320 * scale), round(300 * scale)
    box = (round(100 * scale), round(50 * scale), w, h)
    wanted = np.asarray(
        Image.open(BytesIO(data)).resize(
            (224, 224), Image.Resampling.BILINEAR, box=(box[0], box[1], box[0] + w, box[1] + h)
        )
    )
    assert np.abs(crop_box(data, box, (224, 224)).astype(int) - wanted).mean() < 3.5


@settings(max_examples=80, deadline=None)
@given(numbers=st.data(), orientation=st.integers(1, 8), subsampling=st.sampled_from([0, 1, 2]))
def test_any_box_of_any_jpeg_is_that_of_the_whole(encode, numbers, orientation, subsampling):
    width, height = numbers.draw(st.integers(1, 130)), numbers.draw(st.integers(1, 130))
    rng = np.random.default_rng(width * 131 + height)
    data = encode(
        rng.integers(0, 256, (height, width, 3), np.uint8), "JPEG", orientation=orientation, subsampling=subsampling
    )
    whole = decode(data)
    left, top = numbers.draw(st.integers(0, whole.shape[1] - 1)), numbers.draw(st.integers(0, whole.shape[0] - 1))
    w = numbers.draw(st.integers(1, whole.shape[1] - left))
    h = numbers.draw(st.integers(1, whole.shape[0] - top))
    found = crop_box(data, lambda *_: (left, top, w, h), (h, w))
    np.testing.assert_array_equal(found, whole[top : top + h, left : left + w])


def _scan_at(data: bytes) -> int:
    at = data.index(b"\xff\xda")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


@pytest.mark.parametrize("kind", JPEGS)
def test_a_file_cut_anywhere_is_truncated_even_below_the_box(photos, encode, kind):
    data = encode(photos["chelsea"], "JPEG", quality=90, **JPEGS[kind])
    for share in (0.05, 0.3, 0.6, 0.95):
        cut = data[: _scan_at(data) + int((len(data) - _scan_at(data)) * share)].rstrip(b"\xff")
        with pytest.raises(PictureError, match=r"^truncated JPEG$"):
            crop_box(cut, (0, 0, 200, 100), (100, 200))


@pytest.mark.parametrize("marker", [b"\xff\xd9", b"\xff\xd3", b"\xff\xda", b"\xff\x01"])
@pytest.mark.parametrize("kind", ["4:2:0", "restarts"])
def test_a_marker_within_the_scan_above_the_bottom_is_damage(photos, encode, kind, marker):
    data = encode(photos["chelsea"], "JPEG", quality=90, **JPEGS[kind])
    at = _scan_at(data) + 300
    with pytest.raises(PictureError, match=r"^(corrupt|truncated) JPEG$"):
        crop_box(data[:at] + marker + data[at + 2 :], (0, 60, 200, 100), (100, 200))


def test_damage_gives_the_pixels_of_a_full_decode_or_is_refused_by_both(photos, encode):
    data = bytearray(encode(photos["chelsea"], "JPEG", quality=80))
    rng = np.random.default_rng(0)
    agreed = refused = 0
    for _ in range(150):
        damaged = bytearray(data)
        at, length = int(rng.integers(_scan_at(bytes(data)), len(data) // 2)), int(rng.integers(1, 60))
        damaged[at : at + length] = rng.bytes(length)
        found, whole = _tried(crop_box, bytes(damaged), (20, 30, 90, 80), (80, 90)), _tried(decode, bytes(damaged))
        if found is None:
            assert whole is None
            refused += 1
        elif whole is not None:  # else the damage showed only below the box
            np.testing.assert_array_equal(found, whole[30:110, 20:110])
            agreed += 1
    assert agreed > 10
    assert refused > 10


def _tried(way, *arguments):
    try:
        return way(*arguments)
    except PictureError:
        return None


@pytest.mark.parametrize("box", [(-1, 0, 5, 5), (0, 0, 0, 5), (0, 0, 5, 31), (26, 0, 5, 5)])
def test_a_box_outside_of_the_picture_is_the_callers_mistake(encode, box):
    data = encode(np.zeros((30, 30, 3), np.uint8), "JPEG")
    with pytest.raises(ValueError, match="does not lie within a picture of 30 x 30"):
        crop_box(data, box, (4, 4))


def test_out_must_fit(encode):
    data = encode(np.zeros((30, 30, 3), np.uint8), "JPEG")
    for out in (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 4, 3), np.int8), np.zeros((4, 8, 3), np.uint8)[:, ::2]):
        with pytest.raises(ValueError, match="out must be"):
            crop_box(data, (0, 0, 9, 9), (4, 4), out=out)
    with pytest.raises(ValueError, match="at least 1"):
        crop_box(data, (0, 0, 9, 9), (0, 4))
