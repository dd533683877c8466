"""Counts beside hand counts: matching in time, and an interval that holds what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.stats import chi2

from compoundeye.evaluate import CountingError, counting_error, poisson_interval


def test_a_crossing_counted_in_its_time_is_matched() -> None:
    found = counting_error([(1.0, 2.0), (5.0, 6.0)], [1.5, 5.0])
    assert (found.matched, found.missed, found.false, found.error) == (2, 0, 0, 0.0)


def test_a_flicker_counts_once_and_is_false_once() -> None:
    found = counting_error([(1.0, 2.0)], [1.2, 1.4])
    assert (found.matched, found.false, found.error, found.precision) == (1, 1, 1.0, 0.5)


def test_a_miss_and_a_false_one_cancel_out_in_the_total_only() -> None:
    found = counting_error([(1.0, 2.0), (9.0, 10.0)], [1.5, 5.0])
    assert (found.error, found.recall, found.precision) == (0.0, 0.5, 0.5)


def test_tolerance_reaches_to_both_sides() -> None:
    assert counting_error([(1.0, 2.0)], [2.5], tolerance_s=0.5).matched == 1
    assert counting_error([(1.0, 2.0)], [0.4], tolerance_s=0.5).matched == 0


def test_what_is_doubtful_counts_neither_way() -> None:
    doubtful = [(4.0, 5.0)]
    assert counting_error([(1.0, 2.0)], [1.5], doubtful=doubtful) == CountingError(1, 1, 0)
    assert counting_error([(1.0, 2.0)], [1.5, 4.5], doubtful=doubtful) == CountingError(1, 1, 0)
    assert counting_error([(1.0, 2.0)], [1.5, 4.4, 4.6], doubtful=doubtful) == CountingError(1, 1, 1)


def test_what_is_sure_is_explained_before_what_is_doubtful() -> None:
    assert counting_error([(1.0, 9.0)], [2.0], doubtful=[(1.0, 3.0)]) == CountingError(1, 1, 0)


def test_nothing_to_count_is_not_a_number() -> None:
    found = counting_error([], [3.0])
    assert found.false == 1
    assert all(math.isnan(value) for value in (found.error, found.recall, *found.interval()))


def test_lines_add_up() -> None:
    assert CountingError(3, 2, 1) + CountingError(5, 5, 0) == CountingError(8, 7, 1)


def test_an_interval_that_ends_before_it_begins_is_an_error() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        counting_error([(2.0, 1.0)], [])


MOMENTS = st.integers(0, 20).map(float)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(MOMENTS, st.integers(0, 6)), max_size=8), st.lists(MOMENTS, max_size=8), st.integers(0, 2))
def test_no_other_matching_explains_more(
    intervals: list[tuple[float, int]], counted: list[float], tolerance: int
) -> None:
    happened = [(first, first + length) for first, length in intervals]
    allowed = np.array([[a - tolerance <= t <= b + tolerance for t in counted] for a, b in happened], float)
    allowed = allowed.reshape(len(happened), len(counted))
    most = allowed[linear_sum_assignment(-allowed)].sum()
    assert counting_error(happened, counted, tolerance_s=tolerance).matched == most


@given(st.integers(0, 400), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_of_a_count_is_garwoods(count: int, confidence: float) -> None:
    low, high = poisson_interval(count, confidence)
    tail = (1 - confidence) / 2
    assert low == pytest.approx(chi2.ppf(tail, 2 * count) / 2 if count else 0.0, abs=1e-6)
    assert high == pytest.approx(chi2.isf(tail, 2 * count + 2) / 2, abs=1e-6)


@pytest.mark.parametrize(("miss", "ghosts"), [(0.02, 0.02), (0.1, 0.05), (0.3, 0.3)])
def test_nineteen_of_twenty_intervals_hold_the_true_error(miss: float, ghosts: float) -> None:
    rng = np.random.default_rng(0)
    truth, trials = 40, 2000
    held = 0
    for missed, false in zip(rng.binomial(truth, miss, trials), rng.poisson(ghosts * truth, trials), strict=True):
        low, high = CountingError(truth, truth - int(missed), int(false)).interval()
        held += low <= ghosts - miss <= high
    assert held / trials > 0.94


def test_a_perfect_count_of_few_does_not_claim_to_be_exact() -> None:
    low, high = CountingError(20, 20, 0).interval()
    assert low < -0.1
    assert high > 0.1
    wide, narrow = CountingError(20, 20, 0).interval(), CountingError(2000, 2000, 0).interval()
    assert narrow[1] - narrow[0] < (wide[1] - wide[0]) / 20


@pytest.mark.parametrize(("count", "confidence"), [(-1, 0.95), (1, 0.0), (1, 1.0)])
def test_what_is_no_count_has_no_interval(count: int, confidence: float) -> None:
    with pytest.raises(ValueError, match=r"no count|between 0 and 1"):
        poisson_interval(count, confidence)
