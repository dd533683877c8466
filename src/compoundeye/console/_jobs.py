"""Starting, stopping and forgetting jobs: a folder and a process of its own each, nothing in a console's memory."""

from __future__ import annotations

import codecs
import fcntl
import os
import platform
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from compoundeye.console._job_state import ID, STARTS_WITHIN_S, Job, read_job
from compoundeye.console._refusals import Conflict, NotFound
from compoundeye.console._runner import JOB, LOG, OF_A_START, PROCESS, RUNNER, STOP, lives, read_json, write_json
from compoundeye.console._state import Console
from compoundeye.models import home
from compoundeye.records import EyeError

AT_ONCE = 4
"""Jobs that may run at once under one home: each takes all cores."""
KEPT = 1_000
"""Jobs kept; of more, those that ended and were asked for first go."""


class Jobs:
    """The jobs under a home folder. Any number of consoles may have one of the same: they share files and a lock.

    Raises:
        EyeError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ended: dict[str, tuple[int, Job]] = {}
        """Jobs that have ended, by when their folder last changed: most of a long list is not read again."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EyeError(f"cannot keep jobs in {folder}: {error.strerror}; set COMPOUNDEYE_HOME") from error

    def all(self, limit: int = KEPT, after: str | None = None) -> list[Job]:
        """Jobs, the newest first; ``after`` is the id of the one that the list goes on behind."""
        names = sorted((name for name in os.listdir(self.folder) if ID.fullmatch(name)), reverse=True)
        behind = (name for name in names if after is None or name < after)
        found = []
        for name in behind:
            job = self._read(name)
            if job is not None:
                found.append(job)
                if len(found) >= limit:
                    break
        return found

    def get(self, id: str) -> Job:  # noqa: A002  # what the API calls it
        """One job.

        Raises:
            NotFound: there is none of this id.
        """
        job = self._read(id) if ID.fullmatch(id) else None
        if job is None:
            raise NotFound("there is no such job (any more)")
        return job

    def begin(
        self, kind: str, title: str, corpus: str, arguments: Sequence[str], asked: dict[str, Any], by: str
    ) -> Job:
        """A new job, started.

        Args:
            arguments: of `eye`, as a list: no shell ever sees them.

        Raises:
            Conflict: as many run as may, or one of this kind works on this corpus.
            EyeError: it cannot be started.
        """
        with self._alone():
            self._refuse_more(kind, corpus)
            self._forget_old()
            id_ = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
            folder = self.folder / id_
            folder.mkdir(mode=0o700)
            facts = {"kind": kind, "title": title, "corpus": corpus, "arguments": list(arguments), "asked": asked}
            self._start(folder, {**facts, "by": by, "created": time.time(), "starts": 1})
        return self.get(id_)

    def resume(self, id: str, arguments: Sequence[str]) -> Job:  # noqa: A002
        """The same command once more: it does what is left.

        Raises:
            NotFound: there is no such job.
            Conflict: it runs, or as many run as may.
        """
        with self._alone():
            job = self.get(id)
            if job.alive:
                raise Conflict("this job is running already")
            self._refuse_more(job.kind, job.corpus)
            folder = self.folder / id
            facts = read_json(folder / JOB) or {}
            for name in OF_A_START:
                (folder / name).unlink(missing_ok=True)
            self._start(folder, {**facts, "arguments": list(arguments), "starts": job.starts + 1})
        return self.get(id)

    def stop(self, id: str, by: str, *, kill: bool = False) -> Job:  # noqa: A002
        """Interrupt a job as Ctrl-C does: what is done is kept.

        Args:
            kill: end it at once; for one that does not listen. Nothing is lost by that but time.

        Raises:
            NotFound: there is no such job.
            Conflict: it has ended, or runs on another host.
        """
        with self._alone():
            job = self.get(id)
            if not job.alive:
                raise Conflict("this job has ended")
            process = read_json(self.folder / id / PROCESS) or {}
            if process.get("host", platform.node()) != platform.node():
                raise Conflict(f"this job runs on {process.get('host')}: stop it from a console there")
            write_json(self.folder / id / STOP, {"by": by, "at": time.time()})
            _send(process, signal.SIGKILL if kill else signal.SIGINT)
        return self.get(id)

    def forget(self, id: str) -> None:  # noqa: A002
        """Delete a job's folder; what it did to the corpus stays.

        Raises:
            NotFound: there is no such job.
            Conflict: it runs.
        """
        with self._alone():
            if self.get(id).alive:
                raise Conflict("this job is running; stop it first")
            self._remove(id)

    def log(self, id: str, start: int | None, most: int) -> tuple[str, int, int]:  # noqa: A002
        """Text of the log from a byte on, or its last bytes; with where it begins and where it ends.

        Raises:
            NotFound: there is no such job.
        """
        self.get(id)
        try:
            with open(self.folder / id / LOG, "rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                begin = max(0, size - most) if start is None else min(start, size)
                stream.seek(begin)
                data = stream.read(most)
        except FileNotFoundError:
            return "", 0, 0
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(data)
        return text, begin, begin + len(data) - len(decoder.getstate()[0])  # half a character waits for its rest

    def _read(self, name: str) -> Job | None:
        folder = self.folder / name
        try:
            changed = folder.stat().st_mtime_ns
        except OSError:
            self._ended.pop(name, None)
            return None
        known = self._ended.get(name)
        if known is not None and known[0] == changed:
            return known[1]
        job = read_job(folder)
        if job is not None and not job.alive and job.host == platform.node():  # of another host it is a guess
            self._ended[name] = (changed, job)
        return job

    def _start(self, folder: Path, facts: dict[str, Any]) -> None:
        """Start the runner, and wait until it has said which processes there are."""
        try:
            write_json(folder / JOB, {**facts, "began": time.time()})
            with open(folder / LOG, "ab") as log:
                began = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
                log.write(f"[{began} UTC] eye {shlex.join(facts['arguments'])}\n".encode("utf-8", "replace"))
                log.flush()
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", RUNNER, str(folder)],
                    env={name: value for name, value in os.environ.items() if name != "COMPOUNDEYE_TOKEN"},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,  # neither Ctrl-C nor the end of the console's terminal reaches it
                )
        except OSError as error:
            raise EyeError(f"cannot start a job in {folder}: {error.strerror}") from error
        waiter = threading.Thread(target=process.wait, daemon=True)  # nobody is left a zombie
        waiter.start()
        until = time.monotonic() + STARTS_WITHIN_S
        while not (folder / PROCESS).exists() and waiter.is_alive() and time.monotonic() < until:
            waiter.join(0.005)

    def _refuse_more(self, kind: str, corpus: str) -> None:
        running = [job for job in self.all() if job.alive]
        if len(running) >= AT_ONCE:
            raise Conflict(f"{AT_ONCE} jobs are running, and each takes all cores: wait for one, or stop one")
        if any(job.kind == kind and job.corpus == corpus for job in running):
            raise Conflict(f"a job of this kind ({kind}) is at work on this corpus: wait for it, or stop it")

    def _forget_old(self) -> None:
        for job in self.all(limit=1_000_000)[KEPT - 1 :]:
            if not job.alive:
                self._remove(job.id)

    def _remove(self, id: str) -> None:  # noqa: A002
        gone = self.folder / f".{id}.{secrets.token_hex(4)}.gone"
        os.rename(self.folder / id, gone)  # at once for all who look
        shutil.rmtree(gone, ignore_errors=True)
        self._ended.pop(id, None)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One console at a time, for the moment that a start or an end takes."""
        with open(self.folder / ".lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def jobs_of(_: Console) -> Jobs:
    """The server's jobs: ``console.part(jobs_of)``."""
    return Jobs(home() / "jobs")


def _send(process: dict[str, Any], number: int) -> None:
    """A signal to the command; a kill to all that the runner began, itself too."""
    runner, command = process.get("runner") or {}, process.get("command") or {}
    with suppress(ProcessLookupError):
        if number == signal.SIGKILL and (lives(runner) or lives(command)):
            os.killpg(runner["pid"], number)  # the number of a group is not given out again while one in it lives
        elif lives(command):
            os.kill(command["pid"], number)
