"""A protocol card judges a measurement."""

import pytest

from compoundeye.evaluate import Protocol


@pytest.mark.parametrize(
    ("value", "higher", "passed"),
    [(0.8, True, True), (0.7, True, False), (0.8, False, False), (0.7, False, True), (float("nan"), True, False)],
)
def test_a_card_says_whether_it_passed(value: float, higher: bool, passed: bool) -> None:
    card = Protocol("top-1", "made here", "all", "none", threshold=0.75, higher_is_better=higher)
    verdict = card.judge(lambda: value)
    assert verdict["passed"] is passed
    assert verdict["threshold"] == 0.75
