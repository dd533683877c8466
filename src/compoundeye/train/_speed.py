"""How fast a run is, and which share of the hardware's arithmetic it uses."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from compoundeye.train._layout import Layout
from compoundeye.train._process import world_size

# Dense bfloat16 FLOP/s without sparsity, of NVIDIA's data sheets: A100 (2020), H100 SXM and PCIe (2023), H200 (2023),
# B200 (2024).
_PEAKS = {"A100": 312e12, "H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "B200": 2250e12}
_RECENT = 20
"""Steps over which the speed is taken."""


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

    def after(self, pictures: int) -> tuple[float, float | None]:
        """Tell of a step of so many pictures; returns pictures/s and MFU."""
        self._marks.append((time.monotonic(), self._marks[-1][1] + pictures))
        (began, before), (now, after) = self._marks[0], self._marks[-1]
        rate = (after - before) / max(now - began, 1e-9)
        return rate, rate * self._flops / self._peak if self._peak else None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time within the block does not count."""
        began = time.monotonic()
        yield
        lost = time.monotonic() - began
        self._marks = deque(((at + lost, done) for at, done in self._marks), maxlen=_RECENT + 1)


def _peak(device: torch.device) -> float:
    if device.type != "cuda":
        return 0.0
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in _PEAKS.items() if all(word in name for word in part.split())), 0.0)
