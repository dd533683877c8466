"""One decode for all that keeping a picture needs."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from compoundeye.pixels import decode, hamming, look, probe

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"]


def thumbnail_of(data: bytes) -> Image.Image:
    return Image.open(BytesIO(look(data).thumbnail))


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_of_any_format(photos, encode, name):
    data = encode(photos["china"], name)  # 640 x 427
    assert look(data).header == probe(data)
    assert (look(data).header.format, look(data).header.width, look(data).header.height) == (name, 640, 427)
    thumbnail = thumbnail_of(data)
    assert (thumbnail.format, thumbnail.mode, thumbnail.size) == ("JPEG", "RGB", (240, 160))
    wanted = Image.fromarray(decode(data)).resize((240, 160), Image.Resampling.BOX)
    assert np.abs(np.asarray(thumbnail).astype(int) - np.asarray(wanted)).mean() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_thumbnail_and_the_hash_stand_upright(photos, encode, orientation):
    picture = Image.fromarray(photos["rocket"])
    data = encode(picture, "JPEG", orientation=orientation, quality=95)
    picture.getexif()[0x0112] = orientation
    upright = encode(ImageOps.exif_transpose(picture), "JPEG", quality=95)
    assert thumbnail_of(data).size == thumbnail_of(upright).size
    assert hamming(np.uint64(look(data).phash), look(upright).phash) <= 4


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 900), height=st.integers(1, 900))
def test_the_longest_side_of_a_thumbnail(encode, width, height):
    data = encode(Image.new("RGB", (width, height), "teal"), "JPEG")
    size = thumbnail_of(data).size
    assert max(size) == min(240, max(width, height))
    assert abs(size[0] * height - size[1] * width) <= max(width, height)  # the same shape within a pixel


@pytest.mark.parametrize("shape", [(1, 1), (1, 20000), (20000, 1), (2, 3)])
def test_absurd_shapes(encode, shape):
    for name in ("JPEG", "PNG"):
        seen = look(encode(Image.new("RGB", shape, "navy"), name))
        assert (seen.header.width, seen.header.height) == shape
        assert seen.phash == 0
        assert max(Image.open(BytesIO(seen.thumbnail)).size) == min(240, max(shape))
