"""This machine's processes, one single-threaded worker a core."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import Generic

from compoundeye.cluster._engine import Result, Shard, WorkerError
from compoundeye.cluster._processes import Pool
from compoundeye.records import EyeError


def available_cores() -> int:
    """Cores this process may use (affinity and cgroup masks count, not the machine's total)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class Local:
    """Runs shards in ``workers`` spawned processes; in this one where a single shard or worker leaves nothing to share.

    Args:
        workers: processes; None for one a core.
        retries: times in a row that killed workers are replaced before their shard is given up; at least 1.

    Raises:
        EyeError: a number is out of its range.
    """

    def __init__(self, workers: int | None = None, *, retries: int = 2) -> None:
        if workers is not None and workers < 1:
            raise EyeError(f"workers must be at least 1, not {workers}")
        if retries < 1:
            raise EyeError(f"retries must be at least 1, not {retries}")
        self.workers = workers or available_cores()
        self.retries = retries

    def map(
        self,
        work: Callable[[Shard], Result],
        shards: Iterable[Shard],
        *,
        smaller: Callable[[Shard], Sequence[Shard]] | None = None,
    ) -> Iterator[Result]:
        """Yield results in order; see `Engine.map`.

        Raises:
            WorkerError: the process that runs one shard, alone in the end, was killed ``retries + 1`` times in a row,
                and the shard cannot be made smaller.
        """
        stream = iter(shards)
        first = list(islice(stream, 2))
        if self.workers == 1 or len(first) < 2:
            return map(work, chain(first, stream))
        return _Run(self, work, chain(first, stream), smaller).results()


class _Run(Generic[Shard, Result]):
    """One call of `Local.map` over several processes."""

    def __init__(
        self,
        local: Local,
        work: Callable[[Shard], Result],
        shards: Iterator[Shard],
        smaller: Callable[[Shard], Sequence[Shard]] | None,
    ) -> None:
        self.workers, self.retries = local.workers, local.retries
        self.work, self.shards, self.smaller = work, shards, smaller
        self.pool = Pool(self.workers)
        self.waiting: deque[tuple[Shard, Future[Result] | None]] = deque()
        self.breaks = 0
        """Times in a row that a worker was killed."""
        self.suspects = 0
        """Shards at the head of the queue, one of which kills its worker: each runs alone until it has ended."""

    def results(self) -> Iterator[Result]:
        try:
            while True:
                try:
                    self._submit()
                    if not self.waiting:
                        break
                    future = self.waiting[0][1]
                    assert future is not None
                    result = future.result()
                except BrokenProcessPool as error:
                    self._replace_pool(error)
                    continue
                self.waiting.popleft()
                self.suspects = max(0, self.suspects - 1)
                self.breaks = 0 if self.suspects == 0 else self.breaks
                yield result
        except BaseException:
            # Also on Ctrl-C and when the caller stops early: nobody waits for work that nobody wants.
            self.pool.stop()
            raise
        self.pool.close()

    def _submit(self) -> None:
        """Keep two shards a worker in flight: one running, one ready."""
        if not self.suspects:
            for shard in islice(self.shards, 2 * self.workers - len(self.waiting)):
                self.waiting.append((shard, None))
        for index in range(min(len(self.waiting), 1 if self.suspects else len(self.waiting))):
            shard, future = self.waiting[index]
            if future is None:
                self.waiting[index] = (shard, self.pool.submit(self.work, shard))

    def _replace_pool(self, error: BrokenProcessPool) -> None:
        """Try everything in flight again; then each shard alone, which also shows the guilty one; then give that up."""
        self.pool.stop()
        self.breaks += 1
        if self.breaks == self.retries:
            self.suspects = len(self.waiting)
        elif self.breaks > self.retries:
            self._give_up(error)
        self.pool = Pool(self.workers)
        self.waiting = deque((shard, None) for shard, _ in self.waiting)

    def _give_up(self, error: BrokenProcessPool) -> None:
        """Put the parts of the guilty shard in its place; they are suspects as it was."""
        guilty, _ = self.waiting.popleft()
        parts = self.smaller(guilty) if self.smaller else ()
        if not parts:
            raise WorkerError(
                f"worker processes were killed {self.breaks} times on the same shard (out of memory?); "
                "free memory or use fewer workers, then run the same command again"
            ) from error
        self.waiting.extendleft((part, None) for part in reversed(parts))
        self.suspects = max(0, self.suspects - 1) + len(parts)
