"""Calibration metrics against independent formulas and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from compoundeye.evaluate import brier_score, expected_calibration_error, reliability

CONFIDENCES = arrays(np.float64, st.integers(1, 200), elements=st.floats(0, 1))


def flags(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(count) < 0.6


def guo(confidence: np.ndarray, right: np.ndarray, bins: int) -> float:
    """Equation 3 as it is written, bin by bin."""
    total = 0.0
    for m in range(1, bins + 1):
        inside = (np.ceil(confidence * bins) == m) | ((m == 1) & (confidence == 0))
        if inside.any():
            total += inside.sum() / len(right) * abs(right[inside].mean() - confidence[inside].mean())
    return total


@settings(max_examples=50, deadline=None)
@given(CONFIDENCES, st.integers(0, 99), st.integers(1, 30))
def test_expected_calibration_error_is_equation_3(confidence: np.ndarray, seed: int, bins: int) -> None:
    right = flags(len(confidence), seed)
    found = expected_calibration_error(confidence, right, bins=bins)
    assert found == pytest.approx(guo(confidence, right, bins), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(CONFIDENCES, st.integers(0, 99), st.sampled_from(["width", "mass"]))
def test_every_picture_is_in_one_bin(confidence: np.ndarray, seed: int, by: str) -> None:
    right = flags(len(confidence), seed)
    diagram = reliability(confidence, right, by=by)  # type: ignore[arg-type]
    assert diagram.count.sum() == len(confidence)
    assert (diagram.count * diagram.accuracy).sum() == pytest.approx(right.sum())
    assert (diagram.count * diagram.confidence).sum() == pytest.approx(confidence.sum())


@pytest.mark.parametrize(("by", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_reliability_equals_scikit_learn(by: str, strategy: str) -> None:
    rng = np.random.default_rng(0)
    confidence = rng.random(5000)
    right = rng.random(5000) < confidence**2
    accuracy, mean = calibration_curve(right, confidence, n_bins=15, strategy=strategy)
    diagram = reliability(confidence, right, by=by)  # type: ignore[arg-type]
    np.testing.assert_allclose(diagram.accuracy, accuracy)
    np.testing.assert_allclose(diagram.confidence, mean)


def test_bins_of_equal_mass_hold_about_the_same_number() -> None:
    confidence = np.random.default_rng(1).beta(8, 1, 1000)
    diagram = reliability(confidence, flags(1000, 1), bins=10, by="mass")
    assert diagram.count.min() >= 99
    assert diagram.count.max() <= 101


def test_equal_confidences_share_a_bin_of_equal_mass() -> None:
    diagram = reliability(np.array([0.5] * 90 + [0.9] * 10), flags(100, 2), bins=10, by="mass")
    assert diagram.count.tolist() == [90, 10]


def test_a_calibrated_forecaster_has_nearly_no_error_and_a_boaster_has() -> None:
    rng = np.random.default_rng(3)
    confidence = rng.random(200_000)
    right = rng.random(200_000) < confidence
    assert expected_calibration_error(confidence, right) < 0.01
    assert expected_calibration_error(np.ones(1000), rng.random(1000) < 0.7) == pytest.approx(0.3, abs=0.05)


def test_brier_score_equals_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    probabilities = rng.dirichlet(np.ones(5), 300)
    truth = rng.integers(0, 5, 300)
    expected = brier_score_loss(truth, probabilities, labels=list(range(5)))
    assert brier_score(probabilities, truth) == pytest.approx(expected)


def test_no_pictures_is_not_a_number() -> None:
    none = np.array([])
    assert np.isnan(expected_calibration_error(none, none.astype(bool)))
    assert np.isnan(expected_calibration_error(none, none.astype(bool), by="mass"))
    assert np.isnan(brier_score(np.empty((0, 3)), np.empty(0, int)))


@pytest.mark.parametrize("confidence", [[1.5], [-0.1], [np.nan], [0.5, 0.5]])
def test_confidences_that_make_no_sense_are_refused(confidence: list[float]) -> None:
    with pytest.raises(ValueError, match=r"confidence|arrays"):
        expected_calibration_error(np.array(confidence), np.array([True]))


def test_other_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        reliability(np.array([0.5]), np.array([True]), bins=0)
    with pytest.raises(ValueError, match="truths"):
        brier_score(np.ones((1, 2)) / 2, np.array([2]))
    with pytest.raises(ValueError, match="expected"):
        brier_score(np.ones((1, 2)) / 2, np.array([0, 1]))
