"""Figures of failures: where they are from, what users may add, what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from compoundeye.capacity import Reliability, reliability, reliability_names
from compoundeye.capacity._reliability import RATES, VALUES
from compoundeye.records import EyeError

HOUR = 3600.0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", reliability_names())
def test_every_figure_has_a_source_and_says_whether_it_is_assumed(name: str) -> None:
    found = reliability(name)
    terms = {term.key.removeprefix("reliability."): term for term in found.terms()}
    assert set(terms) == {*RATES, *VALUES}
    for key, term in terms.items():
        assert len(term.source) > 10, f"{name}.{key}"
        assert (term.kind == "assumed") == term.source.startswith("assumed")
        assert term.value == getattr(found, key)
    assert found.failures > 0


@pytest.mark.parametrize(
    ("name", "gpus", "hours"),
    [("rsc-1", 16_384, 1.8), ("rsc-1", 131_072, 0.23), ("llama3", 16_384, 54 * 24 / 419)],
)
def test_the_time_to_failure_is_the_published_one(name: str, gpus: int, hours: float) -> None:
    assert reliability(name).mttf(gpus) / HOUR == pytest.approx(hours, rel=0.03)


def test_jobs_of_1024_gpus_fail_as_those_of_8_let_expect() -> None:
    """Held out: the rate is that of 8-GPU jobs; 7.9 h was measured at 1,024 GPUs (arXiv:2410.21680v2, figure 7)."""
    assert reliability("rsc-small").mttf(8) / HOUR / 24 == pytest.approx(47.7)
    assert reliability("rsc-small").mttf(1024) / HOUR == pytest.approx(7.9, rel=0.15)


def test_published_rates_of_large_places_are_within_a_factor_of_five() -> None:
    rates = [reliability(name).failures for name in ("llama3", "rsc-1", "rsc-2", "imbue", "megascale", "byterobust")]
    assert max(rates) / min(rates) < 5


def test_some_figures_are_replaced_and_say_so() -> None:
    found = reliability("llama3", restart=60, failures=1e-6)
    assert (found.restart, found.failures) == (60, 1e-6)
    assert found.sources["restart"].startswith("assumed")
    assert found.detection == reliability("llama3").detection


def test_no_failures_never_fail() -> None:
    assert reliability("llama3", failures=0).mttf(10**6) == float("inf")


def test_a_user_adds_a_place(home: Path) -> None:
    (home / "reliability.toml").write_text(
        '[ours]\nlike = "llama3"\nfailures = { count = 3, gpu_hours = 1e6, source = "measured: our log of 2026" }\n'
    )
    found = reliability("ours")
    assert found.failures == 3e-6
    assert "ours" in reliability_names()
    assert {term.key: term.kind for term in found.terms()}["reliability.failures"] == "measured"
    assert found.sources["restart"].endswith("(taken over from llama3)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x", "cannot be read as TOML"),
        ('[x]\nlike = "x"\n', "like itself"),
        ('[x]\nlike = "lama3"\n', "llama3"),
        ("[x]\nfailures = 3\n", "count, gpu_hours"),
        ('[x]\nfailures = { count = 1, gpu_hours = 0, source = "s" }\n', "count, gpu_hours"),
        ('[x]\nfailures = { count = 1, gpu_hours = 9, source = "s" }\n', "has no planned"),
        ('[x]\nlike = "llama3"\nhardware = { value = 1.5, source = "s" }\n', "hardware cannot be 1.5"),
        ('[x]\nlike = "llama3"\nrepair = { value = -1, source = "s" }\n', "repair cannot be -1"),
        ('[x]\nlike = "llama3"\ngpus_per_node = 0\n', "gpus_per_node cannot be 0"),
    ],
)
def test_a_wrong_file_is_one_clear_sentence(home: Path, text: str, said: str) -> None:
    (home / "reliability.toml").write_text(text)
    with pytest.raises(EyeError, match=said):
        reliability("x")


def test_a_wrong_name_and_a_wrong_figure_are_said() -> None:
    with pytest.raises(EyeError, match="llama3"):
        reliability("lama")
    with pytest.raises(EyeError, match="has no restarts"):
        reliability("llama3", restarts=1)
    with pytest.raises(EyeError, match="detection cannot be -1"):
        reliability("llama3", detection=-1)


def test_nodes_are_whole() -> None:
    facts = Reliability("x", "x", 8, 1e-5, 1.0, 0.0, 0.0, 0.0, 0.0)
    assert [facts.nodes(gpus) for gpus in (1, 8, 9, 16_384)] == [1, 1, 2, 2048]
    assert all(term.kind == "assumed" for term in facts.terms())
