"""Worker processes that start without the caller's script and never outlive their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "LANCE_CPU_THREADS",
    "RAYON_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
)
"""Read by libraries when they load: with a process a core, threads beyond it only take turns."""


class Pool:
    """A `ProcessPoolExecutor` whose workers can be stopped at once."""

    def __init__(self, workers: int) -> None:
        context = _Context()
        self._started = context.started
        self._executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)
        self.submit = self._executor.submit

    def close(self) -> None:
        """Let idle workers go home."""
        self._executor.shutdown(wait=True)

    def stop(self) -> None:
        """End the workers whatever they do: work is pure, so nothing but time is lost."""
        for process in self._started:
            process.kill()
        self._executor.shutdown(wait=True, cancel_futures=True)


class _Process(SpawnProcess):
    def start(self) -> None:
        # A spawned child loads the parent's main script again. One without the `if __name__ == "__main__"` guard
        # would start its job once more in each worker; ours is in modules, so the script can stay out of it.
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            super().start()
        finally:
            sys.modules["__main__"] = script


class _Context(SpawnContext):
    """Spawn, not fork: Lance and OpenVINO hold threads, which a forked child would find dead."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[SpawnProcess] = []

    def Process(self, *args: Any, **options: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        process = _Process(*args, **options)
        self.started.append(process)
        return process


def _begin() -> None:
    """The first thing a worker does, before it loads any library."""
    # Ctrl-C reaches the whole process group; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed cannot stop its workers; without this they would wait for shards for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
