"""The closed forms: against numbers that Daly printed, against each other, and at their ends."""

from __future__ import annotations

from math import exp, expm1, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.capacity import daly, expected_fraction, young
from compoundeye.records import EyeError

MINUTE = 60.0
HOUR = 3600.0


@pytest.mark.parametrize(("mttf", "printed"), [(24 * HOUR, 117), (6 * HOUR, 57), (0.25 * HOUR, 9.1)])
def test_the_optimum_is_what_daly_printed(mttf: float, printed: float) -> None:
    """Figures 3, 4 and 5 of Daly 2006: dumps of 5 minutes."""
    assert daly(5 * MINUTE, mttf) / MINUTE == pytest.approx(printed, rel=0.006)


@pytest.mark.parametrize("mttf_hours", [1, 3, 24, 240])
def test_dalys_optimum_is_where_the_closed_form_is_best(mttf_hours: float) -> None:
    save, mttf = 30.0, mttf_hours * HOUR
    best = daly(save, mttf)

    def fraction(interval: float) -> float:
        return expected_fraction(interval, save=save, mttf=mttf, restart=600.0)

    assert fraction(best) > max(fraction(best * 1.1), fraction(best / 1.1))


def test_young_is_what_daly_comes_to_when_saving_is_short() -> None:
    assert daly(0.01, 1e6) == pytest.approx(young(0.01, 1e6), rel=1e-3)
    assert young(2.0, 100.0) == 20.0


def test_the_closed_form_without_anything_new_is_dalys_equation_20() -> None:
    interval, save, mttf, restart = 900.0, 40.0, 7200.0, 300.0
    wall = mttf * exp(restart / mttf) * expm1((interval + save) / mttf)
    assert expected_fraction(interval, save=save, mttf=mttf, restart=restart) == pytest.approx(interval / wall)


def test_without_failures_only_saving_costs() -> None:
    assert expected_fraction(90.0, save=10.0, mttf=inf) == 0.9
    assert daly(10.0, inf) == inf


def test_what_never_ends_gives_nothing() -> None:
    assert expected_fraction(1e7, save=1.0, mttf=1.0) == 0.0
    assert expected_fraction(1.0, save=1.0, mttf=1.0, restart=1e7) == 0.0
    assert daly(save=3.0, mttf=1.0) == 1.0


@pytest.mark.parametrize("interval", [0.0, -1.0])
def test_no_interval_is_a_mistake(interval: float) -> None:
    with pytest.raises(EyeError, match="above 0 s"):
        expected_fraction(interval, save=1.0, mttf=1.0)


seconds = st.floats(1.0, 1e5)


@given(interval=seconds, save=seconds, write=seconds, mttf=st.floats(1e3, 1e8), times=st.tuples(seconds, seconds))
def test_more_of_anything_bad_never_helps(
    interval: float, save: float, write: float, mttf: float, times: tuple[float, float]
) -> None:
    bad = {"save": save, "write": write, "detection": times[0], "restart": times[1]}
    here = expected_fraction(interval, mttf=mttf, **bad)
    assert 0.0 <= here <= 1.0
    assert expected_fraction(interval, mttf=mttf / 2, **bad) <= here
    for name in bad:
        assert expected_fraction(interval, mttf=mttf, **{**bad, name: 2 * bad[name]}) <= here * (1 + 1e-12)


@given(interval=seconds, save=seconds, mttf=st.floats(1e3, 1e8), restart=st.floats(0.0, 1e4))
def test_planned_interruptions_cost(interval: float, save: float, mttf: float, restart: float) -> None:
    rest = {"save": save, "mttf": mttf, "restart": restart, "detection": restart}
    planned = expected_fraction(interval, planned=1 / 86_400, **rest)
    assert 0.0 <= planned <= 1.0
    if interval + save < mttf / 10 and restart > save + interval:
        assert planned < expected_fraction(interval, **rest)
