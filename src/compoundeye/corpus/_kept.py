"""What a worker keeps open from one input to the next: archives that it reads from again and again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

_MOST = 8

_open: dict[Hashable, Any] = {}


def kept(key: Hashable, make: Callable[[], Any]) -> Any:
    """What was made for ``key`` before, or is made now; of more than a few, the one longest unused is closed.

    The key holds the time of the file's last change: a file that was replaced is opened anew.
    """
    value = _open.pop(key, None)
    if value is None:
        while len(_open) >= _MOST:
            _close(next(iter(_open)))
        value = make()
    _open[key] = value
    return value


def let_go() -> None:
    """Close all that this process keeps open."""
    while _open:
        _close(next(iter(_open)))


def _close(key: Hashable) -> None:
    with suppress(OSError):  # it was only read from
        _open.pop(key).close()
