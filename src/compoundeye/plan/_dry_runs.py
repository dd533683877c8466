"""Several ranks of a training, each executed in a fresh process."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess

import torch

from compoundeye.cluster import available_cores
from compoundeye.plan._case import Case
from compoundeye.plan._dry_run import executed
from compoundeye.plan._executed import Executed
from compoundeye.records import EyeError

_WORDS = 40
"""Of an error that is not ours."""


def dry_run(
    case: Case, ranks: Sequence[int], *, tell: Callable[[Executed], None] | None = None
) -> tuple[Executed, ...]:
    """`executed` for several ranks, each in a fresh process: as many at once as there are cores.

    A process takes about half a gigabyte, whatever the model.

    Args:
        tell: called with each as soon as it and those before it are done, in the order of ``ranks``.

    Raises:
        EyeError: as `executed`, or a process failed; says which rank's. The others are ended.
    """
    found = []
    context = multiprocessing.get_context("spawn")
    processes: list[SpawnProcess] = []
    with ThreadPoolExecutor(max(1, min(len(ranks), available_cores()))) as threads:
        waiting = [threads.submit(_elsewhere, context, processes, case, rank) for rank in ranks]
        try:
            for one in waiting:
                found.append(one.result())
                if tell is not None:
                    tell(found[-1])
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.kill()
    return tuple(found)


def _elsewhere(context: SpawnContext, processes: list[SpawnProcess], case: Case, rank: int) -> Executed:
    """In a process of its own, which is noted, so that it can be ended."""
    coming, going = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(going, case, rank), daemon=True)
    processes.append(process)
    process.start()
    going.close()
    try:
        found = coming.recv()
    except EOFError:
        process.join()
        raise EyeError(
            f"the process that stood for rank {rank} was ended (exit code {process.exitcode}), maybe for want of "
            "memory: run fewer ranks at once"
        ) from None
    process.join()
    if isinstance(found, EyeError):
        raise found
    assert isinstance(found, Executed)
    return found


def _work(going: Connection, case: Case, rank: int) -> None:
    """One thread, since nothing is computed, and no word on what processes that are not there cannot do."""
    threading.Thread(target=_leave_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    torch.set_num_threads(1)
    logging.getLogger("torch").setLevel(logging.ERROR)
    found: Executed | EyeError
    try:
        found = executed(case, rank)
    except EyeError as error:
        found = error
    except Exception as error:  # whatever it is: of this plan nobody can say that it works
        reason = " ".join(str(error).split()[:_WORDS])
        found = EyeError(f"the step of rank {rank} cannot be executed: {type(error).__name__}: {reason}")
    going.send(found)


def _leave_with(parent: BaseProcess | None) -> None:
    """End this process when the one that wants its result was killed: a step can take minutes."""
    if parent is not None:
        parent.join()
        os._exit(1)
