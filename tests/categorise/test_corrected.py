"""What corrections teach about a trained classifier."""

from __future__ import annotations

import math

import numpy as np
import pytest

from compoundeye.categorise._calibrate import softmax
from compoundeye.categorise._corrected import ENOUGH, fit_on_corrections, judge, nodes_of, uncalibrated
from compoundeye.models import Labels, labels
from compoundeye.records import EyeError

IMAGENET = labels("imagenet-1k")
FLAT = Labels(("ant", "bee", "cow", "dog"))


def boasting(count: int, of: Labels, by: float, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Logits of a classifier that is too sure by a factor, and what the pictures really show."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(count, len(of)))
    true[np.arange(count), rng.integers(0, len(of), count)] += rng.uniform(2, 14, count)
    words = [of.names[rng.choice(len(of), p=row)] for row in softmax(true)]
    return (true * by).astype(np.float32), words


@pytest.mark.parametrize("of", [IMAGENET, FLAT], ids=["tree", "flat"])
def test_a_boaster_is_cooled_down(of: Labels) -> None:
    logits, words = boasting(3000, of, by=2.5)
    fitted = fit_on_corrections(logits, words, of, None)
    assert fitted.calibration.temperature == pytest.approx(2.5, rel=0.15)
    assert fitted.quality.ece < 0.05
    assert fitted.quality.pictures == 1500


def test_broader_words_teach_too() -> None:
    """Someone who says "dog" of a terrier is believed, and the temperature comes out the same."""
    tree = IMAGENET.tree
    assert tree is not None
    logits, words = boasting(3000, IMAGENET, by=2.5)
    broader = [tree.names[tree.ancestors(IMAGENET.names.index(word))[1]] for word in words]
    assert fit_on_corrections(logits, broader, IMAGENET, None).calibration.temperature == pytest.approx(2.5, rel=0.25)


@pytest.mark.parametrize("precision", [0.8, 0.95])
def test_the_threshold_shows_the_precision(precision: float) -> None:
    logits, words = boasting(3000, IMAGENET, by=2.5)
    fitted = fit_on_corrections(logits, words, IMAGENET, precision)
    assert fitted.promise.shown
    assert fitted.promise.lower_bound >= precision
    assert fitted.promise.coverage > 0.3


def test_a_precision_that_no_threshold_shows_is_not_claimed() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(400, 4)) * 9
    words = [FLAT.names[n] for n in rng.integers(0, 4, 400)]
    fitted = fit_on_corrections(logits, words, FLAT, 0.9)
    assert not fitted.promise.shown
    assert fitted.threshold == 0.9
    assert "no threshold" in fitted.promise.note


def test_too_few_corrections_are_counted_in_the_message() -> None:
    logits, words = boasting(ENOUGH + 50, FLAT, by=1)
    words[:60] = ["something else"] * 60
    with pytest.raises(EyeError, match=f"needs {ENOUGH} corrections .* there are {ENOUGH - 10}"):
        fit_on_corrections(logits, words, FLAT, None)


def test_without_labelled_pictures_nothing_is_claimed() -> None:
    fitted = uncalibrated(0.9)
    assert fitted.quality.method == "none"
    assert fitted.quality.pictures == 0
    assert math.isnan(fitted.quality.ece)
    assert not fitted.promise.shown
    assert fitted.threshold == 0.9
    assert uncalibrated(None).threshold == 0.5


def test_words_are_found_whatever_their_case() -> None:
    assert nodes_of(["TABBY", "Tabby", "no such thing"], ["dog", "tabby"]).tolist() == [1, 1, -1]


def test_a_broader_answer_is_right_and_a_finer_one_cannot_be_told() -> None:
    tree = IMAGENET.tree
    assert tree is not None
    place = {name: node for node, name in enumerate(tree.names)}
    cases = [
        ("tabby", "tabby", True, True),
        ("feline", "tabby", True, True),
        ("dog", "tabby", False, True),
        ("tabby", "feline", False, False),
        (None, "tabby", False, True),
    ]
    said = np.array([-1 if name is None else place[name] for name, *_ in cases])
    right, told = judge(said, np.array([place[name] for _, name, *_ in cases]), tree)
    assert right.tolist() == [case[2] for case in cases]
    assert told.tolist() == [case[3] for case in cases]
