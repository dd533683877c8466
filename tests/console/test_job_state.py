"""What a job's folder says, whatever has happened to its processes."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compoundeye.console._job_outcome import outcome
from compoundeye.console._job_state import Job, Step, read_job
from compoundeye.console._runner import BEAT_S, identity, lives

JOB = {"kind": "ingest", "title": "/data", "corpus": "/c.lance", "arguments": ["ingest"], "by": "ann", "starts": 1}
GONE = {"pid": 2**22 + 1, "began": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "20260301-140512-0123abcd"
    made.mkdir()
    write(made, "job", **JOB, created=1.0, began=1.0)
    return made


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits until its input ends."""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.communicate(b"\n")


def write(folder: Path, name: str, **facts: Any) -> None:
    (folder / f"{name}.json").write_text(json.dumps(facts))


def processes(folder: Path, runner: Any, command: Any, host: str | None = None) -> None:
    write(folder, "process", host=host or platform.node(), runner=runner, command=command, started=2.0)


def read(folder: Path) -> Job:
    job = read_job(folder)
    assert job is not None
    return job


def test_a_job_runs_while_its_command_or_its_runner_lives(folder: Path, other: subprocess.Popen[bytes]) -> None:
    alive = identity(other.pid)
    for runner, command in [(alive, alive), (GONE, alive), (alive, GONE)]:
        processes(folder, runner, command)
        assert read(folder).state == "running"
    write(folder, "stop", by="ann")
    assert read(folder).state == "stopping"


def test_another_process_that_got_the_number_is_not_the_job(folder: Path, other: subprocess.Popen[bytes]) -> None:
    another = {"pid": other.pid, "began": (identity(other.pid)["began"] or 0) + 1}
    processes(folder, another, another)
    job = read(folder)
    assert (job.state, job.error) == (
        "killed",
        "its process is gone without a word: killed, or the machine was restarted",
    )


