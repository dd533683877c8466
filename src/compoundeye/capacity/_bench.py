"""One process of a calibration: times products, streams and messages on its device, in step with the others."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

Device = Literal["cpu", "cuda"]
_REPEATS = 3


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
class Messages:
    """Bytes of the message (the larger of what goes in and what comes out) and seconds."""

    reductions: Sequence[tuple[float, float]] = ()
    gathers: Sequence[tuple[float, float]] = ()


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
    messages: Messages


class Bench:
    """One process: its device, and the others to agree with."""

    def __init__(
        self,
        place: int,
        processes: int,
        device: Device,
        threads: int,
        effort: HardwareEffort,
        group: Any = None,
        ranks: int | None = None,
    ) -> None:
        """``place``: among the processes of this machine. ``processes``: of all machines, which agree on times.

        ``group``: the ``ranks`` that exchange messages; all if None.
        """
        import torch

        self.torch, self.processes, self.effort = torch, processes, effort
        self.group, self.ranks = group, processes if ranks is None else ranks
        self.device = torch.device("cuda", place) if device == "cuda" else torch.device("cpu")
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
        messages = Messages()
        if self.ranks > 1:
            tell(f"messages between {self.ranks} processes")
            messages = self.messages()
        return Measured(self.name(), self._memory(), self.versions(), products, streams, launch, messages)

    def messages(self) -> Messages:
        """All-reduces and all-gathers by size."""
        return Messages(list(self._reductions()), list(self._gathers()))

    def name(self) -> str:
        """What the driver or the system calls the device."""
        if self.device.type == "cuda":
            return str(self.torch.cuda.get_device_name(self.device))
        return _processor()

    def _memory(self) -> float:
        if self.device.type == "cuda":
            return float(self.torch.cuda.get_device_properties(self.device).total_memory)
        return machine_memory()

    def versions(self) -> str:
        """Of what measures and is measured."""
        torch = self.torch
        if self.device.type == "cpu":
            return f"torch {torch.__version__}, gloo, {torch.get_num_threads()} threads a process"
        nccl = ".".join(str(part) for part in torch.cuda.nccl.version()) if self.ranks > 1 else "not used"
        return f"torch {torch.__version__}, CUDA {torch.version.cuda or torch.version.hip}, NCCL {nccl}"

    def _has(self, precision: str) -> bool:
        if precision != "float8":
            return True
        # e4m3 products need compute capability 8.9 (Ada) or 9.0 (Hopper): PyTorch, torch._scaled_mm
        if self.device.type == "cpu" or self.torch.version.hip:
            return False
        return bool(self.torch.cuda.get_device_capability(self.device) >= (8, 9))

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
            yield float(size), self._taken(partial(dist.all_reduce, whole, group=self.group))

    def _gathers(self) -> Iterator[tuple[float, float]]:
        from torch import distributed as dist

        for size in self._messages():
            part = self.torch.zeros(max(1, size // 4 // self.ranks), device=self.device)
            whole = self.torch.empty(part.numel() * self.ranks, device=self.device)
            yield 4.0 * whole.numel(), self._taken(partial(dist.all_gather_single, whole, part, group=self.group))

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
