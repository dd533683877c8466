"""The planner beside the server: one process, warm while plans are asked for; answers are kept, any can be stopped.

A question is known by its content, so that asking again, or from another browser, gives the answer that is there.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections import OrderedDict, deque
from contextlib import suppress
from typing import Any, Literal

from compoundeye.console._refusals import NotFound, TooMany
from compoundeye.console._runs import changed
from compoundeye.console._state import Console
from compoundeye.models import home

State = Literal["waiting", "running", "done", "failed", "stopped"]
LONGEST_S = 600.0
"""Of one question: the search over layouts of 200 billion parameters on 8,192 GPUs takes ten seconds of a core."""
IDLE_S = 300.0
"""Until the process is let go, with the half gigabyte that it holds."""
_WAITING = 8
_KEPT = 48
_COMMAND = (sys.executable, "-c", "from compoundeye.console._planning import main; main()")


class Ticket:
    """A question and what became of it."""

    def __init__(self, id: str, question: dict[str, Any]) -> None:  # noqa: A002
        self.id, self.question = id, question
        self.state: State = "waiting"
        self.result: dict[str, Any] | None = None
        self.error: str | None = None


class Planner:
    """Questions in the order in which they were asked, one at a time. Safe to use from several threads."""

    def __init__(self, _: Console) -> None:
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._queue: deque[Ticket] = deque()
        self._changed = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._ended = False

    def ask(self, kind: str, wanted: dict[str, Any], folder: str | None, fresh: object = None) -> Ticket:
        """Ask, or find what was asked before; what failed or was stopped is asked again.

        Args:
            kind: "plan" or "actual".
            folder: of the run that it is about.
            fresh: what else the answer depends on.

        Raises:
            TooMany: as many wait as may.
        """
        question = {"kind": kind, "wanted": wanted, "folder": folder}
        seen = [question, repr(fresh), repr(_own_figures())]
        key = hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:32]
        with self._changed:
            known = self._tickets.get(key)
            if known is not None and known.state in ("waiting", "running", "done"):
                self._tickets.move_to_end(key)
                return known
            if len(self._queue) >= _WAITING:
                raise TooMany("others wait for the planner already: ask again when it has answered them", 15)
            ticket = self._tickets[key] = Ticket(key, question)
            self._tickets.move_to_end(key)
            self._queue.append(ticket)
            self._forget()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="planner", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return ticket

    def get(self, id: str) -> Ticket:  # noqa: A002
        """A question that was asked before.

        Raises:
            NotFound: it never was, or its answer was dropped for newer ones.
        """
        with self._changed:
            if id not in self._tickets:
                raise NotFound("there is no such plan any more: ask for it again")
            return self._tickets[id]

    def wait(self, ticket: Ticket, seconds: float) -> None:
        """Until it is answered, or so long."""
        with self._changed:
            self._changed.wait_for(lambda: ticket.state not in ("waiting", "running"), seconds)

    def stop(self, ticket: Ticket) -> None:
        """Answer it no more. One that runs ends with its process; the next question gets another."""
        with self._changed:
            if ticket.state == "waiting":
                self._queue.remove(ticket)
            elif ticket.state == "running" and self._process is not None:
                self._process.kill()
            if ticket.state in ("waiting", "running"):
                ticket.state = "stopped"
                self._changed.notify_all()

    def close(self) -> None:
        """End with the server."""
        with self._changed:
            self._ended = True
            self._queue.clear()
            if self._process is not None:
                self._process.kill()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        """The one thread that talks to the process; it ends when there is nothing to do for a while."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._ended, IDLE_S)
                if not self._queue:
                    self._let_go()
                    self._thread = None
                    return
                ticket = self._queue.popleft()
                ticket.state = "running"
                process = self._running()
            told = _told(process, ticket.question)
            with self._changed:
                if process.poll() is not None:
                    self._let_go()
                if ticket.state == "running":
                    ticket.state = "done" if "result" in told else "failed"
                    ticket.result, ticket.error = told.get("result"), told.get("error")
                self._changed.notify_all()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._let_go()
            self._process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self._process

    def _let_go(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):  # a pipe whose other end is gone
                        stream.close()
            process.wait()

    def _forget(self) -> None:
        """Drop the answers that were asked for longest ago."""
        for key, ticket in list(self._tickets.items()):
            if len(self._tickets) <= _KEPT:
                return
            if ticket.state not in ("waiting", "running"):
                del self._tickets[key]


def _told(process: subprocess.Popen[str], question: dict[str, Any]) -> dict[str, Any]:
    """What the process answers; one that takes too long is ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    guard = threading.Timer(LONGEST_S, process.kill)
    guard.daemon = True
    guard.start()
    try:
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except (OSError, ValueError):
        line = ""
    finally:
        expired = not guard.is_alive()
        guard.cancel()
    if line:
        told: dict[str, Any] = json.loads(line)
        return told
    process.wait()
    if expired:
        return {
            "error": f"it took more than {LONGEST_S / 60:.0f} minutes: ask for fewer GPUs at once, or give a layout"
        }
    return {"error": "the planner ended before it had answered: the server's log may say why; ask again"}


def _own_figures() -> object:
    """Is another when the user's own figures of hardware, rates or failures are."""
    place = home()
    folder = place / "hardware"
    own = sorted(path.name for path in folder.glob("*.toml")) if folder.is_dir() else []
    return changed(place, "rates.json", "reliability.toml"), own, changed(folder, *own)
