"""Progress in a file: whole at any moment, with the rate of the last half minute, and no reason for a job to fail."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from compoundeye.cli._progress import progress
from compoundeye.cli._progress_file import ProgressFile, progress_file


class Clock:
    """A clock that moves only when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def told(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text())
    assert found.pop("time") > 0
    return dict(found)


def test_it_is_written_at_once_and_then_about_twice_a_second(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "progress.json"
    file = ProgressFile(path, "ingest", "pictures", clock)
    file.tell(10, None)
    first = {"label": "ingest", "unit": "pictures", "done": 10, "total": None, "rate": None, "said": ""}
    assert told(path) == first
    clock.now += 0.4
    file.tell(20, 100)
    assert told(path) == first
    clock.now += 0.1
    file.tell(35, 100)
    assert told(path) == first | {"done": 35, "total": 100, "rate": 50.0}


def test_what_was_told_last_is_written_at_the_end(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "progress.json"
    file = ProgressFile(path, "train", "steps", clock)
    file.tell(0, 10)
    clock.now += 0.25
    file.tell(10, 10, "loss 0.1")
    file.flush()
    assert (told(path)["done"], told(path)["rate"], told(path)["said"]) == (10, 40.0, "loss 0.1")


def test_the_rate_is_that_of_the_last_half_minute(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "progress.json"
    file = ProgressFile(path, "ingest", "pictures", clock)
    done = 0
    for second in range(100):
        clock.now += 1
        done += 1000 if second < 50 else 10
        file.tell(done, None)
    assert told(path)["rate"] == 10.0


def test_a_folder_that_is_gone_is_no_reason_to_stop(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path / "gone" / "progress.json", "ingest", "pictures")
    file.tell(1, 2)
    file.flush()
    assert list(tmp_path.iterdir()) == []


def test_commands_write_it_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "progress.json"
    monkeypatch.setenv("COMPOUNDEYE_PROGRESS", str(path))
    with progress("categorise", stream=io.StringIO()) as tell:
        tell(3, 8)
        assert told(path)["done"] == 3
        tell(8, 8)
    assert (told(path)["label"], told(path)["done"], told(path)["total"]) == ("categorise", 8, 8)
    assert [one.name for one in tmp_path.iterdir()] == ["progress.json"]


def test_an_interrupted_command_has_said_how_far_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "progress.json"
    monkeypatch.setenv("COMPOUNDEYE_PROGRESS", str(path))

    def work() -> None:
        with progress("ingest", stream=io.StringIO()) as tell:
            tell(1, 8)
            tell(5, 8)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert told(path)["done"] == 5


def test_without_the_name_of_a_file_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPOUNDEYE_PROGRESS", raising=False)
    assert progress_file("ingest", "pictures") is None
