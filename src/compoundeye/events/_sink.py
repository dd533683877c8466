"""Where events go: the interface, and several of them as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from compoundeye.records import Event, EyeError


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """How a sink is doing. Counts are of messages, not of events."""

    address: str
    """Without a password."""
    accepted: int = 0
    """Since it was opened."""
    waiting: int = 0
    """Accepted, now or by an earlier process, and not yet delivered."""
    refused: int = 0
    """Set aside because the other side will not have them, since the spool was made."""
    lost: int = 0
    """Thrown away because the spool was full, since it was made."""
    error: str | None = None
    """Why nothing is delivered at present."""


class EventSink(Protocol):
    """Takes messages. What `send` accepted will be delivered, however the process ends."""

    def send(self, events: Sequence[Event]) -> None:
        """Accept messages, in order; from any thread.

        Raises:
            EyeError: they cannot be kept: a full disk, a folder without permission.
        """

    def close(self) -> None:
        """Deliver what can be delivered within a few seconds; what is left is delivered by the next process."""

    def status(self) -> SinkStatus:
        """How it is doing."""


class Several:
    """All of them take every message, and the failure of one keeps nothing from the others."""

    def __init__(self, sinks: Sequence[EventSink]) -> None:
        self.sinks = tuple(sinks)

    def send(self, events: Sequence[Event]) -> None:
        """Accept messages, in order.

        Raises:
            EyeError: at least one sink could not; the others have them.
        """
        failures = list[EyeError]()
        for sink in self.sinks:
            try:
                sink.send(events)
            except EyeError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def close(self) -> None:
        """Close all of them."""
        for sink in self.sinks:
            sink.close()

    def status(self) -> SinkStatus:
        """All of them as one: what the busiest accepted and the slowest has waiting, and all errors."""
        each = [sink.status() for sink in self.sinks]
        return SinkStatus(
            " ".join(one.address for one in each),
            accepted=max((one.accepted for one in each), default=0),
            waiting=max((one.waiting for one in each), default=0),
            refused=sum(one.refused for one in each),
            lost=sum(one.lost for one in each),
            error="; ".join(f"{one.address}: {one.error}" for one in each if one.error) or None,
        )
