"""The length of a training."""

import pytest

from compoundeye.plan._budget import UNTOLD, budget
from compoundeye.records import EyeError


def test_epochs_pictures_and_tokens_say_the_same() -> None:
    by_epochs = budget(128, 197, corpus=10_000, epochs=3)
    by_pictures = budget(128, 197, corpus=10_000, pictures=30_000)
    by_tokens = budget(128, 197, corpus=10_000, tokens=30_000 * 197)
    for one in (by_epochs, by_pictures, by_tokens):
        assert (one.pictures, one.steps, one.epochs, one.tokens) == (30_000, 235, 3.0, 5_910_000)
    assert by_tokens.source != by_pictures.source


def test_without_a_word_it_is_an_assumption() -> None:
    found = budget(1000, 10)
    assert found.pictures == UNTOLD
    assert found.epochs is None
    assert found.terms()[0].kind == "assumed"
    assert budget(128, 10, pictures=1).steps == 1


def test_mistakes() -> None:
    with pytest.raises(EyeError, match="in pictures or in tokens"):
        budget(1, 1, pictures=1, tokens=1)
    with pytest.raises(EyeError, match="3 epochs of how many pictures"):
        budget(1, 1, epochs=3)
    with pytest.raises(EyeError, match="a budget of 0 tokens"):
        budget(1, 1, tokens=0)
