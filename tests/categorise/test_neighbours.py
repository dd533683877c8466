"""Nearness to categories, and strangers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from compoundeye.categorise._neighbours import SHARPNESS, Neighbours, fit_guard, nearness
from compoundeye.categorise._rules import unit


def test_one_neighbour_is_scikit_learns() -> None:
    x, y = load_digits(return_X_y=True)
    x = unit(x)
    ours = Neighbours(x[:800], y[:800].astype(np.int32), 10, 1).logits(x[800:])
    reference = KNeighborsClassifier(1, metric="cosine").fit(x[:800], y[:800])
    assert np.mean(ours.argmax(axis=1) == reference.predict(x[800:])) == pytest.approx(1.0, abs=0.002)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 7), st.integers(2, 4))
def test_nearness_is_the_mean_weight_of_each_categorys_nearest(seed: int, k: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.arange(12) % classes
    cosines = rng.uniform(-1, 1, (3, 12))
    found = nearness(cosines, truth, classes, k)
    for row in range(3):
        for category in range(classes):
            best = np.sort(cosines[row, truth == category])[::-1][:k]
            assert found[row, category] == pytest.approx(np.log(np.mean(np.exp(best / SHARPNESS))), rel=1e-4)


def test_a_category_without_examples_is_never_near() -> None:
    assert nearness(np.ones((1, 2)), np.zeros(2, int), 2, 1)[0, 1] == -np.inf


def test_the_guard_lets_members_pass_and_stops_strangers() -> None:
    rng = np.random.default_rng(0)
    family = unit(rng.normal(size=(1, 64)) + 0.5 * rng.normal(size=(400, 64)))
    guard = fit_guard(family[:200])
    assert np.mean(guard.strange(family[200:])) < 0.12
    assert guard.strange(unit(rng.normal(size=(100, 64)))).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 60), st.integers(0, 99))
def test_an_example_is_no_stranger_and_few_of_them_are_strange_to_the_rest(count: int, seed: int) -> None:
    features = unit(np.random.default_rng(seed).normal(size=(count, 8)))
    guard = fit_guard(features)
    assert not guard.strange(features).any()
    cosines = features @ features.T
    np.fill_diagonal(cosines, -1)
    assert np.mean(cosines.max(axis=1) < guard.least_cosine) <= 0.05
