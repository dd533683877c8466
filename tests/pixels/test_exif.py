"""What a camera wrote beside the pixels."""

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from compoundeye.pixels import decode, probe
from compoundeye.pixels._exif import Exif, read_exif, read_orientation

PICTURE = Image.new("RGB", (40, 30), (200, 100, 50))


def angle(degrees: float, minutes: float, seconds: float) -> tuple[IFDRational, ...]:
    return IFDRational(degrees), IFDRational(minutes), IFDRational(round(seconds * 100), 100)


def block(first: dict, exif: dict | None = None, gps: dict | None = None) -> Image.Exif:
    made = Image.Exif()
    made.update(first)
    if exif:
        made.get_ifd(0x8769).update(exif)
    if gps:
        made.get_ifd(0x8825).update(gps)
    return made


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_photograph_from_a_telephone(encode, name):
    exif = block(
        {0x010F: "Canon", 0x0110: "Canon EOS R5", 0x0132: "2024:01:02 03:04:05"},
        {0x9003: "2023:07:14 18:30:59"},
        {1: "S", 2: angle(33, 51, 24.84), 3: "E", 4: angle(151, 12, 54.36)},
    )
    header = probe(encode(PICTURE, name, exif=exif))
    assert header.taken_at == datetime(2023, 7, 14, 18, 30, 59)
    assert header.latitude == pytest.approx(-(33 + 51 / 60 + 24.84 / 3600), abs=1e-6)
    assert header.longitude == pytest.approx(151 + 12 / 60 + 54.36 / 3600, abs=1e-6)
    assert header.camera == "Canon EOS R5"


def test_a_scan_in_tiff_is_its_own_exif(encode):
    for options in ({}, {"big_tiff": False}, {"compression": "tiff_lzw"}):
        tags = block({0x010F: "Epson", 0x0110: "V600", 0x0132: "2011:12:13 14:15:16"})
        header = probe(encode(PICTURE, "TIFF", exif=tags, **options))
        assert (header.camera, header.taken_at) == ("Epson V600", datetime(2011, 12, 13, 14, 15, 16))


def test_the_older_date_stands_in_where_the_shutter_time_is_missing_or_unset(encode):
    for exif in (None, {0x9003: "0000:00:00 00:00:00"}, {0x9003: "yesterday"}):
        made = block({0x0132: "2020:02:29 23:59:58"}, exif)
        assert probe(encode(PICTURE, "JPEG", exif=made)).taken_at == datetime(2020, 2, 29, 23, 59, 58)


def test_make_and_model_become_one_name(encode):
    assert probe(encode(PICTURE, "JPEG", exif=block({0x010F: "SONY", 0x0110: "ILCE-7M3"}))).camera == "SONY ILCE-7M3"
    assert probe(encode(PICTURE, "JPEG", exif=block({0x010F: "Holga"}))).camera == "Holga"
    assert probe(encode(PICTURE, "JPEG", exif=block({0x0110: " \0\0"}))).camera is None


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: angle(91, 0, 0), 3: "E", 4: angle(10, 0, 0)},
        {1: "N", 2: angle(45, 0, 0), 3: "E", 4: angle(181, 0, 0)},
        {1: "N", 2: angle(45, 0, 0)},
        {1: "N", 2: (IFDRational(0, 0),) * 3, 3: "E", 4: (IFDRational(0, 0),) * 3},
    ],
    ids=["latitude too large", "longitude too large", "half a position", "unset"],
)
def test_an_impossible_position_is_no_position(encode, gps):
    header = probe(encode(PICTURE, "JPEG", exif=block({}, gps=gps)))
    assert header.latitude is None
    assert header.longitude is None


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_an_impossible_orientation_is_no_orientation(encode, orientation):
    assert probe(encode(PICTURE, "JPEG", orientation=orientation)).orientation == 1


def test_exif_that_follows_the_pixels_of_a_png_is_found_before_they_are_decoded(encode):
    data = encode(PICTURE, "PNG", orientation=6)
    at = data.index(b"eXIf") - 4
    end = at + 12 + int.from_bytes(data[at : at + 4], "big")
    late = data[:at] + data[end:-12] + data[at:end] + data[-12:]
    assert probe(late).orientation == 6
    assert (probe(late).width, probe(late).height) == (30, 40)
    assert decode(late).shape == (40, 30, 3)


@given(st.binary(max_size=200))
def test_noise_is_read_as_nothing_or_something_but_never_fails(noise):
    for start in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0MM\0*"):
        assert 1 <= read_exif(start + noise).orientation <= 8


@pytest.fixture(scope="module")
def full_block() -> bytes:
    gps = {1: "N", 2: angle(1, 2, 3), 3: "W", 4: angle(4, 5, 6)}
    return block(
        {0x0112: 3, 0x010F: "Maker", 0x0132: "2024:01:02 03:04:05"}, {0x9003: "2023:01:01 00:00:00"}, gps
    ).tobytes()


@given(places=st.lists(st.tuples(st.integers(6, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_block_never_fails(full_block, places):
    damaged = bytearray(full_block)
    for at, value in places:
        damaged[6 + at % (len(damaged) - 6)] = value
    found = read_exif(bytes(damaged))
    assert found.orientation == read_orientation(bytes(damaged))


def test_a_block_cut_anywhere_never_fails(full_block):
    whole = read_exif(full_block)
    assert whole.orientation == 3
    assert whole.longitude == pytest.approx(-(4 + 5 / 60 + 6 / 3600))
    for end in range(len(full_block)):
        read_exif(full_block[:end])
    assert read_exif(None) == read_exif(b"") == Exif()


def test_a_good_picture_with_bad_exif_is_a_good_picture(encode):
    data = encode(PICTURE, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(30))
    assert probe(data).orientation == 1
    np.testing.assert_array_equal(decode(data), decode(encode(PICTURE, "JPEG")))
