"""Results that are kept for the next who asks, up to so many bytes, and made once however many ask at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Bounded(Generic[Value]):
    """Values by key, the ones used longest ago dropped first. Safe to use from several threads.

    Cost: as many bytes as were allowed, and one value more, since the newest always stays.
    """

    def __init__(self, most: int, weight: Callable[[Value], int]) -> None:
        """Keep values of together ``most``, each counted by ``weight``."""
        self._most, self._weight = most, weight
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._makers: dict[Hashable, threading.Lock] = {}
        self._held = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made if need be; of several who ask for a new key at once, one makes it."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            maker = self._makers.setdefault(key, threading.Lock())
        with maker:
            found = self.peek(key)
            if found is None:
                try:
                    found = make()
                    self.put(key, found)
                finally:
                    with self._lock:
                        self._makers.pop(key, None)
            return found

    def peek(self, key: Hashable) -> Value | None:
        """The value of a key if it is there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value, and drop old ones until all fit."""
        with self._lock:
            old = self._values.pop(key, None)
            self._held += self._weight(value) - (self._weight(old) if old is not None else 0)
            self._values[key] = value
            while self._held > self._most and len(self._values) > 1:
                _, dropped = self._values.popitem(last=False)
                self._held -= self._weight(dropped)

    @property
    def held(self) -> int:
        """Bytes of what is kept."""
        return self._held
