"""How much memory the server's process keeps of what it has freed."""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # mallopt(3) of glibc
_LARGE = 8 << 20
_ARENAS = 2


def give_back_large_pieces() -> bool:
    """Have the C library return large arrays to the system as soon as they are freed; whether it can.

    By itself glibc keeps pieces of up to 32 MB, in up to eight heaps a core: with forty threads that look at columns of
    10 million rows, a third more memory than is in use (1.5 GB instead of 1.1 in `benchmarks/console_views.py`).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE)) and bool(mallopt(_M_ARENA_MAX, _ARENAS))
