"""Changes of jobs as they happen: one look into the folders for all who listen, and a stream of events for each."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool

from compoundeye.console._job_state import Job
from compoundeye.console._jobs import Jobs, jobs_of
from compoundeye.console._refusals import NotFound
from compoundeye.console._state import Console

EVERY_S = 0.5
SHOWN = 100
"""Newest jobs that everybody is told of; of older ones, those that run."""
STREAM_S = 300.0
"""A stream ends after this; a browser comes back by itself, and a server that is to end waits for nobody for ever."""
BACK_MS = 1_000
_SILENCE_S = 15.0


class Watch:
    """The newest jobs and all that run, at most half a second old however many ask."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._found: dict[str, Job] = {}

    def look(self) -> dict[str, Job]:
        """Jobs by id."""
        with self._lock:
            if time.monotonic() - self._at >= EVERY_S:
                found = self._jobs.all()
                self._found = {job.id: job for job in (*found[:SHOWN], *(job for job in found[SHOWN:] if job.alive))}
                self._at = time.monotonic()
            return self._found

    def one(self, id: str) -> dict[str, Job]:  # noqa: A002
        """The job of an id, however old, under its id; empty if there is none."""
        try:
            return {id: self.look().get(id) or self._jobs.get(id)}
        except NotFound:
            return {}


def watch_of(console: Console) -> Watch:
    """The server's one: ``console.part(watch_of)``."""
    return Watch(console.part(jobs_of))


async def stream(watch: Watch, text: Callable[[Job], str], only: str | None = None) -> AsyncIterator[bytes]:
    """Server-sent events (WHATWG HTML, section 9.2): ``job`` for each that is new or changed, ``gone`` with an id.

    Args:
        text: a job as JSON on one line.
        only: the id of the one job that is listened for.
    """
    until, spoken, told = time.monotonic() + STREAM_S, time.monotonic(), dict[str, Job]()
    yield f"retry: {BACK_MS}\n\n".encode()
    while time.monotonic() < until:
        now = await run_in_threadpool(watch.look) if only is None else await run_in_threadpool(watch.one, only)
        changed = [_event("job", text(job)) for id_, job in reversed(now.items()) if told.get(id_) != job]
        changed += [_event("gone", f'"{id_}"') for id_ in told if id_ not in now]
        told = now
        if changed or time.monotonic() - spoken > _SILENCE_S:
            yield "".join(changed or [": still here\n\n"]).encode()
            spoken = time.monotonic()
        await asyncio.sleep(EVERY_S)


def _event(name: str, line: str) -> str:
    return f"event: {name}\ndata: {line}\n\n"
