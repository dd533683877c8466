"""Fruin's levels, at their bounds."""

from __future__ import annotations

import pytest

from compoundeye.apps.traffic._rule_crowd import FRUIN_SQUARE_FEET, SQUARE_FOOT_M2, fruin_level


@pytest.mark.parametrize("scale", FRUIN_SQUARE_FEET)
def test_a_bound_belongs_to_the_better_level(scale: str) -> None:
    for least, level, worse in zip(FRUIN_SQUARE_FEET[scale], "ABCDE", "BCDEF", strict=True):
        assert fruin_level(10, 10.001 * least * SQUARE_FOOT_M2, scale) == level
        assert fruin_level(10, 9.999 * least * SQUARE_FOOT_M2, scale) == worse


def test_nobody_is_no_crowd() -> None:
    assert fruin_level(0, 1.0, "waiting") == "A"


def test_two_on_a_square_metre_wait_worse_than_they_could_but_can_hardly_walk() -> None:
    assert fruin_level(20, 10, "waiting") == "D"
    assert fruin_level(20, 10, "walkway") == "E"
