"""Fewer pixels, as the antialiased filter would have them."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from compoundeye.pixels._scratch import borrow
from compoundeye.pixels._shrink import shrink


def antialiased(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)).astype(int)


@pytest.mark.parametrize("factor", [1.1, 1.3, 1.5, 1.9, 2.0, 2.7, 4.4, 7.0])
def test_a_photograph_comes_out_as_from_the_antialiased_filter(photos, factor):
    for pixels in photos.values():
        size = round(pixels.shape[1] / factor), round(pixels.shape[0] / factor)
        away = np.abs(shrink(pixels, *size) - antialiased(pixels, *size))
        assert away.mean() < 5


@pytest.mark.parametrize("factor", [1.7, 1.9, 2.5, 6.0])
def test_stripes_finer_than_the_result_do_not_become_coarse_ones(factor):
    fine = np.zeros((240, 240, 3), np.uint8)
    fine[:, ::2] = 255
    side = round(240 / factor)
    ripple = np.ptp(shrink(fine, side, side)[:, 2:-2].astype(int))
    assert ripple < 128  # interpolation alone keeps all 255


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 60), st.integers(1, 60), st.integers(0, 255))
def test_one_colour_stays_that_colour(height, width, to_height, to_width, level):
    small = shrink(np.full((height, width, 3), level, np.uint8), to_width, to_height)
    assert small.shape == (to_height, to_width, 3)
    assert (small == level).all()


@pytest.mark.parametrize("size", [(600, 400), (450, 300), (300, 200), (160, 107)])
def test_the_result_never_lies_in_memory_that_is_used_again(photos, size):
    scratch = borrow("decoded", 600 * 400 * 3)
    pixels = scratch[: 600 * 400 * 3].reshape(400, 600, 3)
    pixels[:] = photos["coffee"]
    small = shrink(pixels, *size)
    assert not np.shares_memory(small, scratch)
    assert not np.shares_memory(small, borrow("soft", 1))


def test_each_thread_borrows_memory_of_its_own():
    mine = borrow("test", 1000)
    assert np.shares_memory(mine, borrow("test", 500))
    assert not np.shares_memory(mine, borrow("another use", 1000))
    others = []
    thread = threading.Thread(target=lambda: others.append(borrow("test", 1000)))
    thread.start()
    thread.join()
    assert not np.shares_memory(mine, others[0])
    assert not np.shares_memory(borrow("test", 1 << 25), borrow("test", 1 << 25))  # too large to keep
