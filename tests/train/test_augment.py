"""What chance does to pixels: each operation by what defines it."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from compoundeye.pixels import PictureError
from compoundeye.train import View
from compoundeye.train import _augment as augment
from compoundeye.train import _randaugment as operations
from compoundeye.train._draws import chances


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A smooth picture of all colours, uint8 [48, 64, 3]."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC))


def encoded(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def changed(way, pixels: np.ndarray, *arguments: float) -> np.ndarray:
    mine = pixels.copy()
    way(mine, *arguments)
    return mine


def near(found: np.ndarray, wanted: np.ndarray | Image.Image, levels: float = 1) -> bool:
    return bool(np.abs(found.astype(int) - np.asarray(wanted).astype(int)).max() <= levels)


@pytest.mark.parametrize("factor", [0.1, 0.7, 1.0, 1.6])
def test_colour_jitter_is_that_of_pillow(photo, factor):
    image = Image.fromarray(photo)
    assert near(changed(augment.brighten, photo, factor), ImageEnhance.Brightness(image).enhance(factor))
    assert near(changed(augment.contrast, photo, factor), ImageEnhance.Contrast(image).enhance(factor), 2)
    assert near(changed(augment.saturate, photo, factor), ImageEnhance.Color(image).enhance(factor), 2)


def test_hue_turns_around():
    red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    for amount, wanted in ((1 / 3, (0, 255, 0)), (-1 / 3, (0, 0, 255)), (2 / 3, (0, 0, 255)), (0.5, (0, 255, 255))):
        assert near(changed(augment.turn_hue, red, amount), np.full((2, 2, 3), wanted), 6)  # 256 hues
    grey = np.full((2, 2, 3), 90, np.uint8)
    np.testing.assert_array_equal(changed(augment.turn_hue, grey, 0.3), grey)


@pytest.mark.parametrize(("across", "down"), [(0, 0), (3, -2), (-5, 4), (-1, -1)])
def test_shift(photo, across, down):
    wanted = np.roll(photo, (down, across), (0, 1))
    wanted[(slice(0, down) if down >= 0 else slice(down, None))] = 0
    wanted[:, (slice(0, across) if across >= 0 else slice(across, None))] = 0
    np.testing.assert_array_equal(changed(augment.shift, photo, across, down), wanted)


def test_erased_rectangles_cover_a_fiftieth_to_a_third():
    shares = []
    for draws in chances(0, np.arange(500), 4).tolist():
        gone = changed(augment.erase, np.zeros((60, 60, 3), np.uint8), draws).any(2)
        rows, columns = np.flatnonzero(gone.any(1)), np.flatnonzero(gone.any(0))
        assert gone.sum() == len(rows) * len(columns), "not a rectangle"
        shares.append(gone.mean())
    assert 0.015 < min(shares) < 0.04
    assert 0.29 < max(shares) < 0.36


def test_every_operation_can_do_nothing_and_something(photo):
    for operation in operations.OPERATIONS:
        if operation not in (operations.stretch, operations.equalise):
            assert near(changed(operation, photo, 0.0), photo), operation
        if operation is not operations.nothing:
            dim = (photo // 2 + np.random.default_rng(1).integers(30, 60, photo.shape)).astype(np.uint8)
            for strength in (0.9, -0.9):
                assert not near(changed(operation, dim, strength), dim, 4), operation


def test_operations_against_pillow(photo):
    image = Image.fromarray(photo)
    assert near(changed(operations.solarise, photo, 0.5), ImageOps.solarize(image, 128))
    assert near(changed(operations.posterise, photo, -1.0), ImageOps.posterize(image, 4), 0)
    dim = (photo // 2 + 30).astype(np.uint8)
    assert near(changed(operations.stretch, dim, 1.0), ImageOps.autocontrast(Image.fromarray(dim)), 1)
    for way, enhance in (
        (operations.colour, ImageEnhance.Color),
        (operations.contrast, ImageEnhance.Contrast),
        (operations.brightness, ImageEnhance.Brightness),
    ):
        assert near(changed(way, photo, 0.5), enhance(image).enhance(1.45), 2)
    inner = changed(operations.sharpness, photo, 0.5)[2:-2, 2:-2]
    assert near(inner, np.asarray(ImageEnhance.Sharpness(image).enhance(1.45))[2:-2, 2:-2], 2)


def test_equalised_channels_use_the_whole_range(photo):
    found = changed(operations.equalise, (photo // 4).astype(np.uint8), 1.0)
    assert (found.max((0, 1)) == 255).all()
    assert (found.min((0, 1)) == 0).all()


def test_geometry(photo):
    moved = changed(operations.move_across, photo, 0.5)
    np.testing.assert_array_equal(moved[:, 14:], photo[:, :-14])
    assert (moved[:, :14] == 128).all()
    np.testing.assert_array_equal(changed(operations.move_down, photo, -0.5)[:-10], photo[10:])
    turned = changed(operations.rotate, photo, 1.0)
    middle = cv2.getRotationMatrix2D((31.5, 23.5), -30, 1)
    back = cv2.warpAffine(turned, middle, (64, 48))
    assert np.abs(back[18:30, 24:40].astype(int) - photo[18:30, 24:40]).mean() < 6
    sheared = changed(operations.shear_across, photo, 1.0)
    np.testing.assert_array_equal(sheared[0], photo[0])
    assert near(sheared[40, 12:], photo[40, :-12])
    np.testing.assert_array_equal(changed(operations.shear_down, photo, 1.0)[:, 0], photo[:, 0])


def test_randaugment_draws_every_operation_evenly(photo, monkeypatch):
    seen = np.zeros(14, int)
    counters = tuple(lambda _pixels, _strength, at=at: seen.__setitem__(at, seen[at] + 1) for at in range(14))
    monkeypatch.setattr(operations, "OPERATIONS", counters)
    for draws in chances(0, np.arange(3_000), 4).tolist():
        operations.randaugment(photo, 2, 9, draws)
    assert seen.sum() == 6_000
    assert (np.abs(seen - 6_000 / 14) < 100).all()


def test_the_same_numbers_give_the_same_pixels_and_others_other(photo):
    view = View(size=32, shift=2, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, randaugment=2, erase=0.5)
    rows = chances(0, np.arange(40), augment.draws_of(view)).tolist()

    def rendered(draws: list[float]) -> bytes:
        out = np.empty((32, 32, 3), np.uint8)
        augment.render(encoded(photo), view, draws, out)
        return out.tobytes()

    first = [rendered(draws) for draws in rows]
    assert [rendered(draws) for draws in rows] == first
    assert len(set(first)) == 40


def test_half_of_the_pictures_are_mirrored(photo):
    view = View(size=48, crop="whole")
    square, data = photo[:, :48], encoded(photo[:, :48])
    mirrored = 0
    for draws in chances(0, np.arange(400), augment.draws_of(view)).tolist():
        out = np.empty((48, 48, 3), np.uint8)
        augment.render(data, view, draws, out)
        kind = [np.array_equal(out, square), np.array_equal(out, square[:, ::-1])]
        assert sum(kind) == 1
        mirrored += kind[1]
    assert 150 < mirrored < 250


def test_shifts_are_even_in_both_directions():
    view = View(size=9, crop="whole", flip=False, shift=1)
    point = np.zeros((9, 9, 3), np.uint8)
    point[4, 4] = 255
    data, counts = encoded(point), np.zeros((9, 9), int)
    for draws in chances(0, np.arange(900), augment.draws_of(view)).tolist():
        out = np.empty((9, 9, 3), np.uint8)
        augment.render(data, view, draws, out)
        counts += out[:, :, 0] == 255
    assert (counts[3:6, 3:6] > 60).all()
    assert counts[3:6, 3:6].sum() == counts.sum() == 900


def test_what_is_no_picture_says_so():
    view = View(size=8)
    with pytest.raises(PictureError, match="not a picture"):
        augment.render(b"words", view, [0.5] * augment.draws_of(view), np.empty((8, 8, 3), np.uint8))
