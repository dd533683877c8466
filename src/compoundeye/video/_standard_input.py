"""Standard input, as FFmpeg reads it: a reader that can be told to stop."""

from __future__ import annotations

import os
import select
import threading

LOOK_UP_S = 0.2
"""How often it looks whether it was closed while nothing comes."""


class StandardInput:
    """What a pipe brings, without reading ahead. Not seekable."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._closed = threading.Event()

    def read(self, size: int) -> bytes:
        """Up to so many bytes, as soon as there are any; none at the end, or once it is closed."""
        while not self._closed.is_set():
            if select.select([self._descriptor], [], [], LOOK_UP_S)[0]:
                return os.read(self._descriptor, size)
        return b""

    def seekable(self) -> bool:
        """A pipe is not."""
        return False

    def close(self) -> None:
        """Reading ends; the descriptor stays open, since it belongs to the process."""
        self._closed.set()
