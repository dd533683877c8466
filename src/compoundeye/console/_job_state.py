"""What a job's folder says: a job is plain files, so that it needs no console, and any number of them agree on it.

$COMPOUNDEYE_HOME/jobs/ID/job.json        what was asked for, by whom, and the arguments of `eye` that do it
                          process.json    the processes of the newest start, on which host
                          progress.json   how far the command is
                          log.txt         what it said, of all starts
                          result.json     what it printed: its account
                          stop.json       somebody has asked it to stop
                          end.json        how it ended
"""

from __future__ import annotations

import platform
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from compoundeye.console._runner import BEAT_S, END, JOB, LOG, PART, PROCESS, PROGRESS, RESULT, STOP, lives, read_json

State = Literal["running", "stopping", "done", "stopped", "failed", "killed"]
ALIVE = ("running", "stopping")
ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
"""Names of job folders: when it was asked for (UTC), and chance."""
STARTS_WITHIN_S = 20.0
"""From the start of a runner to its first file."""
_QUIET_S = 6 * BEAT_S
_INTERRUPTED = 130  # 128 + SIGINT, as the command line ends when it was interrupted
_START = re.compile(r"\[[-0-9: ]+ UTC\] eye ")
"""The line of the log that each start begins with."""
_TAIL = 16_384
_LONGEST_ERROR = 2_000


@dataclass(frozen=True, slots=True)
class Step:
    """How far a command was when it last said so."""

    label: str
    unit: str
    done: int
    total: int | None
    rate: float | None
    """Items a second over the last half minute."""
    said: str = ""

    @property
    def left_s(self) -> float | None:
        """Seconds yet at this rate; None while nobody can tell."""
        if self.total is None or not self.rate:
            return None
        return max(0.0, (self.total - self.done) / self.rate)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its folder shows it now."""

    id: str
    kind: str
    title: str
    corpus: str
    """Path or address of the corpus that it works on."""
    arguments: tuple[str, ...]
    asked: dict[str, Any]
    """The request that began it: a console that starts it again checks that anew."""
    by: str
    created: float
    starts: int
    state: State
    started: float | None
    ended: float | None
    host: str | None
    step: Step | None
    result: dict[str, Any] | None
    error: str | None
    """Why it ended without a result, in a sentence."""

    @property
    def alive(self) -> bool:
        """Whether a process of it is at work."""
        return self.state in ALIVE


def read_job(folder: Path) -> Job | None:
    """The job of a folder; None if it is not one (any more)."""
    job = read_json(folder / JOB)
    if job is None or not ID.fullmatch(folder.name):
        return None
    # The end is read after the process: of one that ends meanwhile, either is seen.
    process = read_json(folder / PROCESS) or {}
    alive = _alive(folder, process) or (not process and time.time() - float(job.get("began", 0.0)) < STARTS_WITHIN_S)
    end = read_json(folder / END)
    result = read_json(folder / RESULT)
    if end is None and not alive and process:
        result = result or read_json(folder / PART)  # the runner was killed; the command ended well without it
    state = _state(folder, alive=alive, end=end, result=result)
    return Job(
        id=folder.name,
        kind=str(job.get("kind", "")),
        title=str(job.get("title", "")),
        corpus=str(job.get("corpus", "")),
        arguments=tuple(map(str, job.get("arguments", ()))),
        asked=dict(job.get("asked", {})),
        by=str(job.get("by", "")),
        created=float(job.get("created", 0.0)),
        starts=int(job.get("starts", 0)),
        state=state,
        started=_number(process.get("started")),
        ended=None if state in ALIVE else _number((end or {}).get("ended")) or _last_heard(folder),
        host=process.get("host"),
        step=_step(folder),
        result=result if state == "done" else None,
        error=_error(folder, state, end),
    )


def _alive(folder: Path, process: dict[str, Any]) -> bool:
    if not process or (folder / END).exists():
        return False
    if process.get("host") == platform.node():
        return lives(process.get("command")) or lives(process.get("runner"))
    heard = _last_heard(folder)  # a host sees no processes of another, but files that change
    return heard is not None and time.time() - heard < _QUIET_S


def _state(folder: Path, *, alive: bool, end: dict[str, Any] | None, result: dict[str, Any] | None) -> State:
    asked = (folder / STOP).exists()
    if alive:
        return "stopping" if asked else "running"
    if end is None:
        return "killed" if result is None else "done"
    code = end.get("code")
    if code == 0:
        return "done"
    if code in (_INTERRUPTED, -signal.SIGINT):
        return "stopped"
    if isinstance(code, int) and code < 0:
        return "stopped" if asked else "killed"
    # Interrupted before it could catch that, while the interpreter still begins, it ends with 1 and no sentence.
    return "stopped" if asked and _mistake(folder) is None else "failed"


def _step(folder: Path) -> Step | None:
    told = read_json(folder / PROGRESS)
    if told is None or not isinstance(told.get("done"), int):
        return None
    total = told.get("total")
    return Step(
        label=str(told.get("label", "")),
        unit=str(told.get("unit", "")),
        done=told["done"],
        total=total if isinstance(total, int) else None,
        rate=_number(told.get("rate")),
        said=str(told.get("said", "")),
    )


def _error(folder: Path, state: State, end: dict[str, Any] | None) -> str | None:
    if state == "killed":
        code = (end or {}).get("code")
        if isinstance(code, int):
            return f"the command was ended by {_signal_name(-code)}: out of memory, or somebody killed it"
        if (folder / STOP).exists():
            return "it was killed because somebody asked for that"
        return "its process is gone without a word: killed, or the machine was restarted"
    if state != "failed":
        return None
    return _mistake(folder) or f"the command ended with {(end or {}).get('code')}; its log says more"


def _mistake(folder: Path) -> str | None:
    """What the newest start said was wrong, as the command line puts it; None if it said nothing."""
    for line in reversed(tail(folder / LOG, _TAIL).splitlines()):
        if line.startswith("error: "):
            return line.removeprefix("error: ")[:_LONGEST_ERROR]
        if _START.match(line):
            return None
    return None


def tail(log: Path, most: int) -> str:
    """The last bytes of a log as text; empty if there is none."""
    try:
        with open(log, "rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - most))
            return stream.read(most).decode("utf-8", "replace")
    except OSError:
        return ""


def _last_heard(folder: Path) -> float | None:
    times = []
    for name in (PROCESS, PROGRESS):
        try:
            times.append((folder / name).stat().st_mtime)
        except OSError:
            continue
    return max(times, default=None)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
