"""Many streams, one model: frames in batches, every stream in its turn, none waiting long for company."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Condition, Thread
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from compoundeye.records import Frame
from compoundeye.video._app import Look

Found = TypeVar("Found")
WAIT_S = 0.005
"""A batch waits so long for streams that have sent nothing yet: a fraction of what any model takes."""


class Lane(Generic[Found]):
    """One stream's place in the queue: what it has asked, and how often it was served."""

    def __init__(self, batcher: Batcher[Found]) -> None:
        self._batcher = batcher
        self.waiting: deque[tuple[Frame, npt.NDArray[np.uint8], Future[Found]]] = deque()
        self.served = 0

    def ask(self, frame: Frame, prepared: npt.NDArray[np.uint8]) -> Future[Found]:
        """What is in the frame, later. The caller bounds how many it asks for at a time."""
        return self._batcher._ask(self, frame, prepared)


class Batcher(Generic[Found]):
    """Runs looks of one kind, each in a thread of its own, over the frames of all streams.

    Fair: a batch takes one frame of each stream that has one, beginning with those served longest ago; second frames
    only fill what is left. Bounded: a batch that is not full starts after ``wait_s``, or at once if every stream is in.
    """

    def __init__(self, looks: Sequence[Look[Found]], *, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._batch = max(1, looks[0].batch)
        self._lanes = list[Lane[Found]]()
        self._changed = Condition()
        self._closed = False
        self.batches = 0
        self._threads = [Thread(target=self._work, args=(look,), daemon=True, name="look") for look in looks]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def lane(self) -> Iterator[Lane[Found]]:
        """A stream's place while the block runs; what it has not got by then is cancelled."""
        lane = Lane(self)
        with self._changed:
            self._lanes.append(lane)
        try:
            yield lane
        finally:
            with self._changed:
                self._lanes.remove(lane)
                for *_, future in lane.waiting:
                    future.cancel()
                self._changed.notify_all()

    def close(self) -> None:
        """Let go of whatever waits, and end the threads."""
        with self._changed:
            self._closed = True
            for lane in self._lanes:
                for *_, future in lane.waiting:
                    future.cancel()
                lane.waiting.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _ask(self, lane: Lane[Found], frame: Frame, prepared: npt.NDArray[np.uint8]) -> Future[Found]:
        future = Future[Found]()
        with self._changed:
            if self._closed:
                future.cancel()
                return future
            lane.waiting.append((frame, prepared, future))
            self._changed.notify_all()
        return future

    def _work(self, look: Look[Found]) -> None:
        while taken := self._take():
            futures = [future for *_, future in taken]
            try:
                found = look([frame for frame, *_ in taken], [pixels for _, pixels, _ in taken])
            except BaseException as error:  # whoever waits must hear of it, or waits for ever
                for future in futures:
                    future.set_exception(error)
                continue
            for future, one in zip(futures, found, strict=True):
                future.set_result(one)

    def _take(self) -> list[tuple[Frame, npt.NDArray[np.uint8], Future[Any]]]:
        """The next batch; empty when closed."""
        with self._changed:
            while not self._closed and not any(lane.waiting for lane in self._lanes):
                self._changed.wait()
            deadline = time.monotonic() + self._wait_s
            while not self._closed and self._worth_waiting():
                if (left := deadline - time.monotonic()) <= 0:
                    break
                self._changed.wait(left)
            taken = list[tuple[Frame, npt.NDArray[np.uint8], Future[Any]]]()
            while len(taken) < self._batch and (lane := self._next()) is not None:
                one = lane.waiting.popleft()
                if one[2].set_running_or_notify_cancel():
                    taken.append(one)
                    lane.served += 1
            self.batches += bool(taken)
        return taken if taken or self._closed else self._take()

    def _worth_waiting(self) -> bool:
        waiting = sum(len(lane.waiting) for lane in self._lanes)
        return 0 < waiting < self._batch and not all(lane.waiting for lane in self._lanes)

    def _next(self) -> Lane[Found] | None:
        """The lane whose turn it is; it goes to the end of the line."""
        lane = next((lane for lane in self._lanes if lane.waiting), None)
        if lane is not None:
            self._lanes.remove(lane)
            self._lanes.append(lane)
        return lane
