"""`eye benchmark`, really run, though on little: rates for people, for programs, and kept for plans."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from compoundeye.capacity import Calibration, Extent, accelerator, documented_rates, read_rates
from compoundeye.capacity import _measure as module
from compoundeye.cli import _benchmark as command
from compoundeye.cli import app


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MADE", ((2, 240, 180, 12_000), (2, 480, 360, 40_000)))
    monkeypatch.setattr(command, "QUICK", Extent(seconds=0.02, rounds=1, pictures=24, disk_bytes=16 << 20))
    monkeypatch.setattr(command, "LOADED_EPOCHS", 1)


def test_json_is_what_is_kept_where_it_was_asked_for(tmp_path: Path) -> None:
    kept = tmp_path / "mine.json"
    shown = CliRunner().invoke(
        app,
        ["benchmark", "--quick", "--workers", "1", "--place", str(tmp_path), "-o", str(kept), "--json"],
        catch_exceptions=False,
    )
    assert shown.exit_code == 0, shown.stderr
    told = json.loads(shown.stdout)
    assert told["kind"] == "measured"
    assert told["loader"] > 0
    written = json.loads(kept.read_text())
    assert {name: written[name] for name in told} == told
    assert read_rates(kept).models[0].run == told["models"][0]["run"]


def test_the_table_names_each_work_and_notes_say_what_to_doubt(capsys: pytest.CaptureFixture[str]) -> None:
    known = documented_rates()
    command._show(known)
    shown = capsys.readouterr()
    for work in ("decode to 224 px", "efficientnet-lite0", "ingest", "categorise with", "read at random", "training's"):
        assert work in shown.out
    assert "other work" not in shown.err.lower()
    command._show(replace(known, loader=None, share=0.5, disk_cached=True))
    shown = capsys.readouterr()
    assert "training's" not in shown.out
    assert "training is not installed" in shown.err
    assert "Other work took 50% of the cores" in shown.err
    assert "may be those of memory" in shown.err


def test_without_training_there_is_no_loader_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _name: None)
    assert command._feed() is None


def test_hardware_is_measured_by_the_calibration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path))
    asked = list[tuple[str, str]]()

    def calibrated(name: str, *, device: str, tell: Callable[[str], None]) -> Calibration:
        asked.append((name, device))
        tell("products")
        path = tmp_path / "hardware" / f"{name}.toml"
        return Calibration(name, "a device", 1, path, accelerator("h100"), None, seconds=1.0)

    monkeypatch.setattr(command, "calibrate", calibrated)
    shown = CliRunner().invoke(app, ["benchmark", "--hardware", "mine"], catch_exceptions=False)
    assert "accelerator.bandwidth" in shown.stdout
    assert "`eye plan --gpu mine` uses it" in shown.stderr
    told = json.loads(
        CliRunner().invoke(app, ["benchmark", "--hardware", "cpu", "--json"], catch_exceptions=False).stdout
    )
    assert told["accelerator"]["name"] == "h100"
    assert CliRunner().invoke(app, ["benchmark", "--hardware", "mine", "--device", "cpu"]).exit_code == 0
    assert asked == [("mine", "cuda"), ("cpu", "cpu"), ("mine", "cpu")]


def test_a_network_needs_the_processes_of_several_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    shown = CliRunner().invoke(app, ["benchmark", "--network", "mine"])
    assert shown.exit_code == 1
    assert "torchrun on two nodes or more" in shown.stderr


def test_a_mistake_is_one_sentence(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["benchmark", "--pictures", str(tmp_path / "nowhere")])
    assert shown.exit_code == 1
    assert shown.stderr.splitlines()[-1].startswith("error: there is no folder")


def test_nothing_of_it_needs_torch() -> None:
    code = "import sys, compoundeye.capacity, compoundeye.cli._benchmark; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
