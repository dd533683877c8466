"""Copies of tensors in the processor's memory, so that training can change them while they are written."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor


def local(tensor: Tensor) -> Tensor:
    """The part of a tensor that this process holds; its memory, not a copy."""
    return tensor.to_local().detach() if isinstance(tensor, DTensor) else tensor.detach()


class Staging:
    """Buffers that are kept from one save to the next: allocating and pinning memory costs more than copying.

    Memory: as much as what is copied, once. On a GPU the buffers are pinned, and copies run on a stream of their own.
    A copy is begun in one thread and may be done in another: `copy` at once, or `reserve`, `fill` and `wait`.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}
        self._stream: torch.cuda.Stream | None = None
        self._copied: torch.cuda.Event | None = None
        self._issued = threading.Event()
        self._issued.set()

    def reserve(self, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A buffer on the processor for each part, those of the last time where they fit; others are freed."""
        kept, self._buffers = self._buffers, {}
        for name, part in parts.items():
            buffer = kept.get(name)
            if buffer is None or buffer.shape != part.shape or buffer.dtype != part.dtype:
                buffer = torch.empty(part.shape, dtype=part.dtype, pin_memory=part.is_cuda)
            self._buffers[name] = buffer
        self._issued.clear()
        if any(part.is_cuda for part in parts.values()):
            self._stream = self._stream or torch.cuda.Stream()
            self._stream.wait_stream(torch.cuda.current_stream())
        return dict(self._buffers)

    @torch.no_grad()
    def fill(self, parts: Mapping[str, Tensor]) -> None:
        """Copy parts into their buffers, perhaps not to the end yet."""
        for name, part in parts.items():
            if part.is_cuda:
                with torch.cuda.stream(self._stream):
                    self._buffers[name].copy_(part, non_blocking=True)
            else:
                self._buffers[name].copy_(part)

    def issued(self) -> None:
        """Say that all is filled, for `wait` in another thread."""
        if self._stream is not None:
            self._copied = torch.cuda.Event()
            self._copied.record(self._stream)
        self._issued.set()

    def wait(self) -> None:
        """What this thread does from now on comes after the copies."""
        self._issued.wait()
        if self._copied is not None:
            torch.cuda.current_stream().wait_event(self._copied)

    def finish(self) -> None:
        """Return when the buffers hold what they should."""
        if self._copied is not None:
            self._copied.synchronize()
