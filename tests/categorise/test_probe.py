"""The linear probe against scikit-learn's logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from compoundeye.categorise._probe import fit_probe, minimise


def centred(logits: np.ndarray) -> np.ndarray:
    """A constant added to every logit of a picture changes nothing."""
    return logits - logits.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("penalty", [1e-1, 1e-3])
@pytest.mark.parametrize(("count", "width"), [(40, 300), (400, 64)])
def test_it_is_scikit_learns_optimum(count: int, width: int, penalty: float) -> None:
    """Fewer examples than dimensions, and more: the first is solved in the span of the examples."""
    rng = np.random.default_rng(0)
    truth = np.arange(count) % 4
    x = rng.normal(size=(4, width))[truth] / np.sqrt(width) + rng.normal(size=(count, width)) / np.sqrt(width)
    ours = fit_probe(x, truth, 4, penalty)
    reference = LogisticRegression(C=1 / (count * penalty), max_iter=10_000, tol=1e-10).fit(x, truth)
    new = rng.normal(size=(50, width)) / np.sqrt(width)
    np.testing.assert_allclose(centred(ours.logits(new)), centred(reference.decision_function(new)), atol=1e-3)


def test_digits() -> None:
    x, y = load_digits(return_X_y=True)
    x = x / 16
    probe = fit_probe(x[:1000], y[:1000], 10, 1e-3)
    assert np.mean(probe.logits(x[1000:]).argmax(axis=1) == y[1000:]) > 0.9


def test_examples_that_are_all_alike_give_no_opinion() -> None:
    probe = fit_probe(np.ones((6, 8)), np.arange(6) % 2, 2, 1e-2)
    np.testing.assert_allclose(probe.logits(np.ones((1, 8))), 0, atol=1e-5)


def test_minimise_finds_the_bottom_of_a_narrow_valley() -> None:
    scale = np.logspace(0, 4, 12)
    bottom = np.arange(12.0)

    def valley(x: np.ndarray) -> tuple[float, np.ndarray]:
        return float((scale * (x - bottom) ** 2).sum() / 2), scale * (x - bottom)

    np.testing.assert_allclose(minimise(valley, np.zeros(12)), bottom, atol=1e-6)


def test_minimise_stays_at_the_bottom() -> None:
    start = np.zeros(3)
    assert minimise(lambda x: (float(x @ x), 2 * x), start) is start
