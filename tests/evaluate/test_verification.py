"""Error rates of verification against scikit-learn's ROC and against counting one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_curve

from compoundeye.evaluate import Verification, folded_accuracy

# Few distinct values, so that ties are common; NaN for who could not be enrolled.
SCORES = arrays(np.float64, st.integers(2, 60), elements=st.sampled_from([math.nan, -0.2, 0.0, 0.1, 0.25, 0.5, 0.9]))


def some(scores: np.ndarray, seed: int) -> np.ndarray:
    same = np.random.default_rng(seed).random(len(scores)) < 0.5
    same[0], same[1] = True, False
    return same


@settings(max_examples=80, deadline=None)
@given(SCORES, st.integers(0, 99), st.sampled_from([-1.0, 0.0, 0.1, 0.3, 0.9, 2.0]))
def test_rates_at_a_threshold_are_what_counting_gives(scores: np.ndarray, seed: int, threshold: float) -> None:
    same = some(scores, seed)
    measured = Verification.of(scores, same)
    accepted = [not math.isnan(score) and score >= threshold for score in scores]
    pairs = list(zip(accepted, same, strict=True))
    assert measured.false_matches(threshold) == sum(yes and not mated for yes, mated in pairs)
    assert measured.false_non_matches(threshold) == sum(not yes and mated for yes, mated in pairs)
    assert measured.fmr(threshold) == measured.false_matches(threshold) / (~same).sum()
    assert measured.fnmr(threshold) == measured.false_non_matches(threshold) / same.sum()


@settings(max_examples=60, deadline=None)
@given(SCORES, st.integers(0, 99))
def test_det_equals_scikit_learns_roc(scores: np.ndarray, seed: int) -> None:
    same = some(scores, seed)
    curve = Verification.of(scores, same).det()
    lowest = np.where(np.isnan(scores), -9.0, scores)  # scikit-learn knows no NaN: below all others instead
    fpr, tpr, thresholds = roc_curve(same, lowest, drop_intermediate=False)
    assert len(curve.threshold) == len(thresholds) + (0 if np.isnan(scores).any() else 1)
    for threshold, false, true in zip(thresholds, fpr, tpr, strict=True):
        at = int(np.searchsorted(curve.threshold, threshold if threshold > -9 else -np.inf))
        assert (curve.fmr[at], 1 - curve.fnmr[at]) == pytest.approx((false, true))
    assert (curve.fmr[0], curve.fnmr[0], curve.fmr[-1], curve.fnmr[-1]) == (1, 0, 0, 1)


@settings(max_examples=80, deadline=None)
@given(SCORES, st.integers(0, 99), st.sampled_from([0.0, 0.05, 0.1, 1 / 3, 0.5, 1.0]))
def test_no_lower_threshold_keeps_the_rate(scores: np.ndarray, seed: int, rate: float) -> None:
    same = some(scores, seed)
    measured = Verification.of(scores, same)
    threshold = measured.threshold_at(rate)
    assert measured.fmr(threshold) <= rate + 1e-12
    lower = [score for score in scores[~np.isnan(scores)] if score < threshold]
    assert all(measured.fmr(score) > rate for score in lower if measured.fmr(score) != measured.fmr(threshold))


def test_one_in_a_thousand_of_3000_is_three_false_matches_and_not_two() -> None:
    rng = np.random.default_rng(0)
    measured = Verification.of(rng.normal(size=3001), np.arange(3001) == 0)
    assert measured.false_matches(measured.threshold_at(0.001)) == 3


def test_equal_error_rate_of_two_normal_distributions_is_that_of_theory() -> None:
    rng = np.random.default_rng(3)
    scores = np.concatenate([rng.normal(2, 1, 40_000), rng.normal(0, 1, 40_000)])
    measured = Verification.of(scores, np.arange(80_000) < 40_000)
    assert measured.eer == pytest.approx(0.1587, abs=0.004)  # Phi(-1)
    curve = measured.det()
    at = int(np.argmin(np.abs(curve.fmr - curve.fnmr)))
    assert measured.eer == pytest.approx((curve.fmr[at] + curve.fnmr[at]) / 2, abs=1e-4)


def test_who_cannot_be_enrolled_is_a_false_non_match_and_never_a_false_match() -> None:
    scores = np.array([0.9, 0.8, math.nan, math.nan, 0.1, 0.2])
    same = np.array([True, True, True, False, False, False])
    measured = Verification.of(scores, same)
    assert measured.fnmr(0.5) == pytest.approx(1 / 3)
    assert measured.fnmr(-math.inf) == pytest.approx(1 / 3)
    assert measured.fmr(0.0) == pytest.approx(2 / 3)
    assert measured.made.fnmr(0.5) == 0
    assert measured.made.fmr(0.0) == 1


def test_what_was_not_compared_is_not_a_number() -> None:
    none = np.empty(0, bool)
    empty = Verification.of(np.empty(0), none)
    assert all(math.isnan(value) for value in (empty.fmr(0.5), empty.fnmr(0.5), empty.eer, empty.threshold_at(0.1)))
    assert len(empty.det().threshold) == 0


def test_perfect_scores_have_no_error_and_reversed_ones_nothing_else() -> None:
    scores, same = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])
    assert Verification.of(scores, same).eer == 0
    assert Verification.of(-scores, same).eer == 1
    folds = np.array([0, 1, 0, 1])
    assert folded_accuracy(scores, same, folds) == (1.0, 0.0)


@settings(max_examples=40, deadline=None)
@given(SCORES, st.integers(0, 99))
def test_folded_accuracy_is_at_the_best_threshold_of_the_other_folds(scores: np.ndarray, seed: int) -> None:
    same = some(scores, seed)
    folds = np.arange(len(scores)) % 2
    accuracy, error = folded_accuracy(scores, same, folds)
    clean = np.where(np.isnan(scores), -9.0, scores)
    possible = np.array([-99, -0.1, 0.05, 0.2, 0.4, 0.7, 99])  # between all values, above and below
    right = []
    for fold in (0, 1):
        train, test = folds != fold, folds == fold
        hits = np.array([((clean[train] >= cut) == same[train]).sum() for cut in [*possible, -5]])
        best = [cut for cut, hit in zip([*possible, -5], hits, strict=True) if hit == hits.max()]
        right.append({float(np.mean((clean[test] >= cut) == same[test])) for cut in best})
    assert any(math.isclose(accuracy, (one + two) / 2) for one in right[0] for two in right[1])
    assert error >= 0


def test_standard_error_is_of_the_folds_mean() -> None:
    same = np.array([True, False] * 6)
    folds = np.repeat([0, 1, 2], 4)
    scores = np.where(same, 0.9, 0.1)
    scores[0] = 0.05  # wrong in the first fold at any threshold of the others
    accuracy, error = folded_accuracy(scores, same, folds)
    parts = np.array([0.75, 1.0, 1.0])
    assert accuracy == pytest.approx(parts.mean())
    assert error == pytest.approx(parts.std(ddof=1) / math.sqrt(3))


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[P\]"):
        Verification.of(np.zeros(3), np.zeros(2, bool))
    with pytest.raises(ValueError, match="0 to 1"):
        Verification.of(np.zeros(2), np.array([True, False])).threshold_at(2)
    with pytest.raises(ValueError, match="two folds"):
        folded_accuracy(np.zeros(2), np.array([True, False]), np.zeros(2, int))
