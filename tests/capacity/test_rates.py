"""Rates: kept and read again, documented ones marked so, and costs between the sizes that were measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compoundeye.capacity import documented_rates, keep_rates, rates, rates_path, read_rates
from compoundeye.capacity._rates import Rates
from compoundeye.records import EyeError


@pytest.fixture
def mine() -> Rates:
    return replace(documented_rates(), kind="measured", source="`eye benchmark` in a test", machine="a machine")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_before_a_measurement_the_documented_rates_answer_and_say_so() -> None:
    assert rates() == documented_rates()
    assert rates().kind == "published"
    assert {term.kind for term in rates().terms()} == {"published"}
    with pytest.raises(EyeError, match="run `eye benchmark` first"):
        rates(documented=False)


def test_what_was_kept_is_read_again(mine: Rates, home: Path) -> None:
    assert keep_rates(mine) == rates_path() == home / "rates.json"
    assert rates() == rates(documented=False) == mine
    assert [path.name for path in home.iterdir()] == ["rates.json"]


def test_rates_of_another_machine_can_be_read_from_a_file(mine: Rates, tmp_path: Path) -> None:
    keep_rates(mine, tmp_path / "theirs.json")
    assert read_rates(tmp_path / "theirs.json") == mine
    with pytest.raises(EyeError, match=r"cannot read rates from .*nowhere\.json"):
        read_rates(tmp_path / "nowhere.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "sizes": [], "models": []}'])
def test_a_foreign_file_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "rates.json").write_text(text)
    with pytest.raises(EyeError, match=r"holds no rates of this version .*run `eye benchmark`"):
        read_rates(tmp_path / "rates.json")


def test_models_measured_before_stay_if_the_machine_is_the_same(mine: Rates) -> None:
    other = replace(mine, models=(replace(mine.models[0], name="another"),))
    keep_rates(mine)
    keep_rates(other)
    assert [one.name for one in rates().models] == ["another", "efficientnet-lite0"]
    keep_rates(replace(other, machine="a new machine"))
    assert [one.name for one in rates().models] == ["another"]


def test_a_model_that_was_not_measured_says_how_to(mine: Rates) -> None:
    assert mine.model() == mine.model("efficientnet-lite0") == mine.models[0]
    with pytest.raises(EyeError, match="run `eye benchmark --model dinov2-small` first"):
        mine.model("dinov2-small")


def test_costs_rise_with_bytes_and_meet_what_was_measured(mine: Rates) -> None:
    for size in mine.sizes:
        assert mine.keep(size.bytes) == pytest.approx(size.keep)
    sizes = [10.0**power for power in (2, 3, 4, 4.5, 5, 5.5, 6, 6.5, 7, 8)]
    for cost in (mine.keep, mine.crop, mine.ingest, lambda size: mine.prepare(mine.models[0], size)):
        costs = [cost(size) for size in sizes]
        assert costs == sorted(costs)
        assert costs[0] == cost(None)  # a smaller picture is not taken to be cheaper than the smallest measured


def test_beyond_the_largest_size_bytes_go_on_costing_what_the_last_did(mine: Rates) -> None:
    small, large = mine.sizes[-2:]
    slope = (large.keep - small.keep) / (large.bytes - small.bytes)
    assert mine.keep(2 * large.bytes) == pytest.approx(large.keep + slope * large.bytes)


def test_with_one_size_costs_are_in_proportion(mine: Rates) -> None:
    alone = replace(mine, sizes=mine.sizes[:1])
    assert alone.keep(3 * alone.sizes[0].bytes) == pytest.approx(3 * alone.sizes[0].keep)
    assert alone.keep(alone.sizes[0].bytes / 2) == alone.sizes[0].keep


def test_every_term_has_a_key_of_its_own_and_a_source(mine: Rates) -> None:
    terms = mine.terms()
    assert len({term.key for term in terms}) == len(terms)
    assert all(term.value > 0 and term.source and term.unit for term in terms)
