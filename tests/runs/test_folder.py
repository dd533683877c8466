"""Run folders: what is written down, and that it is whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from compoundeye.runs import VALIDATION, RunError, RunFolder


def answers(count: int = 3) -> pa.Table:
    return pa.table(
        {
            "id": pa.array([bytes([n]) * 16 for n in range(count)], pa.binary(16)),
            "source": pa.array([0] * count, pa.int16()),
            "target": ["cat"] * count,
            "predicted": ["dog"] * count,
            "confidence": pa.array([0.5] * count, pa.float32()),
            "loss": pa.array([1.0] * count, pa.float32()),
        }
    )


def test_a_folder_with_settings_is_a_run(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "runs", "first")
    with pytest.raises(RunError, match="no settings"):
        RunFolder.open(run.path)
    run.write_settings({"seed": 3, "data": {"corpora": [{"path": "ü.lance"}]}})
    again = RunFolder.open(tmp_path / "runs" / "first")
    assert again.settings() == {"seed": 3, "data": {"corpora": [{"path": "ü.lance"}]}}
    assert again.name == "first"


def test_a_run_is_not_overwritten_but_one_that_was_only_begun_is_taken_up(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, "run")
    RunFolder.create(tmp_path, "run").write_settings({})
    with pytest.raises(RunError, match="another name"):
        RunFolder.create(tmp_path, "run")


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a/b", "a b", "x\n"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match="cannot be called"):
        RunFolder.create(tmp_path, name)


def test_where_nothing_can_be_made_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot make the run folder"):
        RunFolder.create(tmp_path / "file", "run")


def test_settings_that_were_spoilt_are_named(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "run")
    (run.path / "settings.json").write_text("{")
    with pytest.raises(RunError, match="not a JSON object"):
        RunFolder.open(run.path).settings()


def test_classes_are_kept_whatever_they_are_called(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "run")
    assert run.classes() is None
    run.write_classes(["b", "a\nb", "ü", ""])
    assert RunFolder(run.path).classes() == ("b", "a\nb", "ü", "")


def test_status_keeps_facts_and_start_and_adds_up_time(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "run")
    assert run.status() == {"state": "unknown"}
    run.set_status("running", step=0, steps=50, processes=2)
    first = run.status()
    run.set_status("interrupted", step=7)
    second = run.status()
    assert first["state"], second["state"] == ("running", "interrupted")
    assert (second["step"], second["steps"], second["processes"]) == (7, 50, 2)
    assert second["started"] == first["started"] <= first["updated"] <= second["updated"]

    later = RunFolder(run.path)
    later.set_status("running")
    assert later.status()["started"] == first["started"]
    assert later.status()["seconds"] >= second["seconds"] >= first["seconds"] >= 0


def test_no_such_state(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not 'resting'"):
        RunFolder.create(tmp_path, "run").set_status("resting")


@pytest.mark.parametrize("change", [{"pid": "dead"}, {"pid_began": 1}], ids=["no such process", "its number is reused"])
def test_a_run_whose_process_is_gone_was_killed(tmp_path: Path, change: dict[str, object]) -> None:
    run = RunFolder.create(tmp_path, "run")
    run.set_status("running")
    assert run.status()["state"] == "running"
    path = run.path / "status.json"
    if "pid" in change:
        with subprocess.Popen([sys.executable, "-c", ""]) as gone:
            gone.wait()
        change = {"pid": gone.pid, "pid_began": None}
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert run.status()["state"] == "killed"
    path.write_text(json.dumps({**json.loads(path.read_text()), "host": "elsewhere.example"}))
    assert run.status()["state"] == "running"  # nobody here can tell


def test_environment_names_command_versions_and_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("SOME_TOKEN", "hidden-value")
    run = RunFolder.create(tmp_path, "run")
    run.write_environment()
    text = (run.path / "environment.json").read_text()
    found = json.loads(text)
    assert found["packages"]["numpy"]
    assert found["variables"]["OMP_NUM_THREADS"] == "3"
    assert found["cores"] >= 1
    assert found["command"] == sys.argv
    assert "hidden-value" not in text


def test_validation_is_kept_in_its_columns(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "run")
    with pytest.raises(RunError, match="nothing was validated"):
        run.validation()
    run.write_validation(answers(3).append_column("more", pa.array([1, 2, 3])))
    run.write_validation(answers(2).select(VALIDATION.names[::-1]))
    assert run.validation().schema.equals(VALIDATION)
    assert run.validation().to_pylist() == answers(2).to_pylist()


def test_a_write_that_fails_leaves_the_file_before_it_and_no_scraps(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "run")
    run.write_settings({"good": 1})
    run.write_validation(answers(2))
    with pytest.raises(TypeError):
        run.write_settings({"bad": object()})
    with pytest.raises(pa.ArrowInvalid):
        run.write_validation(answers(2).set_column(0, "id", pa.array([b"short", b"ids"], pa.binary())))
    assert run.settings() == {"good": 1}
    assert run.validation().num_rows == 2
    assert sorted(os.listdir(run.path)) == ["settings.json", "validation.parquet"]
