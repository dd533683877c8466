"""Temperatures, isotonic maps, and whether they calibrate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss as reference_log_loss

from compoundeye.categorise._calibrate import (
    ENOUGH_FOR_ISOTONIC,
    Calibration,
    cross_fitted,
    fit,
    fit_isotonic,
    fit_temperature,
    log_loss,
    smoothed_log_loss,
    softmax,
)
from compoundeye.evaluate import expected_calibration_error


def overconfident(count: int, classes: int = 5, by: float = 3.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits ``by`` times too large, and truths drawn from the right ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, classes)) * 2
    truth = np.array([rng.choice(classes, p=row) for row in softmax(logits)])
    return logits * by, truth


def test_softmax_survives_large_numbers() -> None:
    np.testing.assert_allclose(softmax(np.array([[1e4, 1e4, -1e4]])), [[0.5, 0.5, 0]])


def test_log_loss_equals_scikit_learn() -> None:
    logits, truth = overconfident(300)
    assert log_loss(logits, truth) == pytest.approx(reference_log_loss(truth, softmax(logits), labels=range(5)))


def test_the_temperature_is_the_one_that_was_put_in() -> None:
    logits, truth = overconfident(20_000, by=3.0)
    assert fit_temperature(lambda t: smoothed_log_loss(logits / t, truth)) == pytest.approx(3.0, rel=0.05)


def test_the_temperature_is_of_least_loss() -> None:
    logits, truth = overconfident(400, by=0.5)
    found = fit_temperature(lambda t: log_loss(logits / t, truth))
    best = minimize_scalar(lambda t: log_loss(logits / t, truth), bounds=(0.05, 10), method="bounded")
    assert log_loss(logits / found, truth) == pytest.approx(best.fun, abs=1e-8)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 12), st.integers(2, 6))
def test_a_few_right_answers_do_not_make_certainty(count: int, classes: int) -> None:
    truth = np.arange(count) % classes
    logits = np.eye(classes)[truth] * 5.0
    sure = fit(logits, truth).probabilities(logits).max(axis=1)
    # Laplace's rule of succession is (n + 1) / (n + 2) for an event seen n times of n.
    np.testing.assert_allclose(sure, (count + 1) / (count + 2), atol=1e-3)


def test_isotonic_map_equals_scikit_learn_with_the_same_two_extra_answers() -> None:
    rng = np.random.default_rng(1)
    score = rng.random(500)
    right = rng.random(500) < score**3
    x, y = np.array(fit_isotonic(score, right))
    places = np.concatenate([[score.min()], np.sort(score), [score.max()]])
    values = np.concatenate([[1], right[np.argsort(score)], [0]])
    # Equal places are one place to scikit-learn, so the two extra answers stand a hair outside.
    places[0] -= 1e-12
    places[-1] += 1e-12
    expected = IsotonicRegression().fit(places, values)
    np.testing.assert_allclose(np.interp(score, x, y), expected.predict(score), atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=60))
def test_isotonic_maps_ascend_and_never_reach_certainty(cases: list[tuple[float, bool]]) -> None:
    score, right = (np.array(column) for column in zip(*cases, strict=True))
    x, y = np.array(fit_isotonic(score, right))
    assert np.all(np.diff(x) > 0)
    assert np.all(np.diff(y) >= 0)
    assert np.all((y > 0) & (y < 1))


def test_enough_data_bring_an_isotonic_map_and_it_calibrates() -> None:
    logits, truth = overconfident(8000)
    calibration = fit(logits[:4000], truth[:4000])
    assert calibration.method == "isotonic"
    probabilities = calibration.probabilities(logits[4000:])
    right = probabilities.argmax(axis=1) == truth[4000:]
    before = expected_calibration_error(softmax(logits[4000:]).max(axis=1), right)
    after = expected_calibration_error(calibration.confidence(probabilities.max(axis=1)), right)
    assert before > 0.15
    assert after < 0.03


def test_few_data_bring_a_temperature() -> None:
    logits, truth = overconfident(ENOUGH_FOR_ISOTONIC - 1)
    assert fit(logits, truth).method == "temperature"
    assert Calibration().method == "none"


def test_quality_is_measured_on_pictures_that_were_held_out() -> None:
    rng = np.random.default_rng(2)
    logits, truth = rng.normal(size=(3000, 4)), rng.integers(0, 4, 3000)
    found = cross_fitted(logits, truth, np.arange(3000) % 5)
    assert found.pictures == 3000
    assert found.accuracy == pytest.approx(0.25, abs=0.03)
    # Pure noise: an honest calibration says about one quarter, and is right about that.
    assert found.ece < 0.05
