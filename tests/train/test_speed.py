"""Where the time of a run goes is told with its losses."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from compoundeye.runs import RunFolder, series
from compoundeye.train import Plan, Settings, lay_out, train
from compoundeye.train._speed import Speed


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> Speed:
    """One whose clock moves by a second each time that it is looked at."""
    ticks = iter(range(1000))
    monkeypatch.setattr("compoundeye.train._speed.time.monotonic", lambda: float(next(ticks)))
    return Speed(1.0, lay_out(Plan(), "cpu"))


def test_time_aside_is_told_once(speed: Speed) -> None:
    with speed.aside("saving"):
        pass
    assert list(speed.waited([1, 2])) == [1, 2]
    first = speed.spent()
    assert first["saving"] == 1
    assert first["waiting"] == 3  # until each batch, and until it is clear that there is no other
    assert first["seconds"] > first["saving"] + first["waiting"]
    assert {**speed.spent(), "seconds": 0.0} == {"seconds": 0.0, "waiting": 0.0, "validating": 0.0, "saving": 0.0}


def test_a_validation_is_aside_and_slows_nothing(speed: Speed) -> None:
    speed.after(10)
    with speed.paused():
        for _ in range(50):
            time.monotonic()
    rate, _ = speed.after(10)
    assert speed.spent()["validating"] > 50
    assert rate > 2


def test_a_run_tells_where_its_time_went(settings: Settings, tmp_path: Path) -> None:
    train(settings, tmp_path)
    run = RunFolder.open(tmp_path / settings.name)
    lines = [line for line in run.metrics() if line.split == "train"]
    for line in lines:
        asides = [line.numbers[name] for name in ("waiting", "validating", "saving")]
        assert min(asides) >= 0
        assert sum(asides) < line.numbers["seconds"]
    told = {line.step: line.numbers for line in lines}
    for before, after in pairwise([line.step for line in run.metrics() if line.split == "validation"]):
        assert sum(told[step]["validating"] for step in range(before + 1, after + 1)) > 0
    assert sum(series(lines, "train", "saving")[1]) > 0
    assert sum(series(lines, "train", "seconds")[1]) < run.status()["seconds"]
