"""The processes of a calibration: started, listened to, and ended.

All of them do everything at the same time, since they share power, memory and wires in a training too; the slowest
counts. Torch is imported by them alone, and to count GPUs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from compoundeye.capacity._bench import Bench, Device, HardwareEffort, Measured
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_PATIENCE = 600.0
"""Seconds after which processes that say nothing are given up."""


def measure(
    device: Device, processes: int, threads: int, effort: HardwareEffort, tell: Callable[[str], None]
) -> Measured:
    """Measure in so many processes of ``threads`` threads each (processors alone).

    Raises:
        EyeError: a process failed or fell silent.
    """
    context = get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        pipes, ranks = list[Connection](), list["BaseProcess"]()
        for rank in range(processes):
            ours, theirs = context.Pipe(duplex=False)
            arguments = (theirs, rank, processes, device, threads, effort, f"{folder}/store")
            ranks.append(context.Process(target=_work, args=arguments, daemon=True))
            ranks[-1].start()
            theirs.close()
            pipes.append(ours)
        try:
            return _listen(pipes, tell)
        finally:
            for process in ranks:
                process.kill()
                process.join()
            for pipe in pipes:
                pipe.close()


def _listen(pipes: Sequence[Connection], tell: Callable[[str], None]) -> Measured:
    """What the first process found, once it is done."""
    open_pipes = list(pipes)
    while open_pipes:
        ready = wait(open_pipes, timeout=_PATIENCE)
        if not ready:
            raise EyeError(f"measuring this machine: nothing was heard for {_PATIENCE:.0f} s")
        for pipe in open_pipes:
            if pipe not in ready:
                continue
            try:
                what, said = pipe.recv()
            except EOFError:
                raise EyeError(
                    "measuring this machine: a process ended without a word; was it killed for memory, or does the "
                    "script that asks for it lack `if __name__ == '__main__'`?"
                ) from None
            if what == "failed":
                raise EyeError(f"measuring this machine failed: {said}")
            if what == "tell":
                tell(said)
            elif isinstance(said, Measured):
                return said
            else:
                open_pipes.remove(pipe)
    raise EyeError("measuring this machine: no process had a result")


def _work(
    pipe: Connection, rank: int, processes: int, device: Device, threads: int, effort: HardwareEffort, store: str
) -> None:
    try:
        from torch import distributed as dist

        bench = Bench(rank, processes, device, threads, effort)
        if processes > 1:
            backend = "nccl" if device == "cuda" else "gloo"
            shared = dist.FileStore(store, processes)
            dist.init_process_group(
                backend, store=shared, rank=rank, world_size=processes, timeout=timedelta(seconds=_PATIENCE)
            )
        found = bench.everything(lambda text: pipe.send(("tell", text)) if rank == 0 else None)
        pipe.send(("done", found if rank == 0 else None))
        if processes > 1:
            dist.barrier()
            dist.destroy_process_group()
    except Exception as error:
        pipe.send(
            ("failed", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no more is known'}")
        )


def devices(device: Device) -> int:
    """How many accelerators there are; 0 for processors, which any number of processes can share.

    Raises:
        EyeError: torch is missing, or it sees no GPU.
    """
    torch = _torch()
    if device == "cpu":
        return 0
    if not torch.cuda.is_available():
        raise EyeError("torch sees no GPU here: install torch by the recipe for yours, or measure with device cpu")
    return int(torch.cuda.device_count())


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise EyeError("measuring hardware needs torch: install it, then compoundeye[train]") from None
    return torch
