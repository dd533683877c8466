"""How fast this machine's accelerators multiply, stream and speak: what each process of a calibration does.

All processes do everything at the same time, since they share power, memory and wires in a training too; the slowest
counts. Torch is imported by the processes alone.
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compoundeye.records import EyeError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    import torch

Device = Literal["cpu", "cuda"]
_REPEATS = 3
_PATIENCE = 600.0
"""Seconds after which processes that say nothing are given up."""


@dataclass(frozen=True, slots=True)
class HardwareEffort:
    """How much is measured."""

    seconds: float = 0.1
    """Each timing lasts at least this long."""
    product: int = 16384
    """Side of the largest matrices; sooner, where a product of them takes a second."""
    stream: int = 2**31
    """Bytes read and written by the largest operation."""
    message: int = 2**30
    """Bytes of the largest message."""


EFFORTS: Mapping[str, HardwareEffort] = {
    "cuda": HardwareEffort(),
    "cpu": HardwareEffort(product=2048, stream=2**28, message=2**26),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What the processes found; figures of one accelerator while all of them work."""

    device: str
    memory: float
    """Bytes; of the whole machine for processors."""
    versions: str
    products: Mapping[str, Sequence[tuple[float, float]]]
    """By precision: FLOPs of one product and seconds."""
    streams: Sequence[tuple[float, float]]
    """Bytes read and written by one operation and seconds."""
    launch: float
    """Seconds of the shortest operation, back to back."""
    reductions: Sequence[tuple[float, float]] = field(default=())
    """Bytes of the message and seconds of an all-reduce over all processes."""
    gathers: Sequence[tuple[float, float]] = field(default=())
    """The same for an all-gather: bytes of what comes out."""


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

        bench = _Bench(rank, processes, device, threads, effort)
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


class _Bench:
    """One process: its device, and the others to agree with."""

    def __init__(self, rank: int, processes: int, device: Device, threads: int, effort: HardwareEffort) -> None:
        import torch

        self.torch, self.processes, self.effort = torch, processes, effort
        self.device = torch.device(device, rank if device == "cuda" else 0) if device == "cuda" else torch.device("cpu")
        if device == "cuda":
            torch.cuda.set_device(self.device)
        else:
            torch.set_num_threads(threads)

    def everything(self, tell: Callable[[str], None]) -> Measured:
        """All figures, one after the other."""
        products = {}
        for precision in ("fp32", "bf16", "float8"):
            if self._has(precision):
                tell(f"products in {precision}")
                products[precision] = list(self._products(precision))
        tell("memory")
        streams, launch = list(self._streams()), self._stream(1)
        reductions, gathers = list[tuple[float, float]](), list[tuple[float, float]]()
        if self.processes > 1:
            tell(f"messages between {self.processes} processes")
            reductions, gathers = list(self._reductions()), list(self._gathers())
        return Measured(self._name(), self._memory(), self._versions(), products, streams, launch, reductions, gathers)

    def _name(self) -> str:
        if self.device.type == "cuda":
            return str(self.torch.cuda.get_device_name(self.device))
        return _processor()

    def _memory(self) -> float:
        if self.device.type == "cuda":
            return float(self.torch.cuda.get_device_properties(self.device).total_memory)
        return machine_memory()

    def _versions(self) -> str:
        torch = self.torch
        if self.device.type == "cpu":
            return f"torch {torch.__version__}, gloo, {torch.get_num_threads()} threads a process"
        nccl = ".".join(str(part) for part in torch.cuda.nccl.version()) if self.processes > 1 else "not used"
        return f"torch {torch.__version__}, CUDA {torch.version.cuda or torch.version.hip}, NCCL {nccl}"

    def _has(self, precision: str) -> bool:
        if precision != "float8":
            return True
        # e4m3 products need compute capability 8.9 (Ada) or 9.0 (Hopper): PyTorch, torch._scaled_mm
        return self.device.type == "cuda" and self.torch.cuda.get_device_capability(self.device) >= (8, 9)

    def _products(self, precision: str) -> Iterator[tuple[float, float]]:
        side = 64
        while side <= self.effort.product:
            taken = self._taken(self._product(precision, side))
            yield 2.0 * side**3, taken
            if taken > 1:
                break
            side *= 2

    def _product(self, precision: str, side: int) -> Callable[[], object]:
        """A product of square matrices of normal random numbers: what they hold changes power, and so speed."""
        torch = self.torch
        a, b = (torch.randn(side, side, device=self.device) for _ in range(2))
        if precision == "float8":
            low, high = a.to(torch.float8_e4m3fn), b.to(torch.float8_e4m3fn).t().contiguous().t()
            one = torch.ones((), device=self.device)
            return lambda: torch._scaled_mm(low, high, scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
        a, b = (part.to(torch.bfloat16 if precision == "bf16" else torch.float32) for part in (a, b))
        out = torch.empty_like(a)
        return lambda: torch.mm(a, b, out=out)

    def _streams(self) -> Iterator[tuple[float, float]]:
        size = 2**14
        while size <= self.effort.stream:
            yield float(size // 12 * 12), self._stream(size // 12)
            size *= 2

    def _stream(self, elements: int) -> float:
        a, b, out = (self.torch.ones(elements, device=self.device) for _ in range(3))
        return self._taken(lambda: self.torch.add(a, b, out=out))

    def _reductions(self) -> Iterator[tuple[float, float]]:
        from torch import distributed as dist

        for size in self._messages():
            whole = self.torch.zeros(size // 4, device=self.device)
            yield float(size), self._taken(lambda whole=whole: dist.all_reduce(whole))  # type: ignore[misc]

    def _gathers(self) -> Iterator[tuple[float, float]]:
        from torch import distributed as dist

        for size in self._messages():
            part = self.torch.zeros(max(1, size // 4 // self.processes), device=self.device)
            whole = self.torch.empty(part.numel() * self.processes, device=self.device)
            gather: Callable[[], object] = lambda part=part, whole=whole: dist.all_gather_single(whole, part)  # type: ignore[misc] # noqa: E731
            yield 4.0 * whole.numel(), self._taken(gather)

    def _messages(self) -> Iterator[int]:
        size = 2**10
        while size <= self.effort.message:
            yield size
            size *= 2

    def _taken(self, operation: Callable[[], object]) -> float:
        """Seconds of an operation of the slowest process, in the median of some rows of them."""
        operation()
        count, taken = 1, self._row(operation, 1)
        while taken < self.effort.seconds:  # agreed by all: they repeat alike
            count = max(count + 1, min(count * 10, int(count * 1.2 * self.effort.seconds / max(taken, 1e-9))))
            taken = self._row(operation, count)
        return statistics.median([taken, *(self._row(operation, count) for _ in range(_REPEATS - 1))]) / count

    def _row(self, operation: Callable[[], object], count: int) -> float:
        self._wait()
        began = time.perf_counter()
        for _ in range(count):
            operation()
        if self.device.type == "cuda":
            self.torch.cuda.synchronize(self.device)
        return self._slowest(time.perf_counter() - began)

    def _wait(self) -> None:
        """All begin together."""
        if self.device.type == "cuda":
            self.torch.cuda.synchronize(self.device)
        self._slowest(0.0)

    def _slowest(self, seconds: float) -> float:
        if self.processes == 1:
            return seconds
        from torch import distributed as dist

        worst: torch.Tensor = self.torch.tensor(seconds, dtype=self.torch.float64, device=self.device)
        dist.all_reduce(worst, dist.ReduceOp.MAX)
        return float(worst)


def machine_memory() -> float:
    """Bytes of main memory."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _processor() -> str:
    """What the system calls its processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


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
