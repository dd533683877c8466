"""What TensorBoard is told is what its own reader reads; without it a run works."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from compoundeye.runs import RunFolder


def told(run: RunFolder) -> list[tuple[int, str, float]]:
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    found = []
    for path in sorted((run.path / "tensorboard").iterdir()):
        for raw in RawEventFileLoader(str(path)).Load():
            event = Event.FromString(raw)
            found.extend((event.step, value.tag, value.simple_value) for value in event.summary.value)
    return found


def test_scalars_by_name_and_split(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "run")
    run.log("train", 10, 80, loss=0.5, gradient=math.nan)
    run.log("note", 10, 80, note="only in the lines")
    run.log("validation", 10, 80, loss=0.25)
    run.set_status("done")
    assert told(run) == [(10, "loss/train", 0.5), (10, "loss/validation", 0.25)]


def test_steps_that_are_done_again_are_shown_once(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = RunFolder.create(tmp_path, "run")
    for step in (10, 20, 30):
        run.log("train", step, step, loss=float(step))
    run.resumed(10, 10)
    run.log("train", 20, 20, loss=-20.0)
    run.close()

    shown = EventAccumulator(str(run.path / "tensorboard")).Reload()
    assert [(one.step, one.value) for one in shown.Scalars("loss/train")] == [(10, 10.0), (20, -20.0)]


def test_a_run_works_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith("tensorboard.")]:
        monkeypatch.setitem(sys.modules, name, None)
    run = RunFolder.create(tmp_path, "run")
    run.log("train", 1, 8, loss=0.5)
    run.set_status("done")
    assert len(run.metrics()) == 1
    assert not (run.path / "tensorboard").exists()


def test_nothing_of_it_needs_torch(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from compoundeye.runs import RunFolder\n"
        "run = RunFolder.create(sys.argv[1], 'run')\n"
        "run.write_environment()\n"
        "run.log('train', 1, 8, loss=0.5)\n"
        "run.set_status('done')\n"
        "print('torch' in sys.modules or 'tensorflow' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
