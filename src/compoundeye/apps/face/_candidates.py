"""Rows that may be among the k best of each probe, narrowed while bounds of their scores come in.

What makes the search exact: a row is let go only when k others are surely better. A row's score lies in
[estimate - slack, estimate + slack]; the bar of a probe is the k-th largest lower end seen so far, and rows whose upper
end is below it cannot be among the k best.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

Exact = Callable[[Int64, Int64], Float64]
"""The true scores of (probe, row) pairs."""

_TIDY_FROM = 2_048
_SETTLE_FROM = 1 << 21
"""So many that bounds cannot tell apart (many equal templates) are scored exactly early, to bound memory: 64 MB."""


class Candidates:
    """For M probes at a time."""

    def __init__(self, probes: int, k: int, exact: Exact) -> None:
        self._k = k
        self._exact = exact
        self._bar = np.full(probes, -np.inf)
        self._probe: list[Int64] = []
        self._row: list[Int64] = []
        self._low: list[Float64] = []
        self._high: list[Float64] = []
        self._held, self._tidied = 0, 0

    def offer(self, estimates: Float32, slack: Float64, rows: int | Int64) -> None:
        """Estimates [M, N], none further than ``slack`` [M] from the truth; -inf: no candidate.

        Args:
            rows: their numbers [N], or the first of numbers that follow each other.
        """
        if np.isneginf(self._bar).any() and estimates.shape[1] >= self._k:
            at = estimates.shape[1] - self._k
            self._bar = np.maximum(self._bar, np.partition(estimates, at, axis=1)[:, at].astype(np.float64) - slack)
        # Rounded down, so that comparing in float32 lets nothing go that float64 would keep.
        floor = np.nextafter((self._bar - slack).astype(np.float32), np.float32(-np.inf))
        places = np.flatnonzero((estimates >= floor[:, None]).reshape(-1))
        if not len(places):
            return
        score = estimates.reshape(-1)[places].astype(np.float64)
        probe, column = np.divmod(places, estimates.shape[1])
        there, off = ~np.isneginf(score), slack[probe]
        row = column + rows if isinstance(rows, int) else rows[column]
        self._take(probe[there], row[there], score[there] - off[there], score[there] + off[there])
        if self._held > max(_TIDY_FROM, 2 * self._tidied):
            self._tidy()
        if self._held > _SETTLE_FROM:
            self._settle()

    def best(self) -> tuple[Float32, Int64]:
        """Scores [M, k], best first, and rows [M, k]; equal scores in the order of rows; -inf and -1: no more rows."""
        self._tidy()
        self._settle()
        scores = np.full((len(self._bar), self._k), -np.inf, np.float32)
        rows = np.full((len(self._bar), self._k), -1, np.int64)
        if self._held:
            probe, rank = self._probe[0], _ranks(self._probe[0])
            scores[probe, rank], rows[probe, rank] = self._low[0], self._row[0]
        return scores, rows

    def _take(self, probe: Int64, row: Int64, low: Float64, high: Float64) -> None:
        self._probe.append(probe)
        self._row.append(row)
        self._low.append(low)
        self._high.append(high)
        self._held += len(probe)

    def _keep(self, probe: Int64, row: Int64, low: Float64, high: Float64) -> None:
        self._probe, self._row, self._low, self._high, self._held = [], [], [], [], 0
        if len(probe):
            self._take(probe, row, low, high)
        self._tidied = self._held

    def _tidy(self) -> None:
        """Raise bars to the k-th lower end, and let go what is below them."""
        if not self._held:
            return
        probe, row = np.concatenate(self._probe), np.concatenate(self._row)
        low, high = np.concatenate(self._low), np.concatenate(self._high)
        order = np.lexsort((-low, probe))
        last = order[_ranks(probe[order]) == self._k - 1]
        self._bar[probe[last]] = np.maximum(self._bar[probe[last]], low[last])
        stay = high >= self._bar[probe]
        self._keep(probe[stay], row[stay], low[stay], high[stay])

    def _settle(self) -> None:
        """Score exactly what is left; only the k best of each probe stay."""
        if not self._held:
            return
        probe, row = np.concatenate(self._probe), np.concatenate(self._row)
        score = self._exact(probe, row)
        order = np.lexsort((row, -score, probe))
        order = order[_ranks(probe[order]) < self._k]
        self._keep(probe[order], row[order], score[order], score[order])
        last = _ranks(self._probe[0]) == self._k - 1
        self._bar[self._probe[0][last]] = self._low[0][last]


def _ranks(groups: Int64) -> Int64:
    """[N] place of each within its run of equal numbers, from 0; equal numbers stand together."""
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))
