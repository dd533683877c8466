"""This process among the others of a run: joining them, agreeing with them, and being asked to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from torch import distributed as dist


def rank() -> int:
    """Number of this process; 0 for one alone."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def left() -> Iterator[str]:
    """Leave the other processes at the end of the block, if it joined them; yields the kind of device, cuda or cpu."""
    before = dist.is_initialized()
    try:
        yield "cuda" if torch.cuda.is_available() else "cpu"
    finally:
        if dist.is_initialized() and not before:
            dist.destroy_process_group()


@contextmanager
def asked_to_stop() -> Iterator[list[int]]:
    """Within the block SIGINT and SIGTERM are noted in the list that this yields; a second one acts at once."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if asked:
            signal.default_int_handler(number, frame)
        asked.append(number)

    kept = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
