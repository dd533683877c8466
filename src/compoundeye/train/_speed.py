"""How fast a run is, which share of the hardware's arithmetic it uses, and what else its time goes into."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import torch

from compoundeye.capacity import accelerator_of
from compoundeye.train._layout import Layout
from compoundeye.train._process import world_size

_RECENT = 20
"""Steps over which the speed is taken."""

T = TypeVar("T")
Aside = Literal["waiting", "validating", "saving"]
"""What time goes into besides steps: waiting for pictures is before a step, the others are after it."""


class Speed:
    """Pictures a second over the last steps, validations left out, and model FLOPs utilisation (MFU).

    MFU (Chowdhery et al., 2022, arXiv:2204.02311, appendix B): arithmetic of forward and backward as the model defines
    it, recomputation not counted, over the peak of all devices. None where the peak is not known, as for processors.
    """

    def __init__(self, flops: float, layout: Layout) -> None:
        """``flops``: operations of one picture in a training step."""
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=_RECENT + 1)
        self._peak = _peak(layout.device) * world_size()
        self._flops = flops
        self._device = layout.device
        self._told = time.monotonic()
        self._aside: dict[Aside, float] = dict.fromkeys(("waiting", "validating", "saving"), 0.0)

    def after(self, pictures: int) -> tuple[float, float | None]:
        """Tell of a step of so many pictures; returns pictures/s and MFU."""
        self._marks.append((time.monotonic(), self._marks[-1][1] + pictures))
        (began, before), (now, after) = self._marks[0], self._marks[-1]
        rate = (after - before) / max(now - began, 1e-9)
        return rate, rate * self._flops / self._peak if self._peak else None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time within the block is that of a validation and does not count."""
        began = time.monotonic()
        with self.aside("validating"):
            yield
        lost = time.monotonic() - began
        self._marks = deque(((at + lost, done) for at, done in self._marks), maxlen=_RECENT + 1)

    @contextmanager
    def aside(self, what: Aside) -> Iterator[None]:
        """Time within the block goes into something besides steps."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._aside[what] += time.monotonic() - began

    def waited(self, batches: Iterable[T]) -> Iterator[T]:
        """The same batches; time until one is there is waiting."""
        source = iter(batches)
        while True:
            with self.aside("waiting"):
                batch = next(source, None)
            if batch is None:
                return
            yield batch

    def spent(self) -> dict[str, float]:
        """Seconds since the last call, in all and aside from steps; on a GPU the most bytes held so far, too."""
        now = time.monotonic()
        found: dict[str, float] = {"seconds": now - self._told}
        self._told = now
        for what in self._aside:
            found[what], self._aside[what] = self._aside[what], 0.0
        if self._device.type == "cuda":
            found["memory"] = float(torch.cuda.max_memory_allocated(self._device))
        return found


def _peak(device: torch.device) -> float:
    """FLOP/s of dense products in bfloat16 by the data sheet; 0 if it is not known."""
    known = accelerator_of(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
    return known.peak["bf16"] if known else 0.0
