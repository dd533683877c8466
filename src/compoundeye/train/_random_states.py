"""The state of every generator of random numbers in a process, as tensors."""

from __future__ import annotations

import random
import struct

import numpy as np
import torch
from torch import Tensor


def random_states() -> dict[str, Tensor]:
    """States of the generators of torch (processor and current GPU), numpy and Python."""
    found = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_rng_state()
    _, numbers, normal = random.getstate()
    found["python"] = torch.tensor([*numbers, *_bits(normal)])
    legacy = np.random.get_state()
    assert isinstance(legacy, tuple)
    _, keys, at, has_normal, normal = legacy
    found["numpy"] = torch.tensor([*keys.tolist(), at, *_bits(normal if has_normal else None)])
    return found


def set_random_states(states: dict[str, Tensor]) -> None:
    """Go on with the states that `random_states` gave; a generator without one stays as it is."""
    if "torch" in states:
        torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
    if "python" in states:
        *numbers, has, bits = states["python"].tolist()
        random.setstate((3, tuple(numbers), _number(has, bits)))
    if "numpy" in states:
        *keys, at, has, bits = states["numpy"].tolist()
        normal = _number(has, bits)
        np.random.set_state(("MT19937", np.array(keys, np.uint32), at, int(has), normal or 0.0))


def _bits(number: float | None) -> tuple[int, int]:
    """Whether there is one, and its bits as an integer: exact, and fit for a tensor of integers."""
    return (0, 0) if number is None else (1, struct.unpack("<q", struct.pack("<d", number))[0])


def _number(has: int, bits: int) -> float | None:
    return float(struct.unpack("<d", struct.pack("<q", bits))[0]) if has else None
