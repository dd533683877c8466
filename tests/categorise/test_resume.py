"""Killed in the midst, the same command goes on, and nobody can tell afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from compoundeye.categorise import categorise
from compoundeye.corpus import Corpus

SCRIPT = """
import sys
sys.modules.setdefault("openvino_telemetry", None)
from compoundeye.categorise import categorise
_job = sys.modules["compoundeye.categorise._job"]
_job.COMMIT_SECONDS = 0.0  # a commit after each fragment: many instants that differ
report = categorise(sys.argv[1], workers=int(sys.argv[2]), progress=lambda done, total: print(done, flush=True))
print("finished", report.account.seen, flush=True)
"""


def started(corpus: Corpus, workers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, corpus.path, str(workers)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill_after(process: subprocess.Popen[str], lines: int) -> bool:
    """Kill the whole session as soon as it has told its progress so often; whether that came before its end."""
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            lines -= 1
            if line.startswith("finished"):
                return False
            if lines <= 0:
                break
        os.killpg(process.pid, signal.SIGKILL)
        return True


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_was_killed_again_and_again_ends_as_an_unbroken_one(
    make_corpus: Any, views: Any, results: Any, workers: int
) -> None:
    fragments = [
        [*views(subject, 6, seed=seed), b"bad %d" % seed] for seed in range(3) for subject in ("cat", "coffee")
    ]
    corpus, whole = make_corpus(*fragments), make_corpus(*fragments, name="whole.lance")
    report = categorise(whole, workers=1)
    kills = 0
    for lines in (1, 2, 3, 2):
        kills += kill_after(started(corpus, workers), lines)
        # Whatever the instant, the corpus opens and each picture has all of its result or none of it.
        for row in results(Corpus.open(corpus.path)).values():
            states = {row.get(f"category_{part}", "None") == "None" for part in ("state", "by", "version")}
            assert len(states) == 1
    last = started(corpus, workers)
    output, _ = last.communicate()
    assert last.returncode == 0
    assert output.splitlines()[-1] == f"finished {report.account.seen}"
    assert kills >= 2
    assert results(corpus) == results(whole)
