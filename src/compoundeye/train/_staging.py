"""Copies of tensors in the processor's memory, so that training can change them while they are written."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor


def local(tensor: Tensor) -> Tensor:
    """The part of a tensor that this process holds."""
    return tensor.to_local().detach() if isinstance(tensor, DTensor) else tensor.detach()


class Staging:
    """Buffers that are kept from one save to the next: allocating and pinning memory costs more than copying.

    Memory: as much as what is copied, once. On a GPU the buffers are pinned and the copies run side by side.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    @torch.no_grad()
    def copy(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Local parts by name, on the processor. They stay as they are until the next call."""
        found: dict[str, Tensor] = {}
        waiting = False
        for name, tensor in tensors.items():
            part = local(tensor)
            buffer = self._buffers.get(name)
            if buffer is None or buffer.shape != part.shape or buffer.dtype != part.dtype:
                buffer = torch.empty(part.shape, dtype=part.dtype, pin_memory=part.is_cuda)
            buffer.copy_(part, non_blocking=part.is_cuda)
            waiting = waiting or part.is_cuda
            found[name] = buffer
        if waiting:
            torch.cuda.current_stream().synchronize()
        self._buffers = found
        return found

    def forget(self) -> None:
        """Give the memory back."""
        self._buffers.clear()
