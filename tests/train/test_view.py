"""Views: which box, by which chance, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from compoundeye.train import View
from compoundeye.train._draws import chances
from compoundeye.train._view import BOX_DRAWS


def boxes(view: View, width: int, height: int, count: int = 4_000) -> np.ndarray:
    return np.array([view.box(width, height, row) for row in chances(1, np.arange(count), BOX_DRAWS).tolist()])


def test_random_resized_boxes_are_spread_as_they_should_be():
    found = boxes(View(), 500, 375)
    left, top, w, h = found.T
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (left + w <= 500).all()
    assert (top + h <= 375).all()
    area, ratio = w * h / (500 * 375), w / h
    assert 0.079 < area.min() < 0.1
    assert 0.9 < area.max() <= 1
    assert 0.74 < ratio.min() < 0.77
    assert 1.3 < ratio.max() < 1.35
    assert abs(np.log(ratio).mean()) < 0.03
    # Every corner is reached, and boxes lean to no side.
    assert abs((left + w / 2).mean() - 250) < 5
    assert abs((top + h / 2).mean() - 187.5) < 4
    for edge in (left, top, 500 - left - w, 375 - top - h):
        assert edge.min() == 0


@pytest.mark.parametrize(("width", "height", "box"), [(1000, 10, (493, 0, 13, 10)), (10, 1000, (0, 493, 10, 13))])
def test_a_picture_too_long_for_any_ratio_gives_its_middle(width, height, box):
    assert set(map(tuple, boxes(View(scale=(0.9, 1)), width, height, 50).tolist())) == {box}


@settings(max_examples=200, deadline=None)
@given(
    width=st.integers(1, 3000),
    height=st.integers(1, 3000),
    position=st.integers(0, 2**40),
    crop=st.sampled_from(["random_resized", "centre", "whole"]),
    fraction=st.floats(0.01, 1),
)
def test_every_box_lies_within_its_picture(width, height, position, crop, fraction):
    view = View(crop=crop, fraction=fraction)
    left, top, w, h = view.box(width, height, chances(0, np.array([position]), BOX_DRAWS)[0].tolist())
    assert min(left, top) >= 0
    assert min(w, h) >= 1
    assert left + w <= width
    assert top + h <= height


def test_evaluation_has_no_chance():
    view = View(size=96, shift=3, randaugment=2, erase=0.1, brightness=0.4, fraction=0.9)
    assert view.evaluation() == View(size=96, crop="centre", fraction=0.9, flip=False)
    assert view.evaluation().box(100, 60, []) == (23, 3, 54, 54)
    whole = View(size=28, crop="whole", shift=2).evaluation()
    assert whole == View(size=28, crop="whole", flip=False)
    assert whole.box(31, 17, []) == (0, 0, 31, 17)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": (0.5, 0.1)}, "scale must be two shares"),
        ({"scale": (0, 1)}, "scale must be two shares"),
        ({"ratio": (2, 1)}, "ratio must be two ratios"),
        ({"size": 28, "shift": 28}, "shift must be less than size 28"),
        ({"crops": "whole"}, "Extra inputs"),
        ({"hue": 0.6}, "less than or equal to 0.5"),
        ({"crop": "middle"}, "random_resized"),
    ],
)
def test_views_that_make_no_sense(wrong, message):
    with pytest.raises(ValidationError, match=message):
        View(**wrong)


def test_chance_is_a_function_of_seed_and_position_alone():
    positions = np.array([0, 1, 5, 2**40, 3 * 10**10])
    whole = chances(7, positions, 40)
    assert whole.shape == (5, 40)
    np.testing.assert_array_equal(chances(7, positions[3:], 40), whole[3:])
    np.testing.assert_array_equal(chances(7, positions, 9), whole[:, :9])
    assert (chances(8, positions, 40) != whole).all()
    assert (chances(-1, positions, 2) != chances(1, positions, 2)).all()


def test_chance_is_uniform_and_of_no_kin_to_its_neighbours():
    numbers = chances(3, np.arange(20_000), 8)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = np.stack([np.histogram(column, 50, (0, 1))[0] for column in numbers.T])
    # Chi-squared with 49 degrees of freedom: beyond 95 once in 10^4.
    assert (((counts - 400) ** 2 / 400).sum(1) < 95).all()
    along = np.corrcoef(np.concatenate([numbers[:-1], numbers[1:]], axis=1).T)
    np.fill_diagonal(along, 0)
    assert np.abs(along).max() < 0.035  # five deviations of 1 / sqrt(20,000)
