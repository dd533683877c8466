"""How often one may guess: a few wrong secrets an address, then one in half a minute."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

FREE, EVERY_S = 10, 30.0
"""Wrong secrets in a row that cost nothing, and the pause for each one more: 2,880 guesses a day, not millions."""
MOST = 100_000
"""Addresses remembered; the ones quiet longest are forgotten."""


class Attempts:
    """A bucket of wrong guesses for each address, emptied by one each `EVERY_S`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, address: str) -> int:
        """Seconds until this address may guess again; 0 if it may now."""
        with self._lock:
            return _pause(self._level(network(address)))

    def guess(self, address: str) -> int:
        """Book a guess before it is checked, so that many at once count too.

        Returns:
            0, or the seconds until this address may guess again; such a guess is not booked.
        """
        key = network(address)
        with self._lock:
            level = self._level(key)
            if pause := _pause(level):
                return pause
            self._wrong[key] = (level + 1, self._clock())
            self._wrong.move_to_end(key)
            while len(self._wrong) > MOST:
                self._wrong.popitem(last=False)
        return 0

    def succeeded(self, address: str) -> None:
        """Forget the wrong guesses: whoever knows the secret may mistype it tomorrow."""
        with self._lock:
            self._wrong.pop(network(address), None)

    def _level(self, key: str) -> float:
        count, at = self._wrong.get(key, (0.0, 0.0))
        return max(0.0, count - (self._clock() - at) / EVERY_S)


def attempts_of(_: object) -> Attempts:
    """The server's count of guesses: ``console.part(attempts_of)``."""
    return Attempts()


def _pause(level: float) -> int:
    return math.ceil((level - FREE + 1) * EVERY_S) if level > FREE - 1 else 0


def network(address: str) -> str:
    """What one guesser holds many of counts as one: the /64 of an IPv6 address (RFC 6177), else the address itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network(f"{parsed}/64", strict=False).network_address)
