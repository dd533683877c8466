"""Which classes take part in a step (Partial FC: An et al., 2020, arXiv:2010.05222, and 2022, arXiv:2203.15565).

Partial FC draws a fixed number on each rank. Here a class takes part by a hash of (seed, step, class): the same classes
on any number of ranks, and nothing to save. Their number differs from rate x classes by chance, by well under one per
cent where there are a million.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_MASK = 0xFFFFFFFF
_RANGE = 1 << 32


def sampled(first: int, last: int, rate: float, seed: int, step: int, device: torch.device) -> Tensor:
    """Which of the classes from ``first`` up to but not including ``last`` take part in a step: bool [last - first].

    Each does with probability ``rate``, independent of the others and of other steps. At most 2^32 classes.
    """
    one, other = (int(key) for key in np.random.SeedSequence([seed, step]).generate_state(2))
    x = torch.arange(first, last, dtype=torch.int64, device=device).bitwise_xor_(one)
    x = _mixed(x).bitwise_xor_(other)
    return _mixed(x) < round(rate * _RANGE)


def _mixed(x: Tensor) -> Tensor:
    """A bijection of 32-bit numbers in which every bit depends on all: two multiplications, constants by C. Wellons,
    2018 (https://nullprogram.com/blog/2018/07/31/), the best that his search for low bias found."""
    x.bitwise_xor_(x >> 16).mul_(0x7FEB352D).bitwise_and_(_MASK)
    x.bitwise_xor_(x >> 15).mul_(0x846CA68B).bitwise_and_(_MASK)
    return x.bitwise_xor_(x >> 16)
