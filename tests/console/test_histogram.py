"""Histograms: every value in one bar, between numbers and dates that people read."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.console._column import Column, narrow
from compoundeye.console._histogram import histogram

EPOCH = datetime(1970, 1, 1)
INTEGERS = st.lists(st.integers(-(2**53), 2**53), max_size=30)
FLOATS = st.lists(st.floats(-(2**40), 2**40, width=32) | st.just(float("nan")), max_size=30)
SECONDS = st.lists(st.integers(-(10**10), 10**10), max_size=30)


def times(seconds: list[int]) -> Column:
    return narrow("time", np.array([1_000_000 * one for one in seconds], np.int64), None)


@given(INTEGERS, st.integers(1, 40))
def test_whole_numbers_are_each_in_one_bar(values: list[int], bins: int) -> None:
    found = histogram(narrow("number", np.array(values, np.int64), None), None, bins)
    assert sum(bar.count for bar in found.bars) == len(values)
    assert len(found.bars) <= max(bins, 2)
    for bar in found.bars[:-1]:
        assert bar.count == sum(bar.low <= value < bar.high for value in values)


@given(FLOATS, st.integers(1, 40))
def test_what_is_no_number_is_missing(values: list[float], bins: int) -> None:
    array = np.array(values, np.float32)
    found = histogram(narrow("number", array, None), None, bins)
    assert found.missing == int(np.isnan(array).sum())
    assert sum(bar.count for bar in found.bars) == len(values) - found.missing


@given(SECONDS, st.integers(1, 40))
def test_times_are_each_in_one_bar(seconds: list[int], bins: int) -> None:
    found = histogram(times(seconds), None, bins)
    assert sum(bar.count for bar in found.bars) == len(seconds)
    moments = [EPOCH + timedelta(seconds=one) for one in seconds]
    for bar in found.bars[:-1]:
        assert isinstance(bar.low, datetime)
        assert isinstance(bar.high, datetime)
        assert bar.count == sum(bar.low <= moment < bar.high for moment in moments)


@pytest.mark.parametrize(
    ("values", "bins", "edges"),
    [
        ([0.0, 1.0], 10, [0.1 * one for one in range(11)]),
        ([0.13, 0.87], 10, [0.1 * one for one in range(1, 10)]),
        ([3, 17], 10, [2, 4, 6, 8, 10, 12, 14, 16, 18]),
        ([7], 10, [7, 7]),
        ([100, 100, 200, 90_000], 9, [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5]),
    ],
)
def test_edges_are_round_numbers(values: list[float], bins: int, edges: list[float]) -> None:
    array = np.array(values, np.int64 if isinstance(values[0], int) else np.float64)
    bars = histogram(narrow("number", array, None), None, bins).bars
    assert [bar.low for bar in bars] + [bars[-1].high] == pytest.approx(edges)
    assert all(len(f"{bar.low:g}") < 8 for bar in bars)


@pytest.mark.parametrize(
    ("days", "first", "second"),
    [
        ([0, 0.3], datetime(2024, 5, 17), datetime(2024, 5, 17, 1)),
        ([0, 20], datetime(2024, 5, 17), datetime(2024, 5, 18)),
        ([0, 700], datetime(2024, 5, 1), datetime(2024, 6, 1)),
        ([0, 9_000], datetime(2024, 1, 1), datetime(2025, 1, 1)),
        ([0, 90_000], datetime(2020, 1, 1), datetime(2030, 1, 1)),
    ],
)
def test_times_are_cut_where_calendars_are(days: list[float], first: datetime, second: datetime) -> None:
    start = (datetime(2024, 5, 17) - EPOCH).total_seconds()
    bars = histogram(times([int(start + 86_400 * one) for one in days]), None, 30).bars
    assert (bars[0].low, bars[0].high) == (first, second)


def test_times_at_the_ends_of_the_calendar_are_counted() -> None:
    ends = [int((one - EPOCH).total_seconds()) for one in (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59))]
    for seconds in (ends, ends[:1], ends[1:]):
        for bins in (1, 7, 30):
            assert sum(bar.count for bar in histogram(times(seconds), None, bins).bars) == len(seconds)


def test_names_stand_by_frequency_and_the_rare_are_others() -> None:
    valid = np.array([True] * 6 + [False] * 3)
    column = Column("text", np.array([2, 2, 2, 0, 1, 1, 0, 0, 0], np.uint8), valid, names=("a", "b", "c", "unused"))
    found = histogram(column, None, 2)
    assert [(bar.low, bar.count) for bar in found.bars] == [("c", 3), ("b", 2)]
    assert (found.missing, found.others, found.distinct) == (3, 1, 3)
    some = histogram(column, np.array([3, 4, 8], np.uint32), 10)
    assert [(bar.low, bar.count) for bar in some.bars] == [("a", 1), ("b", 1)]
    assert (some.missing, some.others, some.distinct) == (1, 0, 2)


def test_too_many_names_are_only_counted() -> None:
    found = histogram(Column("text", np.arange(9, dtype=np.uint32), None), None, 5)
    assert (found.bars, found.others, found.distinct) == ([], 9, None)
