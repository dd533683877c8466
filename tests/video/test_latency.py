"""Percentiles of durations, in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.video._latency import GROWTH, Latency

durations = st.lists(st.floats(1e-4, 900), min_size=1, max_size=300)


@given(durations)
def test_percentiles_are_those_of_the_sorted_list_to_a_bucket(seconds: list[float]) -> None:
    latency = Latency()
    for one in seconds:
        latency.add(one, now=0.0)
    for percent in (50, 90, 99):
        exact = 1e3 * float(np.percentile(seconds, percent, method="inverted_cdf"))
        assert latency.overall()[f"p{percent}"] == pytest.approx(exact, rel=GROWTH - 1, abs=0.06)
    assert latency.overall()["max"] == pytest.approx(1e3 * max(seconds), abs=0.06)
    assert latency.recent(0.0) == {key: value for key, value in latency.overall().items() if key != "max"}


def test_the_last_minute_forgets_what_was_before() -> None:
    latency = Latency()
    latency.add(5.0, now=0.0)
    for second in range(60, 120):
        latency.add(0.02, now=float(second))
    assert latency.recent(119.0)["p99"] == pytest.approx(20, rel=0.03)
    assert latency.overall()["max"] == pytest.approx(5000)
    assert latency.recent(500.0) == {}


def test_a_clock_that_runs_ahead_and_a_stall_of_an_hour_have_their_bucket() -> None:
    latency = Latency()
    latency.add(-3.0, now=0.0)
    latency.add(3600.0, now=0.0)
    assert len(latency) == 2
    assert latency.overall()["p50"] == 0.1
    assert latency.overall()["p99"] == pytest.approx(1e6, rel=0.03)


def test_before_the_first_there_are_none() -> None:
    assert Latency().recent(0.0) == {}
    assert Latency().overall() == {}
