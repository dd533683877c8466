"""Pictures of any shape go into a square input, and boxes come back to where they were."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from detect_samples import Plain
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.models._letterbox import Fit, Letterbox

SIDES = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("fit", "place"),
    [("corner", (0, 0, 416, 312)), ("centre", (0, 52, 416, 312)), ("stretch", (0, 0, 416, 416))],
)
def test_where_a_picture_lies(fit: Fit, place: tuple[int, int, int, int]) -> None:
    assert Letterbox(416, 416, fit).place(768, 576) == place


@given(SIDES, SIDES, st.sampled_from(get_args(Fit)), st.integers(1, 700), st.integers(1, 700))
def test_a_picture_lies_inside_and_fills_one_side(width: int, height: int, fit: Fit, wide: int, high: int) -> None:
    left, top, across, down = Letterbox(wide, high, fit).place(width, height)
    assert left >= 0
    assert top >= 0
    assert 1 <= across <= wide - left
    assert 1 <= down <= high - top
    assert across == wide or down == high
    if fit != "stretch" and min(across, down) > 20:  # as far as whole pixels allow
        assert across / down == pytest.approx(width / height, rel=0.06)


@given(SIDES, SIDES, st.sampled_from(get_args(Fit)))
def test_the_whole_picture_comes_back_as_the_whole_picture(width: int, height: int, fit: Fit) -> None:
    letterbox = Letterbox(416, 320, fit)
    left, top, across, down = letterbox.place(width, height)
    box = np.array([[left, top, left + across, top + down]], np.float32)
    np.testing.assert_allclose(letterbox.restore(box, width, height), [[0, 0, width, height]], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("fit", get_args(Fit))
def test_a_thing_comes_back_to_where_it_was(fit: Fit) -> None:
    """A white rectangle on black, found again in the input by looking."""
    pixels = np.zeros((300, 500, 3), np.uint8)
    pixels[100:200, 50:350] = 255
    letterbox = Letterbox(200, 200, fit, fill=0)
    ys, xs = np.nonzero(letterbox.prepare(Plain(pixels))[:, :, 0] > 127)
    box = np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], np.float32)
    np.testing.assert_allclose(letterbox.restore(box, 500, 300), [[50, 100, 350, 200]], atol=2.6)  # a pixel of input


def test_what_is_no_picture_has_the_grey_that_was_asked_for() -> None:
    prepared = Letterbox(8, 8, "centre", fill=99).prepare(Plain(np.zeros((2, 4, 3), np.uint8)))
    assert prepared[:, 0, 0].tolist() == [99, 99, 0, 0, 0, 0, 99, 99]


def test_looks_once_and_at_the_size_that_is_needed() -> None:
    image = Plain(np.zeros((576, 768, 3), np.uint8))
    Letterbox(416, 416, "corner").prepare(image)
    assert image.asked == [(416, 312)]
