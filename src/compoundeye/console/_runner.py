"""The process beside a job: it starts the `eye` command, waits for it, and writes down how it ended.

It is a session of its own, so it outlives the console that started it, and runs from this file alone with nothing but
the standard library: 12 MB for as long as a job takes. Killed itself, it leaves the command running; whoever looks
into the folder finds that by `process.json`.

    python -I -S _runner.py FOLDER
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

RUNNER = __file__
"""What the interpreter is given to run; nothing is imported to find it."""
BEAT_S = 10.0
"""So often `process.json` is touched: how another host, which sees no processes of this one, knows that it lives."""
JOB, PROCESS, PROGRESS, LOG, PART, RESULT, STOP, END = (
    "job.json",
    "process.json",
    "progress.json",
    "log.txt",
    "result.part",
    "result.json",
    "stop.json",
    "end.json",
)
"""The files of a job's folder; `_job_state` says what each holds."""
OF_A_START = (PROCESS, PROGRESS, PART, RESULT, STOP, END)
"""Those that belong to one start of it, and go when it starts anew."""


def run(folder: Path) -> None:
    """One start of a job, from the command's first line in the log to `end.json`."""
    # A handler, not SIG_IGN: the command would inherit that, also from a console that a script put in the background,
    # and could not be interrupted any more.
    signal.signal(signal.SIGINT, lambda *_: None)
    job = read_json(folder / JOB) or {}
    words = [sys.executable, "-P", "-m", "compoundeye.cli", *job["arguments"]]
    environment = {**os.environ, "COMPOUNDEYE_PROGRESS": str(folder / PROGRESS)}
    began = time.time()
    with open(folder / PART, "wb") as out:
        command = subprocess.Popen(words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out)
    facts = {"host": platform.node(), "runner": identity(os.getpid()), "command": identity(command.pid)}
    write_json(folder / PROCESS, {**facts, "started": began})
    if (folder / STOP).exists():  # whoever asked may have looked before there was a process to interrupt
        command.send_signal(signal.SIGINT)
    code = _waited(command, folder)
    if code == 0 and read_json(folder / PART) is not None:
        os.replace(folder / PART, folder / RESULT)
    write_json(folder / END, {"code": code, "ended": time.time()})


def _waited(command: subprocess.Popen[bytes], folder: Path) -> int:
    while True:
        try:
            return command.wait(BEAT_S)
        except subprocess.TimeoutExpired:
            with suppress(OSError):
                os.utime(folder / PROCESS)


def identity(pid: int) -> dict[str, int | None]:
    """A process of this host, told apart from a later one with its number."""
    return {"pid": pid, "began": began_at(pid)}


def began_at(pid: int) -> int | None:
    """When a process began, in clock ticks since this host did; None if it is gone, or nobody can tell here."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # proc(5): fields 3 and 22; the second, the program's name, is in brackets and may hold anything.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])  # one that nobody has waited for yet has ended all the same


def lives(known: object) -> bool:
    """Whether the process of an `identity` is still there."""
    if not isinstance(known, Mapping) or not isinstance(known.get("pid"), int):
        return False
    if os.path.exists("/proc/self/stat"):
        return known.get("began") is not None and began_at(known["pid"]) == known["began"]
    try:
        os.kill(known["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process is a process
    return True


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A JSON object (RFC 8259) that a reader sees whole or not at all. Raises OSError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "w", encoding="utf-8") as stream:
            json.dump(dict(value), stream, indent=1, allow_nan=False)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None if the file is not there or is not one."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


if __name__ == "__main__":
    run(Path(sys.argv[1]))
