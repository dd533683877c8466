"""Ranks executed in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tiny
from tiny import case

from compoundeye.plan import dry_run
from compoundeye.records import EyeError


def test_ranks_run_in_processes_of_their_own() -> None:
    told: list[int] = []
    of = case(1024, batch=1024, plan={"tensor": 4, "precision": "bf16"})
    found = dry_run(of, [1023, 0], tell=lambda one: told.append(one.rank))
    assert told == [one.rank for one in found] == [1023, 0]
    assert found[0].flops == found[1].flops
    assert all(one.world_size == 1024 and one.seconds > 0 and one.host_memory > 1e8 for one in found)


ASKING = """
import sys
import threading
sys.path.insert(0, sys.argv[1])
from tiny import case
from compoundeye.plan import _dry_runs
if __name__ == "__main__":
    _dry_runs.dry_run(case(2), [0])
else:  # as the rank's process, which is told to take for ever
    _dry_runs.executed = lambda *_: print("at work", flush=True) or threading.Event().wait()
"""


def test_a_process_does_not_outlive_the_one_that_asked(tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(ASKING)
    command = [sys.executable, str(tmp_path / "asking.py"), str(Path(tiny.__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        process.kill()
        # What it wrote to ends when nobody is left who could write.
        process.communicate(timeout=60)


def test_what_a_real_run_refuses_is_refused_in_the_same_words() -> None:
    with pytest.raises(EyeError, match="4 heads do not divide into context 8"):
        dry_run(case(8, plan={"context": 8}), [7])
