"""Memory that is used again for each picture.

A decoded picture of half a megabyte taken from the system for every call costs about 150 microseconds of page faults,
a fifth of the decoding itself. Pixels that never leave the room therefore live in buffers that each thread keeps.
"""

import threading

import numpy as np
from numpy.typing import NDArray

_LARGEST = 16 << 20  # bytes kept per thread and use; larger pictures pay for memory of their own and give it back
_threads = threading.local()


def borrow(use: str, size: int) -> NDArray[np.uint8]:
    """uint8 [>= size] of arbitrary contents, good until this thread borrows again for the same use."""
    if size > _LARGEST:
        return np.empty(size, np.uint8)
    buffers: dict[str, NDArray[np.uint8]] = _threads.__dict__
    buffer = buffers.get(use)
    if buffer is None or buffer.size < size:
        buffer = buffers[use] = np.empty(size, np.uint8)
    return buffer
