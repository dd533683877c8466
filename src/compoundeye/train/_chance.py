"""A number drawn by torch, for generators that are not torch's."""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import _disable_current_modes

_BITS = 62


def drawn(generator: torch.Generator | None = None) -> int:
    """An integer from 0 to 2^62 from the processor's generator or another, also where tensors have no contents.

    Numbers are drawn for real in a dry run (`compoundeye.plan.executed`), in which other tensors are shapes alone.
    """
    with _disable_current_modes():
        return int(torch.randint(1 << _BITS, (), generator=generator))
