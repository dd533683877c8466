"""Numbers that only a tensor's contents tell, and what stands for them where tensors have shapes alone.

The dry run (`compoundeye.plan.executed`) executes networks on fake tensors, which have no contents: there tokens are
taken to spread evenly over experts, and pictures over classes. Real tensors are looked at.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import is_fake


def told(counts: Tensor, total: int) -> Any:
    """Integers [E] or [n, E] as a list or lists; without contents each row is an even spread of ``total``."""
    if not is_fake(counts):
        return counts.tolist()
    size = counts.shape[-1]
    even = [total * (i + 1) // size - total * i // size for i in range(size)]
    return even if counts.ndim == 1 else [even] * len(counts)


def holds(flag: Tensor) -> bool:
    """Whether a bool scalar is true; without contents it is not."""
    return not is_fake(flag) and bool(flag)


def places(mask: Tensor, expected: float) -> Tensor:
    """Where a mask [n] is true, int64 [m]; without contents m is ``expected``, rounded."""
    if not is_fake(mask):
        return mask.nonzero()[:, 0]
    return torch.arange(min(round(expected), len(mask)), device=mask.device)


def distinct(index: Tensor, expected: float) -> tuple[Tensor, Tensor]:
    """The values in int64 [n], each once, and for each of the n which it is; without contents so many are expected."""
    if not is_fake(index):
        values, inverse = index.unique(return_inverse=True)
        return values, inverse
    return index[: round(expected)].clone(), torch.zeros_like(index)
