"""metrics.jsonl after kills, resumes and roll backs."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from compoundeye.runs import RunFolder, read_metrics, series


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "run")


def test_what_was_logged_is_read_in_its_order(run: RunFolder) -> None:
    run.log("train", 10, 1280, loss=2.5, learning_rate=0.1)
    run.log("validation", 10, 1280, loss=2.0, accuracy=0.5)
    run.log("train", 20, 2560, loss=1.5)

    lines = run.metrics()
    assert [(line.split, line.step, line.position) for line in lines] == [
        ("train", 10, 1280),
        ("validation", 10, 1280),
        ("train", 20, 2560),
    ]
    assert series(lines, "train", "loss") == ([10, 20], [2.5, 1.5])
    assert series(lines, "train", "loss", "pictures") == ([1280, 2560], [2.5, 1.5])
    assert series(lines, "train", "learning_rate") == ([10], [0.1])
    assert series(lines, "validation", "accuracy") == ([10], [0.5])


def test_a_run_without_metrics_has_no_lines(run: RunFolder) -> None:
    assert run.metrics() == []


def test_what_is_not_finite_is_json_and_comes_back_as_nan(run: RunFolder) -> None:
    run.log("train", 1, 8, loss=math.inf, gradient=math.nan)
    raw = json.loads(
        (run.path / "metrics.jsonl").read_text(), parse_constant=lambda word: pytest.fail(f"{word} is not JSON")
    )
    assert raw["loss"] is None
    (line,) = run.metrics()
    assert math.isnan(line.numbers["loss"])
    assert math.isnan(line.numbers["gradient"])


def test_lines_beyond_the_resumed_step_are_superseded(run: RunFolder) -> None:
    for step in range(10, 60, 10):
        run.log("train", step, step, loss=float(step))
    run.log("validation", 50, 50, accuracy=0.5)
    run.resumed(30, 30)

    assert series(run.metrics(), "train", "loss") == ([10, 20, 30], [10, 20, 30])
    assert series(run.metrics(), "validation", "accuracy") == ([], [])

    run.log("train", 40, 40, loss=-4.0)
    assert series(run.metrics(), "train", "loss") == ([10, 20, 30, 40], [10, 20, 30, -4])


def test_repeated_steps_count_as_told_last_even_if_nobody_said_resumed(run: RunFolder) -> None:
    run.log("train", 10, 10, loss=1.0)
    run.log("validation", 15, 15, accuracy=0.1)
    run.log("train", 20, 20, loss=2.0)
    run.log("validation", 20, 20, accuracy=0.2)
    run.log("train", 30, 30, loss=3.0)
    # killed, resumed from the checkpoint of step 10
    run.log("train", 20, 20, loss=22.0)
    run.log("validation", 20, 20, accuracy=0.25)

    assert series(run.metrics(), "train", "loss") == ([10, 20], [1, 22])
    assert series(run.metrics(), "validation", "accuracy") == ([15, 20], [0.1, 0.25])


def test_notes_stay_though_their_step_is_done_again(run: RunFolder) -> None:
    run.log("train", 10, 10, loss=1.0)
    run.log("note", 20, 20, note="loss 9 at step 20 is a spike")
    run.resumed(10, 10)
    run.log("train", 20, 20, loss=2.0)

    assert [line.text for line in run.metrics() if line.split == "note"] == ["loss 9 at step 20 is a spike"]
    assert series(run.metrics(), "train", "loss") == ([10, 20], [1, 2])


@pytest.mark.parametrize(
    "torn",
    [b'{"split": "train", "st', b"{", b"\x00\x00\x00\xff", '{"split": "train", "note": "ü'.encode()[:-1]],
    ids=["half a key", "a brace", "zeros of a file system", "half a letter"],
)
def test_a_torn_last_line_costs_only_itself(run: RunFolder, torn: bytes) -> None:
    run.log("train", 10, 10, loss=1.0)
    path = run.path / "metrics.jsonl"
    path.write_bytes(path.read_bytes() + torn)
    assert series(run.metrics(), "train", "loss") == ([10], [1])

    run.log("train", 20, 20, loss=2.0)
    assert series(run.metrics(), "train", "loss") == ([10, 20], [1, 2])


def test_lines_that_are_no_measurements_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('[]\n3\n{"step": 1}\n\n{"split":"train","step":5,"position":40,"time":1.5,"loss":0.5,"x":"word"}\n')
    (line,) = read_metrics(path)
    assert (line.step, dict(line.numbers)) == (5, {"loss": 0.5})


def test_a_killed_writer_loses_nothing_that_it_logged(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from compoundeye.runs import RunFolder\n"
        "run = RunFolder.create(sys.argv[1], 'run')\n"
        "run.write_settings({})\n"
        "run.set_status('running', step=0, steps=9)\n"
        "for step in range(1, 8):\n"
        "    run.log('train', step, step * 4, loss=float(step))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, "-c", script, tmp_path], env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert died.returncode == -signal.SIGKILL

    run = RunFolder.open(tmp_path / "run")
    assert series(run.metrics(), "train", "loss") == ([1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7])
    assert run.status()["state"] == "killed"
    assert run.status()["steps"] == 9
