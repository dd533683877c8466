"""Batch buffers that are used again: fresh memory for each batch costs page faults, 15 microseconds a picture."""

from __future__ import annotations

import weakref
from collections import deque

import numpy as np
from numpy.typing import NDArray


class Buffers:
    """uint8 arrays whose memory comes back when nobody holds the array, or any view of it, any more."""

    def __init__(self, kept: int) -> None:
        self._free: deque[memoryview] = deque(maxlen=kept)

    def get(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """An array of arbitrary contents."""
        size = int(np.prod(shape))
        try:
            memory = self._free.pop()
        except IndexError:
            memory = memoryview(b"")
        if memory.nbytes != size:
            memory = memoryview(np.empty(size, np.uint8))  # type: ignore[arg-type]
        # Over a memoryview, not over an array: numpy lets views of views hold the innermost array only, and would let
        # go of this one, whose end is the signal, while parts of it are in use.
        array = np.frombuffer(memory, np.uint8)
        weakref.finalize(array, self._free.append, memory).atexit = False
        return array.reshape(shape)
