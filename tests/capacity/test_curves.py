"""Curves rise, keep what rose already, and turn published tables into fractions."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.capacity import Curve
from compoundeye.capacity._curves import from_all_reduce, from_floor, rising

POINTS = st.lists(st.tuples(st.integers(1, 10**12).map(float), st.floats(1e-6, 10)), min_size=1, max_size=30)


def rises(curve: Curve) -> bool:
    return all(a < b and low <= high for (a, low), (b, high) in pairwise(curve.points))


@given(POINTS)
def test_whatever_was_measured_the_curve_rises(points: list[tuple[float, float]]) -> None:
    curve = rising(points)
    assert rises(curve)
    assert {size for size, _ in curve.points} == {size for size, _ in points}
    fractions = [fraction for _, fraction in points]
    assert min(fractions) <= curve.points[0][1]
    assert curve.points[-1][1] <= max(fractions)


def test_what_rises_already_stays_and_neighbours_that_fall_are_put_at_their_mean() -> None:
    points = ((1.0, 0.1), (10.0, 0.4), (100.0, 0.4), (1000.0, 0.9))
    assert rising(points).points == points
    assert rising([(1, 0.1), (10, 0.6), (100, 0.4), (1000, 0.9)]).points[1:3] == ((10.0, 0.5), (100.0, 0.5))


@pytest.mark.parametrize("points", [[], [(0.0, 0.5)], [(1.0, 0.0)]])
def test_no_points_and_points_at_zero_make_no_curve(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        rising(points)


def test_a_floor_is_what_small_operations_take_and_the_limit_what_large_ones_reach() -> None:
    curve = from_floor(1e12, floor=2e-6, limit=0.8)
    assert rises(curve)
    assert curve.at(2**34) == pytest.approx(0.8, rel=0.001)
    tiny = 2.0**11
    assert tiny / (1e12 * curve.at(tiny)) == pytest.approx(2e-6, rel=0.01)


def test_an_all_reduce_gives_its_time_back_once_the_hops_are_added_again() -> None:
    ranks, bandwidth, latency = 8, 450e9, 0.5e-6
    table = [(2.0**20, 43.7e9), (2.0**25, 295.5e9), (2.0**33, 367.6e9)]
    curve = from_all_reduce(table, ranks, bandwidth, latency)
    for size, rate in table:
        sent = 1.75 * size
        assert 14 * latency + sent / (bandwidth * curve.at(sent)) == pytest.approx(sent / rate)


def test_a_limit_slows_each_byte_alike_and_leaves_small_messages_as_they_were() -> None:
    table = [(2.0**10, 0.07e9), (2.0**33, 478.9e9)]
    plain = from_all_reduce(table, 8, 450e9, 0.0)
    limited = from_all_reduce(table, 8, 450e9, 0.0, limit=0.817)
    assert limited.points[-1][1] == pytest.approx(0.817)
    assert limited.points[0][1] == pytest.approx(plain.points[0][1], rel=1e-3)
