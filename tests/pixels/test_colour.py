"""Every kind of pixel that Pillow knows, and profiles, to sRGB on white."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from compoundeye.pixels import crop_resize, decode, look, probe

# Colorants under D50 (ICC.1 Annex E chromatic adaptation), as published in the profiles of these names.
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
ADOBE_GAMMA = 563 / 256


def adobe_to_srgb(pixels: np.ndarray) -> np.ndarray:
    """Adobe RGB (1998) section 4.3.1 and IEC 61966-2-1 section 5.2, in plain arithmetic."""
    light = (pixels / 255) ** ADOBE_GAMMA @ np.array(ADOBE_RGB) @ np.linalg.inv(np.array(SRGB))
    light = light.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.fixture(scope="module")
def adobe(matrix_profile) -> bytes:
    return matrix_profile(*ADOBE_RGB, gamma=ADOBE_GAMMA)


@pytest.fixture(scope="module")
def patches() -> np.ndarray:
    """8 x 8 flat patches of 32 pixels, muted enough to lie inside of sRGB."""
    levels = np.random.default_rng(5).integers(100, 150, (8, 8, 3), dtype=np.uint8)
    return levels.repeat(32, axis=0).repeat(32, axis=1)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_wide_gamut_picture_is_shown_in_srgb(encode, adobe, patches, name):
    exactly = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": "4:4:4"}}
    data = encode(patches, name, icc_profile=adobe, **exactly[name])
    wanted = adobe_to_srgb(patches)
    assert np.abs(wanted - patches).max() > 10
    assert np.abs(decode(data) - wanted).max() <= (3 if name == "JPEG" else 1)


def test_the_fast_ways_manage_colour_too(encode, adobe, patches):
    data = encode(patches, "JPEG", icc_profile=adobe, quality=100, subsampling="4:4:4")
    wanted = adobe_to_srgb(patches)[::32, ::32]
    for exact in (False, True):
        inside = crop_resize(data, 32, 1.0, exact=exact)[2::4, 2::4]
        assert np.abs(inside - wanted).max() <= 4
    inside = np.asarray(Image.open(BytesIO(look(data).thumbnail)))[15::30, 15::30]
    assert np.abs(inside - wanted).mean() < 3


def test_srgb_under_any_name_changes_nothing(encode, matrix_profile, photos):
    named = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = encode(photos["coffee"], "PNG")
    np.testing.assert_array_equal(decode(encode(photos["coffee"], "PNG", icc_profile=named)), decode(plain))
    # A gamma of 2.2 differs from the sRGB curve by several levels in the shadows: that one must not pass for sRGB.
    almost = encode(photos["coffee"], "PNG", icc_profile=matrix_profile(*SRGB, gamma=2.2))
    assert np.abs(decode(almost).astype(int) - decode(plain)).max() >= 3


@pytest.mark.parametrize("profile", [b"no profile", bytes(128), b""], ids=["text", "zeros", "empty"])
@pytest.mark.parametrize("name", ["PNG", "JPEG"])
def test_a_broken_profile_is_ignored(encode, photos, profile, name):
    data = encode(photos["coffee"], name, icc_profile=profile)
    np.testing.assert_array_equal(decode(data), decode(encode(photos["coffee"], name)))


def test_a_profile_of_another_colour_space_is_ignored(encode, photos, adobe):
    for mode in ("L", "CMYK"):
        image = Image.fromarray(photos["coffee"]).convert(mode)
        np.testing.assert_array_equal(decode(encode(image, "JPEG", icc_profile=adobe)), decode(encode(image, "JPEG")))


def test_a_profile_in_several_segments_is_joined(encode, adobe, patches):
    data = encode(patches, "JPEG", icc_profile=adobe, quality=100, subsampling="4:4:4")
    at = data.index(b"ICC_PROFILE\0") - 4
    end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    body = data[at + 18 : end]

    def segment(number: int, part: bytes) -> bytes:
        return b"\xff\xe2" + (len(part) + 16).to_bytes(2, "big") + b"ICC_PROFILE\0" + bytes([number, 2]) + part

    halves = segment(2, body[200:]) + segment(1, body[:200])  # in the wrong order, which is allowed
    np.testing.assert_array_equal(decode(data[:at] + halves + data[end:]), decode(data))


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(encode, name):
    levels = np.linspace(0, 65535, 64 * 48).astype(np.uint16).reshape(48, 64)
    data = encode(levels, name)
    assert probe(data).mode == "I;16"
    wanted = np.rint(levels / 257)
    for channel in range(3):
        np.testing.assert_array_equal(decode(data)[:, :, channel], wanted)


def test_sixteen_bits_in_the_other_byte_order(encode):
    levels = np.arange(0, 65536, 1024, dtype=np.uint16).reshape(8, 8)
    image = Image.frombytes("I;16B", (8, 8), levels.astype(">u2").tobytes())
    np.testing.assert_array_equal(decode(encode(image, "TIFF"))[:, :, 0], np.rint(levels / 257))


def test_floats_and_wide_integers_are_stretched(encode):
    unit = np.linspace(0, 0.5, 64, dtype=np.float32).reshape(8, 8)
    np.testing.assert_array_equal(decode(encode(unit, "TIFF"))[:, :, 0], np.rint(unit * 255))
    wide = np.linspace(-1000, 3000, 64, dtype=np.float32).reshape(8, 8)
    wide[0, 1] = np.nan
    shown = decode(encode(wide, "TIFF"))[:, :, 0]
    assert (shown.min(), shown.max()) == (0, 255)
    deep = (np.arange(64, dtype=np.int32) * 10_000).reshape(8, 8)
    np.testing.assert_array_equal(decode(encode(deep, "TIFF"))[:, :, 0], np.rint(deep * (255 / 630_000)))
    flat = decode(encode(np.full((4, 4), 7.5, np.float32), "TIFF"))
    assert (flat == 0).all()


def test_transparency_is_laid_on_white(encode):
    colour = np.zeros((2, 2, 4), np.uint8)
    colour[..., 0], colour[..., 3] = 200, [[0, 255], [128, 64]]
    alpha = colour[..., 3:] / 255
    wanted = colour[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(decode(encode(colour, "PNG")) - wanted).max() <= 1
    assert np.abs(decode(encode(colour, "WEBP", lossless=True, exact=True)) - wanted).max() <= 1
    grey = Image.fromarray(colour).convert("LA")
    assert np.abs(decode(encode(grey, "PNG"))[0] - [[255] * 3, [60] * 3]).max() <= 1


def test_palettes_with_and_without_a_transparent_entry(encode):
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    solid = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert decode(encode(image, "PNG")).tolist() == [solid]
    assert decode(encode(image, "GIF")).tolist() == [solid]
    assert decode(encode(image, "BMP")).tolist() == [solid]
    white = [solid[0], [255, 255, 255], solid[2]]
    assert decode(encode(image, "PNG", transparency=1)).tolist() == [white]
    assert decode(encode(image, "PNG", transparency=b"\xff\x00\xff")).tolist() == [white]
    assert decode(encode(image, "GIF", transparency=1)).tolist() == [white]


def test_a_colour_key_is_transparency(encode):
    image = Image.new("RGB", (2, 1))
    image.putdata([(1, 2, 3), (9, 9, 9)])
    assert decode(encode(image, "PNG", transparency=(1, 2, 3))).tolist() == [[[255] * 3, [9] * 3]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F", "RGBX"])
def test_every_mode_of_tiff_is_shown(encode, photos, mode):
    image = Image.fromarray(photos["coffee"][:40, :60]).convert("RGB")
    image = image.convert("L").convert(mode) if mode in ("I", "F") else _to_mode(image, mode)
    data = encode(image, "TIFF")
    assert decode(data).shape == (40, 60, 3)
    away = np.abs(decode(data).astype(int) - photos["coffee"][:40, :60]).mean()
    assert away < {"RGB": 0.1, "RGBA": 0.1, "RGBX": 0.1, "YCbCr": 2, "LAB": 6, "P": 25, "CMYK": 2}.get(mode, 110)


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode != "LAB":
        return image.convert(mode)
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
