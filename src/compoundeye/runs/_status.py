"""status.json: what a run is doing, and whether whoever said so is still alive."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compoundeye.runs._whole import read_json, write_json

RUNNING, DONE, FAILED, INTERRUPTED, KILLED, UNKNOWN = "running", "done", "failed", "interrupted", "killed", "unknown"
STATES = (RUNNING, DONE, FAILED, INTERRUPTED)
"""What a run says of itself; "killed" is what others find."""


class StatusFile:
    """The status of one run, as one process of it tells it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = time.time()
        self._known: dict[str, Any] | None = None
        self._seconds_before = 0.0

    def write(self, state: str, facts: Mapping[str, Any]) -> None:
        """Say what the run does now; facts of before stay unless given anew.

        Raises:
            ValueError: no such state.
        """
        if state not in STATES:
            raise ValueError(f"a run is {', '.join(STATES)}, not {state!r}")
        if self._known is None:
            self._known = read_json(self._path) or {}
            self._seconds_before = float(self._known.get("seconds", 0.0))
        now = time.time()
        self._known = {
            **self._known,
            "started": self._known.get("started", self._began),
            **facts,
            "state": state,
            "pid": os.getpid(),
            "pid_began": process_began(os.getpid()),
            "host": platform.node(),
            "updated": now,
            "seconds": self._seconds_before + now - self._began,
        }
        write_json(self._path, self._known)


def read_status(path: Path) -> dict[str, Any]:
    """The status as it is now: a run that says "running" though its process on this host is gone was "killed".

    On another host nobody can tell; "updated" says when it was last heard of. No file is {"state": "unknown"}.
    """
    status = read_json(path) or {"state": UNKNOWN}
    here = status.get("host") == platform.node()
    if status.get("state") == RUNNING and here and not _alive(status.get("pid"), status.get("pid_began")):
        return {**status, "state": KILLED}
    return status


def process_began(pid: int) -> int | None:
    """When a process of this host began, in clock ticks since the host did; None if unknown.

    A number of a process is given out again; this tells the two apart.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # proc(5): field 22; the second, the program's name, is in brackets and may hold anything.
    return int(text.rpartition(")")[2].split()[19])


def _alive(pid: Any, began: Any) -> bool:
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process is a process
    now = process_began(pid)
    return began is None or now is None or now == began
