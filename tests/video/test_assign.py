"""Pairs of boxes and their best matching, against the plain way of doing it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from compoundeye.video import _assign
from compoundeye.video._assign import assign, overlaps


def boxes(draws: np.random.Generator, count: int, spread: float) -> np.ndarray:
    corner = draws.uniform(0, spread, (2, count))
    return np.concatenate([corner, corner + draws.uniform(1, 60, (2, count))]).astype(np.float32)


def plain_share(one: np.ndarray, other: np.ndarray) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0.0) * max(height, 0.0)
    return both / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both)


@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from([40.0, 200.0, 900.0]), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_overlaps_are_those_of_every_pair_in_turn(count: int, width: int, spread: float, seed: int) -> None:
    draws = np.random.default_rng(seed)
    one, other = boxes(draws, count, spread), boxes(draws, width, spread)
    rows, columns, share = overlaps(one, other)
    expected = {
        (i, j): value
        for i in range(count)
        for j in range(width)
        if (value := plain_share(one[:, i].astype(float), other[:, j].astype(float))) > 0
    }
    found = dict(zip(zip(rows.tolist(), columns.tolist(), strict=True), share.tolist(), strict=True))
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, rel=1e-4)
    assert (np.diff(rows) >= 0).all()


def test_boxes_that_share_an_edge_do_not_overlap() -> None:
    one = np.array([[0], [0], [10], [10]], np.float32)
    assert len(overlaps(one, one + np.array([[10], [0], [10], [0]], np.float32))[0]) == 0


def test_many_boxes_are_compared_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(4)
    one, other = boxes(draws, 57, 300), boxes(draws, 31, 300)
    whole = overlaps(one, other)
    monkeypatch.setattr(_assign, "PAIRS_AT_ONCE", 100)
    for part, same in zip(overlaps(one, other), whole, strict=True):
        np.testing.assert_array_equal(part, same)


def matched(gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.nonzero(gain > 0)
    return assign(rows, columns, gain[rows, columns].astype(np.float32), *gain.shape)


@given(
    st.integers(0, 25),
    st.integers(0, 25),
    st.sampled_from([0.05, 0.2, 0.6, 1.0]),
    st.sampled_from([0, 1, 3]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=200, deadline=None)
def test_no_matching_gains_more(count: int, width: int, density: float, digits: int, seed: int) -> None:
    """Few digits make many equal gains, where a rule that breaks ties wrongly would take an end twice."""
    draws = np.random.default_rng(seed)
    gain = np.round(draws.random((count, width)) * (draws.random((count, width)) < density), digits).astype(np.float32)
    rows, columns = matched(gain)
    assert len(set(rows.tolist())) == len(rows) == len(columns) == len(set(columns.tolist()))
    best = linear_sum_assignment(gain, maximize=True)
    assert (gain[rows, columns] > 0).all()
    assert gain[rows, columns].sum() == pytest.approx(gain[best].sum(), rel=1e-5, abs=1e-6)


def test_the_better_sum_wins_over_the_better_pair() -> None:
    rows, columns = matched(np.array([[0.9, 0.8], [0.8, 0.0]]))
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_a_crowd_in_one_place_is_still_solved() -> None:
    gain = np.random.default_rng(1).uniform(0.4, 1, (60, 60))
    rows, columns = matched(gain)
    best = linear_sum_assignment(gain, maximize=True)
    assert gain[rows, columns].sum() == pytest.approx(gain[best].sum(), rel=1e-6)
