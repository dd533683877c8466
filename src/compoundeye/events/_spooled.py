"""A sink whose other side may be out of reach: messages wait in a spool, and a thread delivers them."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Sequence
from threading import Event as Signal
from threading import Lock, Thread
from typing import Protocol

from compoundeye.events._sink import SinkStatus
from compoundeye.events._spool import Spool, Waiting
from compoundeye.records import Event, EyeError

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 30.0
"""Between attempts: doubled each time. A broker that is back is found within half a minute."""
LOOK_S = 0.5
"""How often the spool is looked at for messages of other processes, and a connection for whether it stands."""
CLOSING_S = 5.0


class Unreachable(Exception):  # noqa: N818  no error: it will pass
    """Nothing gets through at present."""

    def __init__(self, reason: str, *, done: int = 0, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.done = done
        """So many of the batch, from its first, got through."""
        self.wait = wait
        """The other side asks not to be asked again for so long, s."""


class Refused(Exception):  # noqa: N818  as above
    """The other side understood and will never have this batch, or something in it."""


class Delivery(Protocol):
    """Brings messages to the other side. Used by one thread."""

    @property
    def batch(self) -> int:
        """Messages at a time."""

    def deliver(self, batch: Sequence[Waiting]) -> None:
        """Return when the other side has all of them.

        Raises:
            Unreachable, Refused: it has not.
        """

    def tend(self) -> None:
        """Keep the connection up while there is nothing to deliver.

        Raises:
            Unreachable: it is down.
        """

    def close(self) -> None:
        """Say goodbye."""


class Spooled:
    """An `EventSink` that accepts at once and delivers when it can."""

    def __init__(self, address: str, spool: Spool, delivery: Delivery) -> None:
        """Begin to deliver.

        Args:
            address: for people: without its password.
        """
        self.address = address
        self._spool, self._delivery = spool, delivery
        self._accepted = 0
        self._error: str | None = None
        self._wake, self._closing = Signal(), Signal()
        self._open, self._gone = Lock(), False
        self._until = float("inf")
        self._singly = 0
        self._last = SinkStatus(address)
        self._thread = Thread(target=self._work, name=f"events to {address}", daemon=True)
        self._thread.start()

    def send(self, events: Sequence[Event]) -> None:
        """Accept messages: on disk when this returns.

        Raises:
            EyeError: the disk is full, or the sink was closed.
        """
        if not events:
            return
        if self._closing.is_set():
            raise EyeError(f"{self.address} is closed: no more events")
        self._spool.add(events)
        self._accepted += len(events)
        self._wake.set()

    def status(self) -> SinkStatus:
        """How it is doing."""
        with self._open:
            if not self._gone:
                waiting, refused, lost = self._spool.counts()
                self._last = SinkStatus(self.address, self._accepted, waiting, refused, lost, self._error)
            return self._last

    def close(self) -> None:
        """Deliver what gets through in 5 s. What is left waits for the next process."""
        if self._closing.is_set():
            return
        self._until = time.monotonic() + CLOSING_S
        self._closing.set()
        self._wake.set()
        self._thread.join(2 * CLOSING_S)
        self.status()
        with self._open:
            self._gone = True
            if not self._thread.is_alive():  # else it hangs on the network, and ends with the process
                self._spool.close()

    def _work(self) -> None:
        wait = FIRST_WAIT_S
        while time.monotonic() < self._until:
            try:
                if self._spool.take_turn():
                    idle = self._step()
                else:
                    idle = not self._spool.next(1)
                    self._pause(LOOK_S)
                self._error, wait = None, FIRST_WAIT_S
                if idle and self._closing.is_set():
                    break
            except Unreachable as reason:
                self._error = str(reason)
                if self._closing.is_set():
                    break
                # Not all at the same moment, when a server comes back that many wait for.
                self._pause(max(wait * random.uniform(0.75, 1.25), reason.wait))
                if reason.wait and self._closing.is_set():
                    break  # who asks to be left alone is not asked once more
                wait = min(2 * wait, LONGEST_WAIT_S)
        self._delivery.close()

    def _step(self) -> bool:
        """Deliver a batch; whether there was none."""
        try:
            batch = self._spool.next(1 if self._singly else self._delivery.batch)
            if not batch:
                self._delivery.tend()
                if not self._closing.is_set():
                    self._wake.wait(LOOK_S)
                    self._wake.clear()
                return True
            self._deliver(batch)
        except Unreachable:
            raise
        except sqlite3.Error as error:  # a full disk: it is delivered again later
            raise Unreachable(f"{self._spool.path}: {error}") from error
        except Exception as defect:  # of ours: were the thread to end, nobody would be told, and nothing delivered
            raise Unreachable(f"a defect of CompoundEye, please report it: {defect!r}") from defect
        return False

    def _deliver(self, batch: Sequence[Waiting]) -> None:
        try:
            self._delivery.deliver(batch)
            self._spool.delivered(batch[-1].number)
        except Unreachable as reason:
            if reason.done:
                self._spool.delivered(batch[reason.done - 1].number)
            raise
        except (Refused, EyeError) as reason:  # EyeError: what waits is no message
            if len(batch) > 1:  # one of them; which one shows when they go one by one
                self._singly = len(batch)
                return
            self._spool.refuse(batch[0], str(reason))
        self._singly = max(0, self._singly - len(batch))

    def _pause(self, seconds: float) -> None:
        """Wait, but not for long when the sink is closed."""
        self._closing.wait(min(seconds, max(0.0, self._until - time.monotonic())))
        if self._closing.is_set():
            time.sleep(min(seconds, 0.05))
