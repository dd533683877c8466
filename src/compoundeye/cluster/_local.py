"""This machine's processes, one single-threaded worker a core."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing.connection import wait
from typing import Generic

from compoundeye.cluster._engine import Result, Shard, WorkerError
from compoundeye.cluster._processes import Worker, WorkerDied
from compoundeye.records import EyeError


def available_cores() -> int:
    """Cores this process may use (affinity and cgroup masks count, not the machine's total)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class Local:
    """Runs shards in ``workers`` spawned processes; in this one where a single shard or worker leaves nothing to share.

    Args:
        workers: processes; None for one a core.
        retries: times that a shard whose worker was killed is tried again before it is given up; at least 1.

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
            WorkerError: the process that runs one shard was killed ``retries + 1`` times, and the shard cannot be made
                smaller.
        """
        stream = iter(shards)
        first = list(islice(stream, 2))
        if self.workers == 1 or len(first) < 2:
            return map(work, chain(first, stream))
        return _Run(self, work, chain(first, stream), smaller).results()


@dataclass(slots=True, eq=False)
class _Slot(Generic[Shard, Result]):
    """A shard on its way, in the order of results."""

    shard: Shard
    kills: int = 0
    """Workers that were killed while they ran it."""
    ended: bool = False
    result: Result | None = None
    error: BaseException | None = None


class _Run(Generic[Shard, Result]):
    """One call of `Local.map` over several processes."""

    def __init__(
        self,
        local: Local,
        work: Callable[[Shard], Result],
        shards: Iterator[Shard],
        smaller: Callable[[Shard], Sequence[Shard]] | None,
    ) -> None:
        self.local, self.work, self.shards, self.smaller = local, work, shards, smaller
        self.order: deque[_Slot[Shard, Result]] = deque()
        self.waiting: deque[_Slot[Shard, Result]] = deque()
        self.sent: dict[Worker, deque[_Slot[Shard, Result]]] = {}
        """What each worker has: the first is running, a second lies ready."""

    def results(self) -> Iterator[Result]:
        try:
            while self._fill():
                while self.order and self.order[0].ended:
                    slot = self.order.popleft()
                    if slot.error is not None:
                        raise slot.error
                    yield slot.result  # type: ignore[misc]
                    self._fill()
                self._receive()
        except BaseException:
            # Also on Ctrl-C and when the caller stops early: nobody waits for work that nobody wants.
            for worker in self.sent:
                worker.stop()
            raise
        for worker in self.sent:
            worker.close()

    def _fill(self) -> bool:
        """Keep two shards a worker in flight; False once there is nothing more."""
        for shard in islice(self.shards, max(0, 2 * self.local.workers - len(self.order))):
            slot = _Slot[Shard, Result](shard)
            self.order.append(slot)
            self.waiting.append(slot)
        while self.waiting and (worker := self._free()):
            slot = self.waiting.popleft()
            self.sent[worker].append(slot)
            try:
                worker.send(self.work, slot.shard)
            except WorkerDied:
                self._bury(worker)
        return bool(self.order)

    def _free(self) -> Worker | None:
        """The worker with least to do, a new one where there may be more, or None if all have enough."""
        idle = next((worker for worker, slots in self.sent.items() if not slots), None)
        if idle is None and len(self.sent) < self.local.workers:
            idle = Worker()
            self.sent[idle] = deque()
        return idle or next((worker for worker, slots in self.sent.items() if len(slots) < 2), None)

    def _receive(self) -> None:
        """Wait for results, or for the end of a worker."""
        workers = {worker.connection: worker for worker, slots in self.sent.items() if slots}
        for connection in wait(list(workers)) if workers else ():
            worker = workers[connection]  # type: ignore[index]
            try:
                result, error = worker.result()
            except WorkerDied:
                self._bury(worker)
            else:
                slot = self.sent[worker].popleft()
                slot.result, slot.error, slot.ended = result, error, True

    def _bury(self, worker: Worker) -> None:
        """A worker was killed: what it ran is tried again or given up; what lay ready is as good as new."""
        worker.stop()
        running, *ready = self.sent.pop(worker)
        self.waiting.extendleft(reversed(ready))
        running.kills += 1
        if running.kills <= self.local.retries:
            self.waiting.appendleft(running)
        else:
            self._give_up(running)

    def _give_up(self, guilty: _Slot[Shard, Result]) -> None:
        """Put the parts of a shard in its place; one kill more shows which of them is to blame."""
        parts = self.smaller(guilty.shard) if self.smaller else ()
        if not parts:
            raise WorkerError(
                f"worker processes were killed {guilty.kills} times on the same shard (out of memory?); "
                "free memory or use fewer workers, then run the same command again"
            )
        slots = [_Slot[Shard, Result](part, kills=self.local.retries) for part in parts]
        place = self.order.index(guilty)
        del self.order[place]
        for number, slot in enumerate(slots):
            self.order.insert(place + number, slot)
        self.waiting.extendleft(reversed(slots))
