"""Precision, coverage and top-k against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_score, recall_score
from sklearn.metrics import top_k_accuracy_score as reference_top_k

from compoundeye.evaluate import ABSTAINED, coverage, precision, recall, selective_curve, top_k_accuracy

SCORES = arrays(np.float64, st.integers(1, 100), elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]))


def test_precision_and_recall_of_a_category_equal_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    predicted, truth = rng.integers(0, 4, 500), rng.integers(0, 4, 500)
    for category in range(4):
        options = {"labels": [category], "average": "micro"}
        assert precision(predicted, truth, category) == pytest.approx(precision_score(truth, predicted, **options))
        assert recall(predicted, truth, category) == pytest.approx(recall_score(truth, predicted, **options))


def test_abstaining_costs_recall_and_coverage_but_not_precision() -> None:
    truth = np.array([0, 0, 1, 1, ABSTAINED])
    predicted = np.array([0, ABSTAINED, 1, 0, ABSTAINED])
    assert precision(predicted, truth) == pytest.approx(2 / 3)
    assert recall(predicted, truth) == pytest.approx(2 / 4)
    assert coverage(predicted) == pytest.approx(3 / 5)


def test_an_answer_where_there_is_none_costs_precision() -> None:
    assert precision(np.array([0, 0]), np.array([0, ABSTAINED])) == 0.5


def test_nothing_to_count_is_not_a_number() -> None:
    none = np.array([], int)
    assert np.isnan(precision(np.array([ABSTAINED]), np.array([0])))
    assert np.isnan(recall(np.array([0]), np.array([ABSTAINED])))
    assert np.isnan(coverage(none))
    assert np.isnan(selective_curve(none, none.astype(bool)).area)


@settings(max_examples=50, deadline=None)
@given(SCORES, st.integers(0, 99))
def test_each_point_of_the_curve_is_what_its_threshold_does(score: np.ndarray, seed: int) -> None:
    right = np.random.default_rng(seed).random(len(score)) < 0.5
    curve = selective_curve(score, right)
    assert curve.coverage[-1] == 1
    assert np.all(np.diff(curve.threshold) < 0)
    for threshold, answered, good in zip(curve.threshold, curve.answered, curve.right, strict=True):
        assert answered == (score >= threshold).sum()
        assert good == right[score >= threshold].sum()


def test_area_is_the_mean_risk_over_coverages() -> None:
    rng = np.random.default_rng(1)
    score = rng.permutation(200) / 200
    right = rng.random(200) < score
    ordered = right[np.argsort(-score)]
    risks = [1 - ordered[:k].mean() for k in range(1, 201)]
    assert selective_curve(score, right).area == pytest.approx(np.mean(risks))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_equals_scikit_learn(k: int) -> None:
    rng = np.random.default_rng(2)
    scores, truth = rng.random((300, 6)), rng.integers(0, 6, 300)
    assert top_k_accuracy(scores, truth, k) == pytest.approx(reference_top_k(truth, scores, k=k, labels=range(6)))


def test_a_model_that_says_nothing_earns_nothing_by_ties() -> None:
    scores = np.zeros((10, 10))
    assert top_k_accuracy(scores, np.arange(10), 1) == pytest.approx(0.1)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        selective_curve(np.array([np.nan]), np.array([True]))
    with pytest.raises(ValueError, match="k >= 1"):
        top_k_accuracy(np.ones((1, 2)), np.array([0]), 0)
