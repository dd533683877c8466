"""Memory that is used again for each picture.

A decoded picture of half a megabyte taken from the system for every call costs about 150 microseconds of page faults,
a fifth of the decoding itself. Pixels that never leave the room therefore live in one buffer per thread.
"""

import threading

import numpy as np
from numpy.typing import NDArray

_LARGEST = 16 << 20  # bytes kept per thread; larger pictures pay for memory of their own and give it back
_threads = threading.local()


def borrow(size: int) -> NDArray[np.uint8]:
    """At least `size` bytes, uint8, shape [>= size], valid until this thread borrows again. Contents are arbitrary."""
    if size > _LARGEST:
        return np.empty(size, np.uint8)
    buffer: NDArray[np.uint8] | None = getattr(_threads, "buffer", None)
    if buffer is None or buffer.size < size:
        buffer = _threads.buffer = np.empty(size, np.uint8)
    return buffer
