"""Long work beside the server: a process of its own, which yields to it, tells how far it is, and ends when it does.

In a thread the same work would hold the interpreter against every page, keep its memory, and break the server's end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from compoundeye.records import EyeError

_NICENESS = 10


Work = Callable[..., None]


class Aside(threading.Thread):
    """One call of a function of this room, in a process of its own."""

    def __init__(self, work: Work, arguments: Sequence[Any], after: Callable[[Path], None] | None = None) -> None:
        """Prepare a call; `start` begins it.

        Args:
            work: a function at the top of a module, which gets a `Progress`, a folder to write into, and the arguments.
            arguments: what JSON can carry.
            after: called here with the folder when it has ended well; the folder goes away then.
        """
        super().__init__(name=work.__name__, daemon=True)
        self.share = 0.0
        """Done of all, 0 to 1."""
        self.error: EyeError | None = None
        """Why it did not end well."""
        self._call, self._arguments, self._after = f"{work.__module__}:{work.__qualname__}", list(arguments), after
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def run(self) -> None:
        """Begin the process and listen to it until it ends."""
        with tempfile.TemporaryDirectory(prefix="eye-") as folder:
            told = self._listen(folder)
            if told is not None:
                self.error = EyeError(f"work beside the server did not end well: {told}")
            elif self._after is not None:
                try:
                    self._after(Path(folder))
                except EyeError as error:
                    self.error = error

    def _listen(self, folder: str) -> str | None:
        """What went wrong, or None."""
        code, arguments = f"from {__name__} import _main; _main()", json.dumps([folder, *self._arguments])
        with self._lock:
            if self._stopped:
                return "it was not begun"
            command = [sys.executable, "-c", code, self._call, arguments]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        told = "it was ended from outside"
        with self._process as process:
            assert process.stdout is not None
            for line in process.stdout:
                said = json.loads(line)
                self.share = said.get("share", self.share)
                told = said.get("error", told)
        return told if process.returncode else None

    def stop(self) -> None:
        """End the process, if it runs."""
        with self._lock:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
        if self.is_alive():
            self.join()


def _main() -> None:
    """What runs in the process."""
    place, arguments = sys.argv[1:]
    threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
    os.nice(_NICENESS)
    module, _, name = place.partition(":")
    try:
        getattr(import_module(module), name)(_tell, *json.loads(arguments))
    except EyeError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        sys.exit(1)
    # Threads of libraries are left alone: their work is committed, and waiting for them might last.
    os._exit(0)


def _end_with(server: BinaryIO) -> None:
    server.read()
    os._exit(1)


def _tell(done: int, total: int | None) -> None:
    print(json.dumps({"share": done / total if total else 0.0}), flush=True)
