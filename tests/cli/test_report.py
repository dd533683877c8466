"""`eye report`: a day of a store, on the command line."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from compoundeye.cli import app
from compoundeye.events import EventStore
from compoundeye.records import Event


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Two crossings on the last day of summer time, an hour before midnight."""
    address = str(tmp_path / "events.sqlite")
    start = datetime(2026, 10, 25, 23).timestamp()
    after = {"line": "door", "direction": "in", "class": "person"}
    events = [
        Event(f"a-{at}", 0, "new", "traffic", "crossing", "gate", 1.0, start, start, start, 0, after) for at in range(2)
    ]
    with EventStore(address) as opened:
        opened.send(events)
    return address


def test_a_day_is_from_midnight_to_midnight_of_this_zone(store: str, tmp_path: Path) -> None:
    page = tmp_path / "day.html"
    shown = CliRunner().invoke(app, ["report", store, "--day", "2026-10-25", "-o", str(page), "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["gate"]["lines"]["door"]["in"] == {"person": 2}
    assert page.read_text().startswith("<!doctype html>")
    shown = CliRunner().invoke(app, ["report", store, "--day", "2026-10-24", "-o", str(page), "--days", "2"])
    assert shown.exit_code == 0
    assert "door" in shown.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--day", "yesterday"], "--day yesterday is no date: write 2026-11-24"),
        (["--day", "2020-01-01"], "holds nothing of the application traffic from that time"),
    ],
)
def test_a_mistake_is_one_sentence(store: str, tmp_path: Path, words: list[str], said: str) -> None:
    shown = CliRunner().invoke(app, ["report", store, "-o", str(tmp_path / "x.html"), *words])
    assert shown.exit_code == 1
    assert said in shown.stderr
    assert not (tmp_path / "x.html").exists()
