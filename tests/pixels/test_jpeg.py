"""JPEG: parity with Pillow where both agree on what is right, and strictness where Pillow is not."""

import random
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from compoundeye.pixels import PictureError, crop_resize, decode, look, probe
from compoundeye.pixels._jpeg import cheapest_scale


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def sampled(data: bytes, *factors: int) -> bytes:
    """The same entropy-coded data under other sampling factors (T.81 B.2.2): scrambled, but a valid layout."""
    patched = bytearray(data)
    at = patched.index(b"\xff\xc0")
    for component, factor in enumerate(factors):
        patched[at + 11 + 3 * component] = factor
    return bytes(patched)


KINDS = {
    "4:4:4": {"subsampling": "4:4:4"},
    "4:2:2": {"subsampling": "4:2:2"},
    "4:2:0": {"subsampling": "4:2:0"},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
    "restart markers": {"restart_marker_rows": 1},
    "stored as RGB": {"keep_rgb": True},
    "coarse": {"quality": 20},
}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())
def test_decoding_equals_pillow_to_the_bit(photos, encode, options):
    data = encode(photos["chelsea"], "JPEG", **options)
    np.testing.assert_array_equal(decode(data), by_pillow(data))


def test_grey_and_cmyk_equal_pillow(photos, encode):
    for mode in ("L", "CMYK"):
        data = encode(Image.fromarray(photos["coffee"]).convert(mode), "JPEG")
        assert probe(data).mode == mode
        np.testing.assert_array_equal(decode(data), by_pillow(data))


def test_a_chroma_layout_without_a_name_is_decoded_all_the_same(photos, encode):
    data = sampled(encode(photos["astronaut"][:384, :480], "JPEG", subsampling="4:4:4"), 0x31, 0x11, 0x11)
    np.testing.assert_array_equal(decode(data), by_pillow(data))
    assert decode(data, at_least=96).shape == (96, 120, 3)
    assert crop_resize(data, 64, 0.875).shape == (64, 64, 3)


@given(side=st.integers(1, 70_000), at_least=st.integers(1, 5_000))
def test_the_cheapest_scale_is_the_strongest_that_keeps_enough(side, at_least):
    scale = cheapest_scale(side, at_least)
    assert scale == 1 or side // scale >= at_least
    assert scale == 8 or side // (2 * scale) < at_least


@pytest.mark.parametrize("at_least", [1, 37, 75, 76, 150, 151, 300, 400])
def test_a_cheaper_scale_shows_the_same_picture(photos, encode, at_least):
    data = encode(photos["chelsea"], "JPEG", quality=95)  # 451 x 300
    small = decode(data, at_least=at_least)
    scale = cheapest_scale(300, at_least)
    assert small.shape == (-(-300 // scale), -(-451 // scale), 3)
    averaged = Image.fromarray(decode(data)).reduce(scale)
    assert np.abs(small.astype(int) - np.asarray(averaged)).mean() < 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 2}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_cut_jpeg_is_truncated_wherever_it_is_cut(photos, encode, options, mode):
    data = encode(Image.fromarray(photos["flower"][:120, :160]).convert(mode), "JPEG", **options)
    for end in [*range(3, len(data) - 2, 97), len(data) - 2, len(data) - 1]:
        with pytest.raises(PictureError, match=r"^truncated JPEG$"):
            decode(data[:end])
        with pytest.raises(PictureError, match=r"^truncated JPEG$"):
            look(data[:end])


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_scan_that_stops_early_is_never_filled_with_grey(photos, encode, share):
    data = encode(photos["rocket"], "JPEG", quality=85)
    cut = data[: int(len(data) * share)]
    for damaged in (cut + b"\xff\xd9", cut + bytes(len(data) - len(cut)), cut + bytes(20) + b"\xff\xd9"):
        for reader in (decode, look, lambda data: crop_resize(data, 224, 0.875)):
            with pytest.raises(PictureError, match=r"^(truncated|corrupt) JPEG$"):
                reader(damaged)


def test_garbage_in_a_scan_is_a_reason_or_goes_unseen_but_is_never_another_error(photos, encode):
    data = encode(photos["coffee"][:200, :200], "JPEG", quality=85)
    chance, refused = random.Random(7), 0
    for _ in range(60):
        at = chance.randrange(len(data) // 4, len(data) - 200)
        try:
            decode(data[:at] + chance.randbytes(200) + data[at + 200 :])
        except PictureError as error:
            assert str(error) in {"corrupt JPEG", "truncated JPEG", "unsupported JPEG"}  # noqa: PT017
            refused += 1
    assert refused > 40


def test_bytes_after_the_end_are_no_fault(photos, encode):
    data = encode(photos["coffee"], "JPEG")
    for tail in (b"\0" * 4096, b"appended by a camera" * 50, data):
        np.testing.assert_array_equal(decode(data + tail), decode(data))


def test_a_harmless_oddity_of_the_header_is_no_fault(photos, encode):
    data = encode(photos["coffee"], "JPEG")
    odd = bytearray(data)
    odd[data.index(b"JFIF\0") + 5] = 0  # version 0.01, which libjpeg warns about
    np.testing.assert_array_equal(decode(bytes(odd)), decode(data))
    with pytest.raises(PictureError, match="truncated JPEG"):
        decode(bytes(odd[: len(odd) // 2]))


def test_an_unknown_adobe_transform_is_read_as_the_usual_one(photos, encode):
    data = encode(photos["coffee"], "JPEG")
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\x07"
    at = data.index(b"\xff\xdb")
    without_jfif = data[:2] + adobe + data[at:]
    np.testing.assert_array_equal(decode(without_jfif), decode(data))


def test_what_eight_bit_decoders_cannot_read_is_unsupported(encode):
    data = encode(Image.new("RGB", (16, 16)), "JPEG")
    at = data.index(b"\xff\xc0")
    twelve_bits = data[: at + 4] + b"\x0c" + data[at + 5 :]
    lossless = data[: at + 1] + b"\xc3" + data[at + 2 :]
    for odd in (twelve_bits, lossless):
        with pytest.raises(PictureError, match=r"^unsupported JPEG$"):
            decode(odd)


def test_a_small_file_with_thousands_of_scans_is_refused_before_they_cost_hours(encode):
    data = encode(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    with pytest.raises(PictureError, match=r"^too many scans$"):
        decode(data[:-2] + data[last:-2] * 2000 + b"\xff\xd9")
