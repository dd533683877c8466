"""Where a patch is, as waves of sine and cosine over its row and column."""

from __future__ import annotations

import torch
from torch import Tensor

_LONGEST = 10_000.0
"""Ratio of the longest wave to the shortest (Vaswani et al., 2017, arXiv:1706.03762, section 3.5)."""


def sine_positions(side: int, width: int, device: torch.device | str | None = None) -> Tensor:
    """Positions of side x side patches, row by row: float32 [1, side * side, width].

    A quarter of the channels each: sine and cosine of the column, sine and cosine of the row (Chen et al., 2021,
    arXiv:2104.02057, section 4.1).

    Args:
        width: a multiple of 4.
    """
    assert width % 4 == 0
    speeds = _LONGEST ** -(torch.arange(width // 4, dtype=torch.float64, device=device) / (width // 4))
    angles = torch.arange(side, dtype=torch.float64, device=device)[:, None] * speeds
    waves = torch.cat([angles.sin(), angles.cos()], 1)  # [side, width / 2]
    columns = waves[None].expand(side, -1, -1)
    rows = waves[:, None].expand(-1, side, -1)
    return torch.cat([columns, rows], 2).flatten(0, 1)[None].float()
