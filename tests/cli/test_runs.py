"""`eye runs`: lists, one run, several runs; pure JSON, tables for people, one sentence for a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from compoundeye.cli import app
from compoundeye.cli._runs import duration
from compoundeye.runs import RunFolder


def eye(*arguments: object, fails: bool = False) -> str:
    shown = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert shown.exit_code == int(fails), shown.stderr
    return shown.stderr if fails else shown.stdout


def answer(*arguments: object) -> Any:
    return json.loads(eye(*arguments, "--json"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs, the second validated."""
    for name, rate in (("first", 0.1), ("second", 0.2)):
        run = RunFolder.create(tmp_path / "runs", name)
        run.write_settings(
            {
                "name": name,
                "data": {"corpora": [{"path": "/data/x.lance", "version": 3}]},
                "model": {"name": "vit-ti/16"},
                "optimiser": {"learning_rate": rate},
            }
        )
        for step in (10, 20, 30):
            run.log("train", step, step * 8, loss=1 / step)
        run.set_status("done", step=30, steps=30)
    pairs = [("cat", "cat"), ("cat", "dog"), ("dog", "dog"), ("dog\x1b[2J", "dog")]
    run.log("validation", 30, 240, accuracy=0.5)
    run.write_validation(
        pa.table(
            {
                "id": pa.array([bytes([n]) * 16 for n in range(4)], pa.binary(16)),
                "source": pa.array([0] * 4, pa.int16()),
                "target": [one for one, _ in pairs],
                "predicted": [one for _, one in pairs],
                "confidence": pa.array([0.5] * 4, pa.float32()),
                "loss": pa.array([0.1, 0.9, 0.2, 0.3], pa.float32()),
            }
        )
    )
    return tmp_path / "runs"


def test_without_a_run_all_are_listed(folder: Path) -> None:
    rows = answer("runs", "--runs", folder)
    assert [(row["name"], row["state"], row["step"], row["accuracy"]) for row in rows] == [
        ("second", "done", 30, 0.5),
        ("first", "done", 30, None),
    ]
    heading, second, first = eye("runs", "--runs", folder).splitlines()
    assert heading.split()[:4] == ["run", "state", "step", "of"]
    assert second.split()[:6] == ["second", "done", "30", "30", "0.03333", "50.00%"]
    assert "x.lance v3" in first
    assert "vit-ti/16" in first


def test_a_folder_without_runs_and_none_at_all(tmp_path: Path) -> None:
    assert answer("runs", "--runs", tmp_path) == []
    assert eye("runs", "--runs", tmp_path) == ""
    assert "there is no folder" in eye("runs", "--runs", tmp_path / "none", fails=True)


def test_one_run_is_explained_by_name_or_by_folder(folder: Path, tmp_path: Path) -> None:
    found = answer("runs", "second", "--runs", folder)
    assert (found["right"], found["pictures"]) == (2, 4)
    assert [one["id"] for one in found["mistakes"]] == ["01" * 16, "03" * 16]
    assert answer("runs", folder / "second") == found

    shown = eye("runs", "second", "--runs", folder, "-o", tmp_path / "report")
    assert shown.startswith("second: 50.00% of 4 pictures right (95 % interval 15.00 to 85.00)")
    assert "\x1b" not in shown
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"confusion.png", "classes.csv", "mistakes.csv"}
    assert "nothing was validated" in eye("runs", "first", "--runs", folder, fails=True)
    assert "is not a run" in eye("runs", "third", "--runs", folder, fails=True)


def test_several_runs_are_compared(folder: Path, tmp_path: Path) -> None:
    found = answer("runs", "first", "second", "--runs", folder)
    assert found["differences"] == [{"key": "optimiser.learning_rate", "values": [0.1, 0.2]}]
    shown = eye("runs", "first", "second", "--runs", folder, "-o", tmp_path / "curves.png", "--log", "--pictures")
    assert "optimiser.learning_rate  0.1" in shown
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "should end in" in eye("runs", "first", "second", "--runs", folder, "-o", tmp_path / "curves", fails=True)


def test_what_does_not_go_together_is_said(folder: Path, tmp_path: Path) -> None:
    assert "-o is for" in eye("runs", "--runs", folder, "-o", tmp_path / "x.png", fails=True)
    assert "--export takes one run" in eye("runs", "--runs", folder, "--export", "mine", fails=True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, None),
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1:00"),
        (200, "3:20"),
        (18_120, "5 h 02 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_times_are_told_as_people_compare_them(seconds: float | None, text: str | None) -> None:
    assert duration(seconds) == text
