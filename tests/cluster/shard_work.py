"""What the workers of these tests do; a module of its own because workers import what they run."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def square(number: int) -> int:
    return number * number


def process(_: int) -> int:
    return os.getpid()


def refuse(number: int) -> int:
    if number == 3:
        raise ValueError("three is not welcome")
    return number


def die_once(marker: str) -> str:
    """Killed the first time, fine the second: as after the kernel ran out of memory."""
    path = Path(marker)
    if path.name.startswith("deadly") and not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def die_on_13(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """A decoder that crashes on one picture."""
    if 13 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers


def hold(fifo: str) -> str:
    """Hold a named pipe open until this process ends; an empty name returns at once."""
    if fifo:
        with open(fifo, "wb"):
            signal.pause()
    return fifo


def large(megabytes: int) -> bytes:
    """More than a pipe holds."""
    return bytes(megabytes << 20)


class StrangerError(Exception):
    """Made with two arguments, kept with one: cannot be unpickled."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(one + other)


def raise_stranger(_: int) -> None:
    raise StrangerError("from ", "afar")


def raise_with_lambda(_: int) -> None:
    raise ValueError(lambda: None)


class Unreadable:
    """A shard that can be sent but not received."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return int, ("no number",)
