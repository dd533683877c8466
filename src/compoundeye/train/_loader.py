"""From an order of pictures to batches of pixels: fetching, decoding and learning at the same time."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from compoundeye.corpus import Corpus
from compoundeye.pixels import PictureError
from compoundeye.records import Account
from compoundeye.train._augment import draws_of, render
from compoundeye.train._buffers import Buffers
from compoundeye.train._draws import chances
from compoundeye.train._fetch import Fetched, ReadsTargets, fetch
from compoundeye.train._view import View

# Decoded by one thread at a time: enough that handing out work costs nothing, few enough that threads end together.
_PICTURES_A_TASK = 8
_NAMED = 100
"""Bad pictures of which id and reason are kept; all are counted."""


class Rows(Protocol):
    """Which row of which corpus: see `compoundeye.corpus.Samples`."""

    @property
    def source(self) -> NDArray[np.int16]: ...

    @property
    def row(self) -> NDArray[np.int64]: ...


class Ordered(Protocol):
    """What a loader needs of an order: see `compoundeye.corpus.training_order`."""

    @property
    def rows(self) -> int: ...

    def at(self, positions: NDArray[np.int64]) -> Rows: ...


@dataclass(slots=True)
class Batch:
    """Pictures of one step, for one process."""

    pixels: NDArray[np.uint8]
    """[n, S, S, 3], C-contiguous, RGB."""
    targets: NDArray[np.int64] | list[str] | None
    """[n] class numbers, -1 where none is known or the picture could not be read; or captions."""
    valid: NDArray[np.bool_]
    """[n]; False where the picture could not be read: its pixels are zero."""
    positions: NDArray[np.int64]
    """[n] in the order."""
    ids: list[bytes]
    """[n] picture ids."""
    sources: NDArray[np.int16]
    """[n] which corpus."""


@dataclass(slots=True)
class _Pending:
    """A batch on its way."""

    batch: Batch
    pictures: list[memoryview]
    draws: list[list[float]]
    done: Future[Batch] = field(default_factory=Future)
    left: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    bad: list[tuple[int, str]] = field(default_factory=list)


class Loader:
    """Batches in the order, each made ahead of time by threads that release the interpreter's lock.

    Step k holds global positions ``start + k * batch`` up to the next step's, or up to ``stop``; this process gets
    those with ``position % world == rank``. A picture that cannot be read is zero, not valid, counted in `account` and
    named in `bad`. Any other error, such as a corpus that vanished, is raised where the batches are consumed.

    Cost: memory for ``ahead + 2`` batches of pixels and ``ahead`` of encoded pictures. Limit: pixels of a batch whose
    array is gone are used again; views of it keep it.
    """

    def __init__(
        self,
        order: Ordered,
        corpora: Sequence[Corpus],
        targets: Sequence[ReadsTargets] | None,
        view: View,
        *,
        batch: int,
        rank: int = 0,
        world: int = 1,
        start: int = 0,
        stop: int | None = None,
        threads: int = 2,
        ahead: int = 2,
        seed: int = 0,
    ) -> None:
        """Start nothing yet.

        Args:
            order: which row is at which position.
            corpora: where rows are, by the order's source numbers, opened at the versions that the order is of.
            targets: what their pictures are examples of; None for nothing.
            view: what becomes of a picture.
            batch: pictures a step, over all processes.
            rank: number of this process.
            world: how many processes there are.
            start: the first global position.
            stop: the position after the last; None for the end of the epoch that ``start`` lies in.
            threads: that decode.
            ahead: batches made ahead of the one that is consumed.
            seed: of the view's chance.
        """
        if batch < 1 or threads < 1 or ahead < 1 or not 0 <= rank < world or start < 0:
            raise ValueError("batch, threads and ahead must be at least 1, start at least 0, and rank below world")
        self.account = Account()
        self.bad: list[tuple[str, str]] = []
        self._order, self._corpora, self._targets, self._view = order, corpora, targets, view
        self._batch, self._rank, self._world, self._ahead, self._seed = batch, rank, world, ahead, seed
        self._start = start
        self._stop = (start // order.rows + 1) * order.rows if stop is None and order.rows else stop or 0
        self._draws = draws_of(view)
        self._buffers = Buffers(ahead + 2)
        self._closed = threading.Event()
        # Two requests at once hide the time that an object store takes to answer.
        self._fetchers = ThreadPoolExecutor(2, "fetch")
        self._decoders = ThreadPoolExecutor(threads, "decode")

    def __iter__(self) -> Iterator[Batch]:
        """This process's batches from the start. Raises what fetching raises, and ValueError once closed."""
        if self._closed.is_set():
            raise ValueError("the loader is closed")
        return self._batches()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop all threads, after the picture or the request that each is at. May be called twice."""
        self._closed.set()
        self._fetchers.shutdown(wait=True, cancel_futures=True)
        self._decoders.shutdown(wait=True, cancel_futures=True)

    def _batches(self) -> Iterator[Batch]:
        waiting: deque[Future[_Pending]] = deque()
        firsts = iter(range(self._start, self._stop, self._batch))
        try:
            while True:
                # While one batch is looked at, `ahead` are on their way.
                for first in islice(firsts, self._ahead + 1 - len(waiting)):
                    waiting.append(self._fetchers.submit(self._fetch, first))
                if not waiting:
                    return
                pending = waiting.popleft().result()
                batch = pending.done.result()
                self._book(pending)
                del pending
                yield batch
                del batch
        except (CancelledError, RuntimeError) as error:
            if self._closed.is_set():
                raise ValueError("the loader was closed") from error
            raise
        finally:
            for future in waiting:
                future.cancel()

    def _book(self, pending: _Pending) -> None:
        count, bad = len(pending.batch.valid), sorted(pending.bad)
        self.account += Account(seen=count, done=count - len(bad), failed=len(bad), reasons=Counter(r for _, r in bad))
        named = [(pending.batch.ids[place].hex(), reason) for place, reason in bad]
        self.bad += named[: _NAMED - len(self.bad)]

    def _fetch(self, first: int) -> _Pending:
        """In a fetching thread: read one step's pictures and hand them to the decoding threads."""
        positions = np.arange(first, min(first + self._batch, self._stop), dtype=np.int64)
        positions = positions[positions % self._world == self._rank]
        sources, rows = np.empty(0, np.int16), np.empty(0, np.int64)
        if len(positions):
            samples = self._order.at(positions)
            sources, rows = samples.source, samples.row
        pending = self._prepared(positions, sources, fetch(self._corpora, self._targets, sources, rows))
        starts = range(0, len(positions), _PICTURES_A_TASK)
        pending.left = len(starts)
        if not starts:
            pending.done.set_result(pending.batch)
        for start in starts:
            task = self._decoders.submit(self._decode, pending, start)
            task.add_done_callback(lambda done: pending.done.cancel() if done.cancelled() else None)
        return pending

    def _prepared(self, positions: NDArray[np.int64], sources: NDArray[np.int16], fetched: Fetched) -> _Pending:
        size, count = self._view.size, len(positions)
        batch = Batch(
            pixels=self._buffers.get((count, size, size, 3)),
            targets=fetched.targets,
            valid=np.ones(count, np.bool_),
            positions=positions,
            ids=fetched.ids,
            sources=np.asarray(sources, np.int16),
        )
        return _Pending(batch, fetched.pictures, chances(self._seed, positions, self._draws).tolist())

    def _decode(self, pending: _Pending, start: int) -> None:
        """In a decoding thread: some pictures of a batch. The thread that ends last hands the batch over."""
        try:
            for place in range(start, min(start + _PICTURES_A_TASK, len(pending.pictures))):
                if self._closed.is_set():
                    pending.done.cancel()
                    return
                self._decode_one(pending, place)
        except BaseException as error:
            with pending.lock:
                if not pending.done.done():
                    pending.done.set_exception(error)
            return
        with pending.lock:
            pending.left -= 1
            if pending.left == 0 and not pending.done.done():
                pending.done.set_result(pending.batch)

    def _decode_one(self, pending: _Pending, place: int) -> None:
        batch = pending.batch
        data = pending.pictures[place].tobytes()
        try:
            render(data, self._view, pending.draws[place], batch.pixels[place])
        except PictureError as error:
            batch.pixels[place] = 0
            batch.valid[place] = False
            if isinstance(batch.targets, np.ndarray):
                batch.targets[place] = -1
            with pending.lock:
                pending.bad.append((place, str(error)))
