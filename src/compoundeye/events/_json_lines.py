"""Events as JSON Lines: one message a line, in a file or on standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from compoundeye.events._sink import SinkStatus
from compoundeye.events._wire import encode
from compoundeye.records import Event, EyeError

JSON_LINES = (".jsonl", ".ndjson")
"""How such files are called."""


class JsonLines:
    """Appends to a file, or writes to standard output.

    A file is written with one call a batch and given to the disk before `send` returns; several processes may append
    to one file.
    """

    def __init__(self, address: str) -> None:
        """Open it: a path, or "-" for standard output.

        Raises:
            EyeError: it cannot be written.
        """
        self._address = address
        self._accepted = 0
        self._lock = Lock()
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            self._file = None if address == "-" else os.open(Path(address).expanduser(), flags, 0o644)
        except OSError as error:
            raise EyeError(f"events cannot be written to {address}: {error.strerror}") from error

    def send(self, events: Sequence[Event]) -> None:
        """Write messages.

        Raises:
            EyeError: the disk is full, or the file was closed.
        """
        lines = "".join(f"{encode(event)}\n" for event in events)
        if not lines:
            return
        with self._lock:
            if self._address == "-":
                sys.stdout.write(lines)
                sys.stdout.flush()
            elif self._file is None:
                raise EyeError(f"{self._address} is closed")
            else:
                self._append(self._file, lines.encode())
            self._accepted += len(events)

    def _append(self, file: int, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(file, data) :]
            os.fsync(file)
        except OSError as error:
            raise EyeError(f"events cannot be written to {self._address}: {error.strerror}") from error

    def status(self) -> SinkStatus:
        """Nothing ever waits here."""
        return SinkStatus(self._address, self._accepted)

    def close(self) -> None:
        """Close the file; standard output stays open."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
            self._file = None
