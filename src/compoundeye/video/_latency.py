"""How long things take, as percentiles: in bounded memory, however many there are."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

SHORTEST_S, LONGEST_S = 1e-4, 1e3
GROWTH = 1.02
"""Each bucket is so much wider than the one before: percentiles are right to 2 %."""
BUCKETS = math.ceil(math.log(LONGEST_S / SHORTEST_S, GROWTH)) + 1
SLOT_S, SLOTS = 10.0, 6
"""The last minute, in steps of ten seconds."""
PERCENTILES = (50, 90, 99)


class Latency:
    """Percentiles of durations: of the last minute, and since the beginning. From one thread at a time.

    A histogram of logarithmic buckets, as HdrHistogram keeps one: an entry costs the same however many there were.
    """

    def __init__(self) -> None:
        self._all = np.zeros(BUCKETS, np.int64)
        self._longest = 0.0
        self._recent: deque[tuple[int, np.ndarray]] = deque(maxlen=SLOTS)

    def add(self, seconds: float, now: float) -> None:
        """Take one duration.

        Args:
            seconds: less than 0 counts as 0: clocks of capture and of this machine may differ.
            now: time in s of any steady clock, for the last minute.
        """
        seconds = min(max(seconds, SHORTEST_S), LONGEST_S)
        bucket = round(math.log(seconds / SHORTEST_S, GROWTH))
        slot = int(now // SLOT_S)
        if not self._recent or self._recent[-1][0] != slot:
            self._recent.append((slot, np.zeros(BUCKETS, np.int64)))
        self._recent[-1][1][bucket] += 1
        self._all[bucket] += 1
        self._longest = max(self._longest, seconds)

    def __len__(self) -> int:
        return int(self._all.sum())

    def recent(self, now: float) -> dict[str, float]:
        """Of the last minute: {"p50": milliseconds, ...}; empty if there were none."""
        slot = int(now // SLOT_S)
        kept = [counts for at, counts in self._recent if at > slot - SLOTS]
        return _percentiles(np.sum(kept, axis=0)) if kept else {}

    def overall(self) -> dict[str, float]:
        """Since the beginning, with the longest: {"p50": milliseconds, ..., "max": milliseconds}."""
        found = _percentiles(self._all)
        return found | {"max": round(1e3 * self._longest, 1)} if found else {}


def _percentiles(counts: np.ndarray) -> dict[str, float]:
    """Nearest-rank percentiles of a histogram, in ms."""
    upto = np.cumsum(counts)
    if not upto[-1]:
        return {}
    ranks = [math.ceil(percent / 100 * int(upto[-1])) for percent in PERCENTILES]
    buckets = np.searchsorted(upto, ranks)
    return {
        f"p{percent}": round(1e3 * SHORTEST_S * GROWTH ** int(bucket), 1)
        for percent, bucket in zip(PERCENTILES, buckets, strict=True)
    }
