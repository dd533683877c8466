"""A promised precision holds as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.categorise._promise import (
    CONFIDENCE,
    certified_threshold,
    check_precision,
    choose,
    fewest,
    of_answers,
)
from compoundeye.records import EyeError


def test_fewest_right_answers_that_show_a_precision() -> None:
    for precision in (0.5, 0.8, 0.9, 0.95, 0.99):
        count = fewest(precision)
        assert precision**count <= 1 - CONFIDENCE < precision ** (count - 1)


@pytest.mark.parametrize("precision", [0.8, 0.9, 0.95])
def test_as_many_right_answers_show_it_and_one_fewer_does_not(precision: float) -> None:
    count = fewest(precision)
    score = np.linspace(0.6, 1, count)
    assert certified_threshold(score, np.ones(count, bool), precision) == score[0]
    assert certified_threshold(score[1:], np.ones(count - 1, bool), precision) is None


@pytest.mark.parametrize(("precision", "count"), [(0.8, 60), (0.8, 300), (0.9, 300)])
def test_nine_promises_in_ten_hold(precision: float, count: int) -> None:
    """Scores whose true precision above any threshold is known: P(right | s) = s, s uniform in 0.5 to 1."""
    rng = np.random.default_rng(0)
    broken = made = 0
    for _ in range(400):
        score = rng.uniform(0.5, 1, count)
        right = rng.random(count) < score
        threshold = certified_threshold(score, right, precision)
        if threshold is not None:
            made += 1
            broken += (threshold + 1) / 2 < precision
    assert made > 20
    # 400 draws: a rate of 0.1 shows as 0.15 less than once in a thousand times.
    assert broken / 400 <= 0.15


def test_more_data_find_more_coverage() -> None:
    rng = np.random.default_rng(1)

    def threshold(count: int) -> float:
        score = rng.uniform(0.5, 1, count)
        return certified_threshold(score, rng.random(count) < score, 0.9) or math.inf

    assert np.median([threshold(3000) for _ in range(20)]) < np.median([threshold(200) for _ in range(20)])
    assert threshold(200_000) == pytest.approx(0.8, abs=0.12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 200), st.integers(0, 99), st.sampled_from([0.6, 0.9, 0.95]))
def test_thresholds_never_answer_what_the_guard_left_out(count: int, seed: int, precision: float) -> None:
    rng = np.random.default_rng(seed)
    score = np.where(rng.random(count) < 0.3, -1.0, rng.random(count))
    predicted, truth = rng.integers(0, 3, count), rng.integers(0, 3, count)
    found = choose(score, predicted, truth, 3, precision)
    assert np.all(found.values >= 0.5) or found.promise.shown
    assert np.all(found.values > 0)
    assert found.promise.pictures <= (score >= 0).sum()


def test_a_category_that_shows_its_own_precision_does_not_pay_for_another() -> None:
    rng = np.random.default_rng(2)
    score = rng.uniform(0.5, 1, 400)
    predicted = np.repeat([0, 1], 200)
    # Category 0 is always right, category 1 as often as its score says.
    truth = np.where((predicted == 0) | (rng.random(400) < score), predicted, 2)
    found = choose(score, predicted, truth, 3, 0.9)
    assert found.own[0]
    assert found.values[0] == score[:200].min()
    assert found.values[1] > 0.7


def test_categories_with_few_answers_lean_on_all_the_others() -> None:
    """What can be shown of all together is not lost because one category shows it alone and leaves few behind."""
    score = np.linspace(0.6, 1, 66)
    predicted = np.array([0] * 60 + [1] * 3 + [2] * 3)
    found = choose(score, predicted, predicted, 3, 0.95)
    assert found.promise.shown
    assert found.values.tolist() == [score[0]] * 3


def test_too_few_examples_are_said_to_be_too_few_and_most_are_abstained() -> None:
    score = np.linspace(0.6, 1, 12)
    truth = np.arange(12) % 3
    found = choose(score, truth, truth, 3, 0.95)
    assert not found.promise.shown
    assert "12 examples do not show a precision of 0.95" in found.promise.note
    assert "it takes 45" in found.promise.note
    assert found.promise.coverage <= 0.5
    assert found.values.min() >= np.median(score)


def test_where_nothing_can_be_shown_no_threshold_lets_a_known_mistake_through() -> None:
    score = np.array([0.99, 0.98, 0.97, 0.9])
    predicted = np.zeros(4, int)
    found = choose(score, predicted, np.array([1, 0, 0, 0]), 2, 0.9)
    assert not np.any((score >= found.values[0]) & (predicted != [1, 0, 0, 0]))


def test_no_precision_asked_answers_what_is_likelier_than_not() -> None:
    score = np.array([0.49, 0.51, 0.9])
    found = choose(score, np.zeros(3, int), np.array([0, 0, 1]), 2, None)
    assert found.values.tolist() == [0.5, 0.5]
    assert found.promise.asked is None
    assert found.promise.estimate == 0.5
    assert not found.promise.shown


def test_a_promise_about_answers_is_shown_only_by_its_lower_bound() -> None:
    all_answered = np.ones(45, bool)
    assert of_answers(all_answered, all_answered, 0.95).shown
    assert not of_answers(all_answered[:44], all_answered[:44], 0.95).shown
    assert not of_answers(all_answered, all_answered, None).shown
    assert math.isnan(of_answers(~all_answered, all_answered, 0.9).estimate)


@pytest.mark.parametrize("precision", [0.0, 0.49, 1.0, 1.5, math.nan])
def test_precisions_that_nothing_can_show_are_refused(precision: float) -> None:
    with pytest.raises(EyeError, match="precision must be"):
        check_precision(precision)
