"""A shuffled order of N rows as a pure function of (seed, epoch, position), with locality: see docs/training-order.md.

An epoch is a stream: the rows, begun at a random one and going round, cut into blocks of consecutive rows, the blocks
in random sequence. Position p is number ``p // lanes`` of lane ``p % lanes``; each lane owns a contiguous part of the
stream, cut into windows that are shuffled within. Nothing is stored but constants of the windows used last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from compoundeye.corpus._permutation import MOST, Permutation, Words, below, key_of, permuted, word

Rows = npt.NDArray[np.int64]

_AT_ONCE = 4096
"""Positions whose intermediate values stay in the processor's nearest cache."""

# What the constants of an epoch are drawn for.
_BLOCKS, _WINDOWS, _SHIFT, _SHORT = range(4)


@dataclass(frozen=True, slots=True)
class Shuffle:
    """The order of a number of rows.

    Raises:
        ValueError: lanes, block_rows or window_blocks below 1, or more blocks or rows a window than `MOST`.
    """

    rows: int
    seed: int
    lanes: int = 1
    block_rows: int = 16
    window_blocks: int = 4096

    def __post_init__(self) -> None:
        if self.rows < 0 or min(self.lanes, self.block_rows, self.window_blocks) < 1:
            raise ValueError("lanes, block_rows and window_blocks must be at least 1")
        if max(self.rows // self.block_rows, 2 * self.window_rows) > MOST:
            raise ValueError(f"{self.rows} rows in blocks of {self.block_rows} are too many, or a window is too large")

    @property
    def window_rows(self) -> int:
        """Rows that are shuffled among each other; the last window of a lane has up to twice as many."""
        return self.block_rows * self.window_blocks

    @property
    def windows(self) -> int:
        """In each lane."""
        return max(1, self.rows // self.lanes // self.window_rows)

    def at(self, positions: Rows) -> Rows:
        """Rows [n] at positions [n], which count on over epochs; any positions in any sequence.

        Raises:
            ValueError: a position is negative, or there are no rows.
        """
        if not len(positions):
            return np.empty(0, np.int64)
        if not self.rows or positions[0] < 0:
            raise ValueError("there are no rows to put in order" if not self.rows else "a position is negative")
        if len(positions) > _AT_ONCE:
            parts = range(0, len(positions), _AT_ONCE)
            return np.concatenate([self.at(positions[part : part + _AT_ONCE]) for part in parts])
        first = int(positions[0])
        if self.lanes > 1 and (int(positions[-1]) - first) % self.lanes:
            return self._scattered(positions)
        # Most batches of one lane lie within one window, whose constants are known from the last batch.
        epoch, within = divmod(first, self.rows)
        offset, lane = divmod(within, self.lanes)
        number = min(offset // self.window_rows, self.windows - 1)
        window = _window(self, epoch, lane, number)
        places: Words = (positions - window.begin).view(np.uint64)
        if self.lanes > 1:
            steps = places // np.uint64(self.lanes)
            if (steps * np.uint64(self.lanes) != places).any():
                return self._scattered(positions)
            places = steps
        # What lies before the window has wrapped around to large numbers.
        if int(places.max()) >= window.size:
            return self._scattered(positions)
        return window.rows(places)

    def _scattered(self, positions: Rows) -> Rows:
        if positions.min() < 0:
            raise ValueError("a position is negative")
        epochs = positions // self.rows
        first, last = int(epochs[0]), int(epochs[-1])
        if first == last and (epochs == first).all():
            return _rows_of_epoch(self, first, positions - first * self.rows)
        found = np.empty_like(positions)
        for epoch in np.unique(epochs).tolist():
            here = np.flatnonzero(epochs == epoch)
            found[here] = _rows_of_epoch(self, epoch, positions[here] - epoch * self.rows)
        return found


class _Epoch:
    """Constants of one epoch's stream. Its short block, if any, stands at a random place among the full ones."""

    __slots__ = ("blocks", "edge", "full", "gap", "key", "shift", "short")

    def __init__(self, shuffle: Shuffle, epoch: int) -> None:
        seed = shuffle.seed
        self.full = shuffle.rows // shuffle.block_rows
        self.blocks = Permutation(max(1, self.full), key_of(seed, epoch, _BLOCKS))
        self.key = key_of(seed, epoch, _WINDOWS)
        self.shift = below(shuffle.rows, seed, epoch, _SHIFT)
        self.short = below(self.full + 1, seed, epoch, _SHORT)
        left = shuffle.rows % shuffle.block_rows
        # From this index of the stream on, places are counted as if the short block were a full one.
        self.edge = self.short * shuffle.block_rows + left
        self.gap = shuffle.block_rows - left

    def first_rows(self, places: Words, block_rows: int) -> Words:
        """The first row [n] of the block at each place of the stream, before the shift."""
        short = np.uint64(self.short)
        # Of places at or behind the short block's; its own is put right below.
        full = np.minimum(places - (places > short), np.uint64(max(1, self.full) - 1))
        blocks = self.blocks(full)
        blocks[places == short] = self.full
        return blocks * np.uint64(block_rows)


class _Window:
    """Constants of one window, and its rows."""

    __slots__ = ("_crosses", "_edge", "_gap", "_lead", "_permutation", "_starts", "_unit", "_wrap", "begin", "size")

    def __init__(self, shuffle: Shuffle, epoch: int, lane: int, number: int) -> None:
        constants = _epoch(shuffle, epoch)
        share, more = divmod(shuffle.rows, shuffle.lanes)
        skipped = number * shuffle.window_rows
        last = number == shuffle.windows - 1
        self.size = share + (lane < more) - skipped if last else shuffle.window_rows
        self.begin = epoch * shuffle.rows + lane + skipped * shuffle.lanes
        self._permutation = Permutation(self.size, _window_key(shuffle, constants, word(lane), word(number)))
        self._wrap = np.uint64(shuffle.rows)
        self._unit = np.uint64(shuffle.block_rows)
        start = lane * share + min(lane, more) + skipped
        end = start + self.size - 1
        first = (start + (constants.gap if start >= constants.edge else 0)) // shuffle.block_rows
        final = (end + (constants.gap if end >= constants.edge else 0)) // shuffle.block_rows
        # Within the window stream indices count from the beginning of its first block.
        self._lead = np.uint64(start - first * shuffle.block_rows + (constants.gap if start >= constants.edge else 0))
        straddles = start < constants.edge <= end
        self._edge = np.uint64(constants.edge - first * shuffle.block_rows) if straddles else None
        self._gap = np.uint64(constants.gap)
        blocks = constants.first_rows(np.arange(first, final + 1, dtype=np.uint64), shuffle.block_rows)
        blocks = _around(blocks + np.uint64(constants.shift), self._wrap).view(np.uint64)
        # Whether a block goes round the end of the rows.
        self._crosses = bool((blocks + self._unit > self._wrap).any())
        # What is added to an index to get the row.
        self._starts = blocks - np.arange(final - first + 1, dtype=np.uint64) * self._unit

    def rows(self, places: Words) -> Rows:
        """Rows at places [n] of the window."""
        index = self._permutation(places)
        index += self._lead
        if self._edge is not None:
            index += (index >= self._edge) * self._gap
        index += self._starts.take((index // self._unit).view(np.int64))
        return _around(index, self._wrap) if self._crosses else index.view(np.int64)


@lru_cache(maxsize=64)
def _epoch(shuffle: Shuffle, epoch: int) -> _Epoch:
    return _Epoch(shuffle, epoch)


@lru_cache(maxsize=256)
def _window(shuffle: Shuffle, epoch: int, lane: int, number: int) -> _Window:
    return _Window(shuffle, epoch, lane, number)


def _window_key(shuffle: Shuffle, epoch: _Epoch, lane: Words, number: Words) -> Words:
    return key_of(epoch.key, number * np.uint64(shuffle.lanes) + lane)


def _rows_of_epoch(shuffle: Shuffle, epoch: int, within: Rows) -> Rows:
    """Rows at positions [n] of one epoch, each computed for itself."""
    constants = _epoch(shuffle, epoch)
    share, more = divmod(shuffle.rows, shuffle.lanes)
    offset = within // shuffle.lanes
    lane = within - offset * shuffle.lanes
    number = np.minimum(offset // shuffle.window_rows, shuffle.windows - 1)
    skipped = number * shuffle.window_rows
    size = np.where(number == shuffle.windows - 1, share + (lane < more) - skipped, shuffle.window_rows)
    key = _window_key(shuffle, constants, lane.view(np.uint64), number.view(np.uint64))
    place = permuted((offset - skipped).view(np.uint64), size.view(np.uint64), key)
    index = place + (lane * share + np.minimum(lane, more) + skipped).view(np.uint64)
    index += (index >= np.uint64(constants.edge)) * np.uint64(constants.gap)
    at = index // np.uint64(shuffle.block_rows)
    index -= at * np.uint64(shuffle.block_rows)
    index += constants.first_rows(at, shuffle.block_rows)
    index += np.uint64(constants.shift)
    return _around(index, np.uint64(shuffle.rows))


def _around(rows: Words, count: np.uint64) -> Rows:
    """Rows below twice the count, those behind the last one from the first on again."""
    found: Rows = np.minimum(rows, rows - count).view(np.int64)
    return found
