"""One worker process: it starts without the caller's script, does what it is sent, and never outlives its parent."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.reduction import ForkingPickler
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


class WorkerDied(Exception):  # noqa: N818  # never seen outside this room
    """The process is gone, and with it what it was doing."""


class Worker:
    """A process and the only pipe to it.

    `concurrent.futures` shares one pipe among all workers, and holds both ends of it: a worker that is killed while it
    sends a result leaves the parent to wait for the rest for ever. Here the pipe ends with the process.
    """

    def __init__(self) -> None:
        # Spawn, not fork: Lance and OpenVINO hold threads, which a forked child would find dead.
        context = SpawnContext()
        self.connection, theirs = context.Pipe()
        self._process = _Process(target=_serve, args=(theirs,), daemon=True)
        try:
            self._process.start()
        finally:
            theirs.close()

    def send(self, work: Callable[[Any], Any], shard: Any) -> None:
        """Have ``work(shard)`` done, after all that was sent before. Raises WorkerDied."""
        try:
            self.connection.send((work, shard))
        except (BrokenPipeError, ConnectionError) as error:
            raise WorkerDied from error

    def result(self) -> tuple[Any, BaseException | None]:
        """What came of the oldest thing sent: its value, or what ``work`` raised. Raises WorkerDied."""
        try:
            value, error = self.connection.recv()
        except (EOFError, OSError) as gone:  # the end of the pipe between two results, or within one
            raise WorkerDied from gone
        return value, error

    def close(self) -> None:
        """Let an idle worker go home."""
        self.connection.close()
        self._process.join()

    def stop(self) -> None:
        """End the worker whatever it does: work is pure, so nothing but time is lost."""
        self._process.kill()
        self.close()


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


def _serve(connection: Connection[Any, Any]) -> None:
    """What a worker does from beginning to end; before it loads any library, it sees to their threads."""
    # Ctrl-C reaches the whole process group; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    waiting: queue.SimpleQueue[tuple[Callable[[Any], Any], Any]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, waiting), daemon=True).start()
    while True:
        work, shard = waiting.get()
        answer = _answer(work, shard)
        try:
            connection.send_bytes(answer)
        except OSError:
            os._exit(1)


def _receive(connection: Connection[Any, Any], waiting: queue.SimpleQueue[Any]) -> None:
    """Take in what is sent while the other thread works, so that the parent never waits in sending.

    The pipe ends when the parent has no more to do, or is killed: either way nobody wants anything any more.
    """
    try:
        while True:
            try:
                waiting.put(connection.recv())
            except (EOFError, OSError):
                raise
            except Exception as error:  # what was sent cannot be unpickled here: that is an answer too
                waiting.put((_refuse, error))
    except (EOFError, OSError):
        os._exit(0)


def _refuse(error: Exception) -> None:
    raise error


def _answer(work: Callable[[Any], Any], shard: Any) -> memoryview:
    try:
        return ForkingPickler.dumps((work(shard), None))
    except BaseException as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        try:
            answer = ForkingPickler.dumps((None, error))
            ForkingPickler.loads(answer)
        except Exception:  # it holds something that cannot travel
            return ForkingPickler.dumps((None, RuntimeError(traceback.format_exc())))
        return answer
