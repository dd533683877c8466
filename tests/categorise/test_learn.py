"""Learning from examples on real data: scikit-learn's 1,797 handwritten digits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from compoundeye.categorise._learn import FEWEST, FOLDS, folds, learn
from compoundeye.categorise._look import Looked
from compoundeye.categorise._rules import ByExamples
from compoundeye.records import EyeError

DIGITS, TRUTH = load_digits(return_X_y=True)
DIGITS = DIGITS.astype(np.float16)


def draw(per_category: int, seed: int, categories: range = range(10)) -> tuple[np.ndarray, np.ndarray]:
    """Rows of some examples of each category, and of all others of those categories."""
    rng = np.random.default_rng(seed)
    chosen = np.concatenate([rng.permutation(np.flatnonzero(TRUTH == c))[:per_category] for c in categories])  # noqa: SIM300
    rest = np.setdiff1d(np.flatnonzero(np.isin(TRUTH, list(categories))), chosen)
    return rng.permutation(chosen), rest


def answers(rule: ByExamples, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(whether said, whether right) of each row."""
    seen = Looked(DIGITS[rows], None, None, [None] * len(rows))
    found = rule.answer(seen)
    names = np.array([*rule.names, ""])
    return found.category >= 0, names[found.category] == TRUTH[rows].astype(str)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(FEWEST, 20), min_size=2, max_size=6))
def test_folds_hold_out_each_example_once_and_every_category_evenly(counts: list[int]) -> None:
    truth = np.repeat(np.arange(len(counts)), counts)
    fold = folds(truth)
    number = min(FOLDS, *counts)
    assert set(fold) == set(range(number))
    for category, count in enumerate(counts):
        held = np.bincount(fold[truth == category], minlength=number)
        assert held.max() - held.min() <= 1
        assert count - held.max() >= 1
    sizes = np.bincount(fold)
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize("precision", [0.9, 0.95])
def test_the_promised_precision_holds_on_digits_nobody_has_seen(precision: float) -> None:
    broken = 0
    for seed in range(6):
        chosen, rest = draw(20, seed)
        learnt = learn(DIGITS[chosen], TRUTH[chosen].astype(str), precision)
        assert learnt.promise.shown
        said, right = answers(learnt.rule, rest)
        assert said.mean() > 0.5
        broken += right[said].mean() < precision
    # One in ten may break; three of six would be an accident of one in sixty.
    assert broken <= 2


def test_confidences_fit_on_digits_nobody_has_seen() -> None:
    chosen, rest = draw(40, 0)
    learnt = learn(DIGITS[chosen], TRUTH[chosen].astype(str), None)
    found = learnt.rule.answer(Looked(DIGITS[rest], None, None, [None] * len(rest)))
    right = np.array(learnt.rule.names)[found.best] == TRUTH[rest].astype(str)
    assert learnt.quality.accuracy == pytest.approx(right.mean(), abs=0.03)
    assert found.best_confidence.mean() == pytest.approx(right.mean(), abs=0.03)


def test_three_examples_of_each_are_enough_to_begin() -> None:
    chosen, rest = draw(3, 1)
    learnt = learn(DIGITS[chosen], TRUTH[chosen].astype(str), None)
    said, right = answers(learnt.rule, rest)
    assert said.mean() > 0.2
    assert right[said].mean() > 0.8


def test_three_examples_of_each_promise_nothing_and_label_only_the_surest() -> None:
    chosen, rest = draw(3, 1)
    learnt = learn(DIGITS[chosen], TRUTH[chosen].astype(str), 0.95)
    assert not learnt.promise.shown
    assert "30 examples" in learnt.promise.note or "examples do not show" in learnt.promise.note
    said, right = answers(learnt.rule, rest)
    assert said.mean() < 0.6
    assert right[said].mean() > 0.9


def test_digits_of_other_kinds_are_strangers_more_often_than_members() -> None:
    chosen, rest = draw(60, 2, range(4))
    rule = learn(DIGITS[chosen], TRUTH[chosen].astype(str), None).rule
    others = np.flatnonzero(TRUTH >= 4)
    strange = {
        kind: rule.answer(Looked(DIGITS[rows], None, None, [None] * len(rows))).strange.mean()
        for kind, rows in (("members", rest), ("others", others))
    }
    assert strange["members"] < 0.1
    assert strange["others"] > 0.5


def test_the_same_examples_give_the_same_rule() -> None:
    chosen, rest = draw(10, 3)
    first, second = (learn(DIGITS[chosen], TRUTH[chosen].astype(str), 0.9) for _ in range(2))
    seen = Looked(DIGITS[rest], None, None, [None] * len(rest))
    np.testing.assert_array_equal(first.rule.answer(seen).confidence, second.rule.answer(seen).confidence)


def test_float16_embeddings_change_next_to_nothing() -> None:
    """Digits are whole numbers, exact in float16: blur them so that rounding has something to lose."""
    blurred = DIGITS.astype(np.float32) + np.random.default_rng(0).normal(size=DIGITS.shape).astype(np.float32) / 3
    chosen, rest = draw(20, 4)
    rule = learn(blurred[chosen].astype(np.float16), TRUTH[chosen].astype(str), 0.9).rule
    exact = rule.answer(Looked(blurred[rest], None, None, []))  # type: ignore[arg-type]
    kept = rule.answer(Looked(blurred[rest].astype(np.float16), None, None, []))
    assert np.mean(exact.best == kept.best) > 0.998
    assert np.abs(exact.best_confidence - kept.best_confidence).max() < 0.01


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["cat"] * 5, "at least two categories, there is only 'cat'"),
        (["cat"] * 5 + ["dog"] * 2, r"at least 3 examples.*'dog' \(2\)"),
        ([], "there is none"),
    ],
)
def test_too_little_to_learn_from_is_said_clearly(labels: list[str], message: str) -> None:
    with pytest.raises(EyeError, match=message):
        learn(DIGITS[: len(labels)], labels, None)
