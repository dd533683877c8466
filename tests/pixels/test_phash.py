"""What a perceptual hash must survive, and what it must tell apart."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from compoundeye.pixels import hamming, look
from compoundeye.pixels._phash import perceptual_hash

HASHES = st.integers(0, 2**64 - 1)


@pytest.fixture(scope="module")
def scenes(photos) -> list[Image.Image]:
    """The six photographs and three quite different parts of each."""
    found = []
    for pixels in photos.values():
        h, w = pixels.shape[:2]
        parts = [pixels, pixels[: h // 2, : w // 2], pixels[h // 2 :, w // 2 :], pixels[: h // 2, w // 2 :]]
        found += [Image.fromarray(part) for part in parts]
    return found


def phash(encode, image: Image.Image, **options) -> int:
    return look(encode(image, "JPEG", **{"quality": 92} | options)).phash


CHANGES = {
    "saved again at quality 50": lambda image: (image, {"quality": 50}),
    "saved again at quality 20": lambda image: (image, {"quality": 20}),
    "half the size": lambda image: (image.resize((image.width // 2, image.height // 2)), {}),
    "a little brighter": lambda image: (ImageEnhance.Brightness(image).enhance(1.08), {}),
    "a little darker": lambda image: (ImageEnhance.Brightness(image).enhance(0.9), {}),
    "less contrast": lambda image: (ImageEnhance.Contrast(image).enhance(0.9), {}),
    "grey": lambda image: (image.convert("L"), {}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_same_picture_stays_close(encode, scenes, change):
    distances = []
    for image in scenes:
        changed, options = change(image)
        distances.append(int(hamming(np.uint64(phash(encode, image)), phash(encode, changed, **options))))
    assert max(distances) <= 10
    assert np.mean(distances) <= 3


def test_different_pictures_differ_in_half_of_the_bits(encode, scenes):
    hashes = np.array([phash(encode, image) for image in scenes], np.uint64)
    distances = np.array([hamming(a, b) for a, b in combinations(hashes, 2)])
    assert 29 < distances.mean() < 35
    assert distances.min() > 10


def test_the_format_does_not_matter(encode, scenes):
    for image in scenes[::4]:
        whole = look(encode(image, "PNG")).phash
        assert hamming(np.uint64(phash(encode, image)), whole) <= 6


def test_parity_with_the_definition(photos):
    """Zauner (2010) in floating point, on a 32 x 32 picture, where no resizing blurs the comparison."""
    grey = np.asarray(Image.fromarray(photos["coffee"]).convert("L").resize((32, 32), Image.Resampling.BOX))
    place, frequency = np.arange(32), np.arange(1, 9)
    basis = np.cos(np.pi * np.outer(frequency, 2 * place + 1) / 64)
    coefficients = (basis @ grey @ basis.T).ravel()
    bits = "".join("01"[int(value > np.median(coefficients))] for value in coefficients)
    assert perceptual_hash(np.repeat(grey[:, :, None], 3, axis=2)) == int(bits, 2)


def test_the_first_bit_is_the_lowest_frequency():
    wave = np.cos(np.pi * (2 * np.arange(32) + 1) / 64)
    pixels = np.rint(127 + 120 * np.outer(wave, wave)).astype(np.uint8)
    assert perceptual_hash(np.repeat(pixels[:, :, None], 3, axis=2)) >> 63 == 1
    assert perceptual_hash(np.repeat(255 - pixels[:, :, None], 3, axis=2)) >> 63 == 0


@given(st.integers(0, 255), st.integers(1, 60), st.integers(1, 60))
def test_one_colour_hashes_to_zero(level, width, height):
    assert perceptual_hash(np.full((height, width, 3), level, np.uint8)) == 0


@given(HASHES, HASHES, HASHES)
def test_hamming_is_a_distance(a, b, c):
    def distance(x: int, y: int) -> int:
        return int(hamming(np.uint64(x), y))

    assert distance(a, b) == (a ^ b).bit_count() == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


def test_hamming_broadcasts():
    rows, columns = np.arange(5, dtype=np.uint64)[:, None], np.arange(7, dtype=np.uint64)[None, :]
    wanted = [[(a ^ b).bit_count() for b in range(7)] for a in range(5)]
    assert hamming(rows, columns).tolist() == wanted
