"""Real processes for tests: `run(function, world_size, ...)` calls a function on every rank of a gloo group."""

from __future__ import annotations

import inspect
import multiprocessing
import os
import pickle
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

_PRELOADED = [
    "compoundeye.plan",
    "torch.distributed.checkpoint",
    "torch.distributed.fsdp",
    "torch.distributed.pipelining",
    "torch.distributed.tensor.parallel",
]


def forkserver() -> ForkServerContext:
    """Processes forked from one that has imported all that is slow to import, and used nothing of it.

    A worker of tests has one such server, whoever asks first: so all ask here.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def run(function: Callable[..., Any], world_size: int, *args: Any, timeout: float = 120.0) -> list[Any]:
    """Results of `function(*args)` on ranks 0, 1, ...; the default process group is gloo over a file.

    The function must be at the top of its module, whose file each process loads anew; arguments and results are
    pickled. The first process to fail ends the others, and its traceback is what is raised here.
    """
    context = forkserver()
    file = inspect.getsourcefile(function)
    with tempfile.TemporaryDirectory() as folder:
        ranks = [
            context.Process(
                target=_work, args=(folder, file, function.__qualname__, rank, world_size, args, timeout), daemon=True
            )
            for rank in range(world_size)
        ]
        for process in ranks:
            process.start()
        try:
            _wait(ranks, time.monotonic() + timeout)
            failures = [_failure(Path(folder), rank, process) for rank, process in enumerate(ranks)]
        finally:
            for process in ranks:
                process.kill()
                process.join()
        # Of processes ended because another failed there is little to tell: they come last.
        if told := sorted(filter(None, failures), key=len, reverse=True):
            raise AssertionError("\n\n".join(told))
        return [pickle.loads((Path(folder) / f"{rank}.result").read_bytes()) for rank in range(world_size)]


def _wait(processes: Sequence[Any], deadline: float) -> None:
    """Until all have ended, one has failed or time is over."""
    running = list(processes)
    while running and time.monotonic() < deadline:
        wait([process.sentinel for process in running], deadline - time.monotonic())
        if any(process.exitcode for process in running):
            return
        running = [process for process in running if process.exitcode is None]


def _failure(folder: Path, rank: int, process: Any) -> str | None:
    """What went wrong on a rank, None if it returned."""
    if (error := folder / f"{rank}.error").exists():
        return f"rank {rank}: {error.read_text()}"
    if (folder / f"{rank}.result").exists():
        return None
    return f"rank {rank}: " + ("not done" if process.exitcode is None else f"exit code {process.exitcode}")


def _work(folder: str, file: str, name: str, rank: int, world_size: int, args: tuple[Any, ...], timeout: float) -> None:
    """One rank: load the function, join the group, call it, leave its result in the folder."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world_size), LOCAL_WORLD_SIZE=str(world_size)
    )
    sys.path.insert(0, str(Path(__file__).parent))
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    try:
        spec = spec_from_file_location(Path(file).stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[Path(file).stem] = module_from_spec(spec)
        spec.loader.exec_module(module)
        store = dist.FileStore(f"{folder}/store", world_size)
        dist.init_process_group(
            "gloo", store=store, rank=rank, world_size=world_size, timeout=timedelta(seconds=timeout)
        )
        result = getattr(module, name)(*args)
        # All are done before any leaves: a group that goes away early looks like a failure to the others.
        dist.barrier()
        dist.destroy_process_group()
        written = Path(folder) / f"{rank}.unfinished"
        written.write_bytes(pickle.dumps(result))
        written.rename(Path(folder) / f"{rank}.result")
    except BaseException:
        Path(folder, f"{rank}.error").write_text(traceback.format_exc())
        raise SystemExit(1) from None
