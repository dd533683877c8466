"""Intervals against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from compoundeye.evaluate import binomial_lower_bound, binomial_tail, bootstrap_interval, wilson_interval

COUNTS = st.integers(1, 400).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_equals_scipy(counts: tuple[int, int], confidence: float) -> None:
    expected = binomtest(*counts).proportion_ci(confidence, method="wilson")
    assert wilson_interval(*counts, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.sampled_from([0.8, 0.9, 0.99]))
def test_lower_bound_equals_scipy(counts: tuple[int, int], confidence: float) -> None:
    expected = binomtest(*counts, alternative="greater").proportion_ci(confidence, method="exact")
    assert binomial_lower_bound(*counts, confidence) == pytest.approx(expected.low, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.sampled_from([0.0, 1e-6, 0.3, 0.95, 1.0]))
def test_tail_equals_scipy(counts: tuple[int, int], share: float) -> None:
    right, total = counts
    assert binomial_tail(right, total, share) == pytest.approx(binom.sf(right - 1, total, share), rel=1e-9, abs=1e-300)


def test_tail_of_a_million_pictures() -> None:
    assert binomial_tail(950_000, 1_000_000, 0.95) == pytest.approx(binom.sf(949_999, 1_000_000, 0.95), rel=1e-6)
    assert binomial_tail(990_000, 1_000_000, 0.5) == 0.0


def test_no_pictures_say_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert binomial_lower_bound(0, 0) == 0.0
    assert np.isnan(bootstrap_interval(lambda _: 0.5, 0)).all()


def test_bootstrap_of_a_mean_is_about_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap_interval(lambda rows: float(values[rows].mean()), len(values))
    assert low == pytest.approx(values.mean() - 1.96 * values.std() / 20, abs=0.02)
    assert high == pytest.approx(values.mean() + 1.96 * values.std() / 20, abs=0.02)
    assert (low, high) == bootstrap_interval(lambda rows: float(values[rows].mean()), len(values))


@pytest.mark.parametrize(("right", "total", "confidence"), [(2, 1, 0.9), (-1, 1, 0.9), (1, 2, 1.0), (1, 2, 0.0)])
def test_nonsense_is_refused(right: int, total: int, confidence: float) -> None:
    with pytest.raises(ValueError, match=r"possible|confidence"):
        wilson_interval(right, total, confidence)
