"""This machine's processes, one single-threaded worker a core."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import TypeVar

from compoundeye.records import EyeError

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class WorkerError(EyeError):
    """A worker process was killed more often than a retry can mend."""


def available_cores() -> int:
    """Cores this process may use (affinity and cgroup masks count, not the machine's total)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class Local:
    """Runs shards in ``workers`` spawned processes; in this one where a single shard or worker leaves nothing to share.

    Args:
        workers: processes; None for one a core.
        retries: times in a row that a broken pool is replaced before WorkerError.
    """

    def __init__(self, workers: int | None = None, *, retries: int = 2) -> None:
        if workers is not None and workers < 1:
            raise EyeError(f"workers must be at least 1, not {workers}")
        self.workers = workers or available_cores()
        self.retries = retries

    def map(self, work: Callable[[Shard], Result], shards: Iterable[Shard]) -> Iterator[Result]:
        """Yield results in order; see `Engine.map`.

        Raises:
            WorkerError: the processes that run one shard were killed ``retries + 1`` times in a row.
        """
        stream = iter(shards)
        first = list(islice(stream, 2))
        if self.workers == 1 or len(first) < 2:
            yield from map(work, chain(first, stream))
        else:
            yield from self._spread(work, chain(first, stream))

    def _spread(self, work: Callable[[Shard], Result], shards: Iterator[Shard]) -> Iterator[Result]:
        waiting: deque[tuple[Shard, Future[Result] | None]] = deque()
        pool = self._pool()
        broken = 0
        try:
            while True:
                try:
                    self._fill(pool, work, shards, waiting)
                    if not waiting:
                        return
                    future = waiting[0][1]
                    assert future is not None
                    result = future.result()
                except BrokenProcessPool as error:
                    broken += 1
                    if broken > self.retries:
                        raise WorkerError(
                            f"worker processes were killed {broken} times on the same shard (out of memory?); "
                            "free memory or use fewer workers, then run the same command again"
                        ) from error
                    pool.shutdown(wait=False, cancel_futures=True)
                    pool = self._pool()
                    waiting = deque((shard, None) for shard, _ in waiting)
                    continue
                waiting.popleft()
                broken = 0
                yield result
        finally:
            # Also on Ctrl-C and when the caller stops early: nobody waits for work that nobody wants.
            pool.shutdown(wait=True, cancel_futures=True)

    def _fill(
        self,
        pool: ProcessPoolExecutor,
        work: Callable[[Shard], Result],
        shards: Iterator[Shard],
        waiting: deque[tuple[Shard, Future[Result] | None]],
    ) -> None:
        """Keep two shards a worker in flight: one running, one ready."""
        for index, (shard, future) in enumerate(waiting):
            if future is None:
                waiting[index] = (shard, pool.submit(work, shard))
        for shard in islice(shards, 2 * self.workers - len(waiting)):
            waiting.append((shard, None))
            waiting[-1] = (shard, pool.submit(work, shard))

    def _pool(self) -> ProcessPoolExecutor:
        # Spawn: Lance and OpenVINO hold threads, which a forked child would find dead.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.workers, mp_context=context, initializer=_leave_interrupts_to_the_parent)


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches the whole process group; only the parent decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