def test_a_zombie_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    known = identity(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is a zombie until it is waited for
    assert not lives(known)
    process.wait()


@pytest.mark.parametrize(
    ("code", "asked", "state"),
    [
        (0, False, "done"),
        (0, True, "done"),
        (1, False, "failed"),
        (1, True, "stopped"),
        (2, False, "failed"),
        (130, True, "stopped"),
        (130, False, "stopped"),
        (-signal.SIGINT, True, "stopped"),
        (-signal.SIGTERM, True, "stopped"),
        (-signal.SIGKILL, False, "killed"),
        (-signal.SIGSEGV, False, "killed"),
    ],
)
def test_the_end_decides(folder: Path, code: int, asked: bool, state: str) -> None:
    processes(folder, GONE, GONE)
    write(folder, "end", code=code, ended=5.0)
    if asked:
        write(folder, "stop", by="ann")
    job = read(folder)
    assert (job.state, job.started, job.ended) == (state, 2.0, 5.0)


def test_errors_are_told_in_the_words_of_the_command(folder: Path) -> None:
    processes(folder, GONE, GONE)
    write(folder, "end", code=1, ended=5.0)
    assert read(folder).error == "the command ended with 1; its log says more"
    (folder / "log.txt").write_bytes(b"\xff" * 30_000 + b"\nerror: no corpus at /x\n\xffmore\n")
    assert read(folder).error == "no corpus at /x"
    write(folder, "end", code=-signal.SIGKILL, ended=5.0)
    assert read(folder).error == "the command was ended by SIGKILL: out of memory, or somebody killed it"


def test_a_mistake_is_one_also_where_somebody_wanted_to_stop(folder: Path) -> None:
    processes(folder, GONE, GONE)
    write(folder, "end", code=1, ended=5.0)
    write(folder, "stop", by="ann")
    start = "[2026-03-01 14:05:12 UTC] eye ingest -- /x /y\n"
    (folder / "log.txt").write_text(f"{start}error: no corpus at /y\n")
    assert (read(folder).state, read(folder).error) == ("failed", "no corpus at /y")
    (folder / "log.txt").write_text(f"{start}error: no corpus at /y\n{start}KeyboardInterrupt\n")
    assert (read(folder).state, read(folder).error) == ("stopped", None)


def test_a_command_that_ended_well_after_its_runner_was_killed_is_done(folder: Path) -> None:
    processes(folder, GONE, GONE)
    (folder / "result.part").write_text('{"seen": 3, "do')
    assert read(folder).state == "killed"
    (folder / "result.part").write_text('{"seen": 3, "done": 3}')
    job = read(folder)
    assert (job.state, job.result) == ("done", {"seen": 3, "done": 3})


def test_a_job_that_was_just_begun_has_no_process_yet(folder: Path) -> None:
    assert read(folder).state == "killed"
    write(folder, "job", **JOB, created=1.0, began=time.time())
    assert read(folder).state == "running"


def test_of_another_host_what_was_heard_last_decides(folder: Path) -> None:
    processes(folder, GONE, GONE, host="elsewhere.example")
    assert (read(folder).state, read(folder).host) == ("running", "elsewhere.example")
    long_ago = time.time() - 7 * BEAT_S
    os.utime(folder / "process.json", (long_ago, long_ago))
    assert read(folder).state == "killed"
    write(folder, "progress", label="ingest", unit="pictures", done=1, total=2, rate=None)
    assert read(folder).state == "running"


def test_other_folders_are_no_jobs(folder: Path, tmp_path: Path) -> None:
    foreign = folder.rename(tmp_path / "mine")
    assert read_job(foreign) is None
    empty = tmp_path / "20260301-140512-0123abce"
    empty.mkdir()
    assert read_job(empty) is None


def test_time_left_is_what_is_left_at_this_rate() -> None:
    assert Step("ingest", "pictures", 10, 110, 50.0).left_s == 2.0
    assert Step("ingest", "pictures", 10, None, 50.0).left_s is None
    assert Step("ingest", "pictures", 10, 110, 0.0).left_s is None
    assert Step("ingest", "pictures", 120, 110, 5.0).left_s == 0.0


def test_accounts_of_both_kinds_read_alike(folder: Path) -> None:
    processes(folder, GONE, GONE)
    write(folder, "end", code=0, ended=5.0)
    write(folder, "result", seen=9, done=4, duplicate=2, abstained=0, failed=3, known=7, reasons={"a": 1, "b": 2})
    ingest = outcome(read(folder))
    assert ingest is not None
    assert (ingest.seen, ingest.done, ingest.duplicate, ingest.failed, ingest.known) == (9, 4, 2, 3, 7)
    assert [(one.outcome, one.reason, one.pictures) for one in ingest.reasons] == [
        ("failed", "b", 2),
        ("failed", "a", 1),
    ]
    account = {"seen": 9, "done": 4, "duplicate": 0, "abstained": 4, "failed": 1, "reasons": {"truncated": 1}}
    promise = {"asked": 0.9, "shown": True, "lower_bound": 0.91, "pictures": 1200, "note": "held out in turn"}
    facts = {"abstained": {"below the threshold": 4}, "new": 9, "classifier": "a probe", "precision": promise}
    write(folder, "result", account=account, **facts)
    both = outcome(read(folder))
    assert both is not None
    assert (both.done, both.abstained, both.failed, both.new) == (4, 4, 1, 9)
    assert [(one.outcome, one.pictures) for one in both.reasons] == [("abstained", 4), ("failed", 1)]
    assert both.notes == [
        "By a probe.",
        "Precision 0.9 is shown: at least 0.910 with 90 % confidence, on 1,200 pictures.",
        "Held out in turn.",
    ]
    write(folder, "result", account=account, **facts | {"precision": {"asked": 0.9, "shown": False}})
    again = outcome(read(folder))
    assert again is not None
    assert again.notes[1].startswith("Precision 0.9 is not shown")


def test_a_result_without_an_account_has_no_outcome(folder: Path) -> None:
    processes(folder, GONE, GONE)
    write(folder, "end", code=0, ended=5.0)
    write(folder, "result", step=12)
    assert outcome(read(folder)) is None
