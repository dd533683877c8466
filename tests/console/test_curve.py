"""Courses with fewer points: nothing is left out of what they stand for."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from compoundeye.console._curve import thinned

VALUES = st.lists(st.floats(-1e6, 1e6) | st.just(math.nan) | st.just(math.inf), max_size=300)


@given(VALUES, st.integers(1, 50))
def test_a_thinned_course_ends_where_it_ended_and_hides_no_peak(values: list[float], most: int) -> None:
    places = [float(3 * number) for number in range(len(values))]
    found = thinned(places, values, most)
    assert len(found.x) == len(found.y) == len(found.low) == len(found.high) <= most
    assert found.x[-1:] == places[-1:]
    assert found.x == sorted(set(found.x))
    finite = [value for value in values if math.isfinite(value)]
    assert min((one for one in found.low if one is not None), default=None) == min(finite, default=None)
    assert max((one for one in found.high if one is not None), default=None) == max(finite, default=None)


def test_a_short_course_is_itself() -> None:
    found = thinned([1.0, 2.0, 3.0], [0.5, math.nan, 0.25], 10)
    assert found == ([1.0, 2.0, 3.0], [0.5, None, 0.25], [0.5, None, 0.25], [0.5, None, 0.25])


def test_neighbours_become_their_mean_at_the_place_of_the_last() -> None:
    found = thinned([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, math.inf, 5.0, 7.0], 3)
    assert found == ([2.0, 4.0, 5.0], [2.0, 5.0, 7.0], [1.0, 5.0, 7.0], [3.0, 5.0, 7.0])
