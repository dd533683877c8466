"""Decoding and the central square: parity with the reference, and what must hold for any picture."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from compoundeye.pixels import crop_resize, decode, probe

FORMATS = {
    "JPEG": {"quality": 95},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "tiff_lzw"},
    "AVIF": {"quality": 95, "speed": 10},
}


def reference(data: bytes, size: int, fraction: float) -> np.ndarray:
    image = ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")
    crop = min(image.size) * fraction
    left, top = (image.width - crop) / 2, (image.height - crop) / 2
    box = (left, top, left + crop, top + crop)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box))


@pytest.mark.parametrize("name", ["chelsea", "astronaut", "rocket", "flower"])
@pytest.mark.parametrize(("size", "fraction"), [(224, 0.875), (64, 1.0), (288, 0.6)])
def test_exact_is_the_reference(photos, encode, name, size, fraction):
    data = encode(photos[name], "JPEG", orientation=6)
    np.testing.assert_array_equal(crop_resize(data, size, fraction, exact=True), reference(data, size, fraction))


@pytest.mark.parametrize("name", ["chelsea", "astronaut", "coffee", "rocket", "china", "flower"])
@pytest.mark.parametrize("scale", [1, 0.6, 2])
def test_fast_is_close_to_exact(photos, encode, name, scale):
    image = Image.fromarray(photos[name])
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    data = encode(image, "JPEG", quality=90)
    away = np.abs(crop_resize(data, 224, 0.875).astype(int) - crop_resize(data, 224, 0.875, exact=True))
    assert away.mean() < 3.5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", FORMATS)
def test_every_orientation_is_turned_upright(photos, encode, name, orientation):
    picture = photos["chelsea"][:60, :90]
    data = encode(picture, name, orientation=orientation, **FORMATS[name])
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB"))
    np.testing.assert_array_equal(decode(data), wanted)
    header = probe(data)
    assert (header.height, header.width) == wanted.shape[:2]
    assert header.orientation == orientation
    square = crop_resize(data, 32, 0.9)
    away = np.abs(square.astype(int) - crop_resize(data, 32, 0.9, exact=True))
    assert away.mean() < 6
    turned = Image.fromarray(crop_resize(encode(picture, name, **FORMATS[name]), 32, 0.9))
    turned.getexif()[0x0112] = orientation
    # TIFF is turned before it is resized, so rows and columns are rounded in another order.
    away = square.astype(int) - np.asarray(ImageOps.exif_transpose(turned))
    assert np.abs(away).max() <= (1 if name == "TIFF" else 0)


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    size=st.integers(1, 96),
    fraction=st.floats(0.01, 1),
    orientation=st.integers(1, 8),
    name=st.sampled_from(["JPEG", "PNG"]),
)
def test_any_square_of_one_colour_has_that_colour(encode, width, height, size, fraction, orientation, name):
    data = encode(Image.new("RGB", (width, height), (40, 120, 200)), name, orientation=orientation)
    for exact in (False, True):
        square = crop_resize(data, size, fraction, exact=exact)
        assert square.shape == (size, size, 3)
        assert square.dtype == np.uint8
        assert np.abs(square.astype(int) - [40, 120, 200]).max() <= 3


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(64, 700),
    height=st.integers(64, 700),
    size=st.integers(1, 96),
    fraction=st.floats(0.3, 1),
    name=st.sampled_from(["JPEG", "PNG"]),
)
def test_the_fast_square_is_where_the_exact_one_is(encode, width, height, size, fraction, name):
    """On a ramp a shift of the square by a pixel shows as the slope, so this bounds the error of its edges."""
    across, down = np.linspace(20, 235, width)[None, :], np.linspace(20, 235, height)[:, None]
    ramp = np.stack(np.broadcast_arrays(across, down, (across + down) / 2), axis=-1).round().astype(np.uint8)
    data = encode(ramp, name, **({"quality": 97, "subsampling": "4:4:4"} if name == "JPEG" else {}))
    away = crop_resize(data, size, fraction).astype(int) - crop_resize(data, size, fraction, exact=True)
    output_pixel = 215 / min(width, height) * max(1, min(width, height) * fraction / size)
    assert np.abs(away).max() <= 3 + 0.5 * output_pixel
    assert np.abs(away.mean()) <= 1 + 0.25 * output_pixel


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 20000), (20000, 1), (3, 2000), (8, 9)])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "BMP", "GIF", "TIFF"])
def test_absurd_shapes(encode, width, height, name):
    data = encode(Image.new("RGB", (width, height), (9, 99, 199)), name)
    assert decode(data).shape == (height, width, 3)
    assert decode(data, at_least=1).shape[2] == 3
    assert np.abs(crop_resize(data, 16, 0.875).astype(int) - [9, 99, 199]).max() <= 3


def test_only_the_first_frame_of_several(encode):
    frames = [Image.new("RGB", (20, 10), colour) for colour in ((250, 0, 0), (0, 250, 0))]
    for name, options in {"GIF": {}, "PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}, "AVIF": {}}.items():
        data = encode(frames[0], name, save_all=True, append_images=frames[1:], **options)
        assert np.abs(decode(data).astype(int) - [250, 0, 0]).max() <= 3


def test_pixels_are_the_callers_own(photos, encode):
    one, other = (encode(photos[name], "JPEG", orientation=3) for name in ("coffee", "rocket"))
    for reader in (decode, lambda data: crop_resize(data, 224, 0.875), lambda data: crop_resize(data, 300, 1.0)):
        kept = reader(one)
        copy = kept.copy()
        reader(other)
        np.testing.assert_array_equal(kept, copy)
        assert kept.flags.c_contiguous
        kept[:] = 0  # writable


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_out_receives_the_same_pixels(photos, encode, exact, orientation, name):
    data = encode(photos["coffee"], name, orientation=orientation)
    batch = np.zeros((3, 100, 100, 3), np.uint8)
    returned = crop_resize(data, 100, 0.8, exact=exact, out=batch[1])
    np.testing.assert_array_equal(batch[1], crop_resize(data, 100, 0.8, exact=exact))
    assert np.shares_memory(returned, batch)
    assert not batch[[0, 2]].any()


def test_arguments_that_make_no_sense(encode):
    data = encode(Image.new("RGB", (9, 9)), "PNG")
    square = np.empty((8, 8, 3), np.uint8)
    for size, fraction, out in [
        (0, 1.0, None),
        (8, 0.0, None),
        (8, 1.1, None),
        (9, 1.0, square),
        (8, 1.0, square.astype(np.float32)),
        (8, 1.0, square.swapaxes(0, 1)),
    ]:
        with pytest.raises(ValueError, match="must be"):
            crop_resize(data, size, fraction, out=out)
