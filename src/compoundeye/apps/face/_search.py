"""One against many, exactly: the k most similar of all templates, whatever their number.

Templates lie in blocks of 65,536. Full blocks are read as bytes with a bound (``ByteRows`` of ``models``), what may be
among the k best is scored in float64 from the float32 templates. The answer is that of multiplying everything.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._candidates import Candidates
from compoundeye.models import ByteRows, Rounded, UnprovenError, rounded, rounding
from compoundeye.records import EyeError

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

BLOCK = 65_536
"""Templates in a block: 8 MB as bytes. Products with twice as many cost 10 to 20 % less for one, more for 64."""
PROBES = 64
"""Looked for together at most: a reading of all templates for so many, and 16 MB for their products with a block."""
LENGTH_TOLERANCE = 1e-3
_EXACT_AT_ONCE = 1 << 16


class TemplateIndex:
    """All templates in memory: at 128 numbers 645 bytes each in full blocks (512 of float32, 133 to look through).

    Rows are numbered in the order of adding, from 0; a number is never given again. Safe to use from several threads.

    >>> index = TemplateIndex(embeddings)
    >>> scores, rows = index.search(probes, k=10)
    """

    def __init__(self, embeddings: Float32 | None = None, *, dimension: int = 128, threads: int = 1) -> None:
        """Args:
            embeddings: [N, D] of length 1, rows 0 to N - 1.
            dimension: D, where there are none yet.
            threads: of the processor, for a search.

        Raises:
            EyeError: as ``add``.
        """
        self.dimension = dimension if embeddings is None else checked(embeddings, None, "templates").shape[1]
        self._threads = threads
        self._blocks: list[_Block | None] = []
        self._rows = 0
        self._scratch = np.empty(PROBES * BLOCK, np.float32)
        self._lock = threading.RLock()
        if embeddings is not None:
            self.add(embeddings)

    def __len__(self) -> int:
        """How many templates are searched."""
        return sum(block.living for block in self._blocks if block)

    @property
    def bytes(self) -> int:
        """Memory that templates take here."""
        return sum(block.bytes for block in self._blocks if block)

    def add(self, embeddings: Float32) -> Int64:
        """Take templates [N, D]; the numbers of their rows [N].

        Raises:
            EyeError: they are not [N, D] finite numbers of length 1.
        """
        embeddings = checked(embeddings, self.dimension, "templates")
        with self._lock:
            numbers = np.arange(self._rows, self._rows + len(embeddings))
            for block, place, part in _by_block(numbers):
                if block == len(self._blocks):
                    self._blocks.append(_Block(self.dimension, self._threads))
                (self._blocks[block] or _gone(block)).append(embeddings[part], place[0])
            self._rows += len(embeddings)
        return numbers

    def remove(self, rows: npt.ArrayLike) -> None:
        """Forget templates: their numbers are overwritten, in bytes too, before this returns.

        Raises:
            EyeError: one of ``rows`` is not there, or not any more.
        """
        numbers = np.unique(np.asarray(rows, np.int64))
        with self._lock:
            for number in numbers[[not self._has(int(n)) for n in numbers]] if len(numbers) else ():
                raise EyeError(
                    f"Row {number} is not in this index of {self._rows} rows; it may have been removed before."
                )
            for number, place, _ in _by_block(numbers):
                block = self._blocks[number]
                if block and not block.erase(place):
                    self._blocks[number] = None

    def search(self, probes: Float32, k: int) -> tuple[Float32, Int64]:
        """The k most similar of each probe.

        Args:
            probes: [M, D] of length 1.

        Returns:
            Scores [M, k], cosines, best first, and rows [M, k]; equal scores come in the order of rows. Where there are
            fewer than k templates: -inf and -1.

        Raises:
            EyeError: probes are not [M, D] finite numbers of length 1, or k is not positive.
        """
        if k < 1:
            raise EyeError(f"k = {k} candidates cannot be looked for; ask for one or more.")
        probes = checked(probes, self.dimension, "probes")
        if not len(probes):
            return np.empty((0, k), np.float32), np.empty((0, k), np.int64)
        parts = [self._search(part, k) for part in np.array_split(probes, -(-len(probes) // PROBES))]
        return np.concatenate([scores for scores, _ in parts]), np.concatenate([rows for _, rows in parts])

    def _search(self, probes: Float32, k: int) -> tuple[Float32, Int64]:
        as_bytes = rounded(probes)
        with self._lock:
            candidates = Candidates(len(probes), k, lambda probe, row: self._exact(probes, probe, row))
            for number, block in enumerate(self._blocks):
                if block:
                    candidates.offer(*block.estimates(probes, as_bytes, self._scratch), number * BLOCK)
            return candidates.best()

    def _exact(self, probes: Float32, probe: Int64, row: Int64) -> Float64:
        wide, scores = probes.astype(np.float64), np.empty(len(probe))
        block = row // BLOCK
        for number in np.unique(block):
            own = self._blocks[number] or _gone(int(number))
            places = np.flatnonzero(block == number)
            for at in range(0, len(places), _EXACT_AT_ONCE):
                some = places[at : at + _EXACT_AT_ONCE]
                taken = own.templates[row[some] % BLOCK].astype(np.float64)
                scores[some] = np.einsum("nd,nd->n", wide[probe[some]], taken)
        return scores

    def _has(self, number: int) -> bool:
        block = self._blocks[number // BLOCK] if 0 <= number < self._rows else None
        return bool(block and block.alive[number % BLOCK])


class _Block:
    """Up to BLOCK templates; as bytes too once it is full."""

    def __init__(self, dimension: int, threads: int) -> None:
        self.templates = np.zeros((BLOCK, dimension), np.float32)  # the system gives pages when they are written
        self.alive = np.zeros(BLOCK, np.bool_)
        self.living = 0
        self._used = 0
        self._threads = threads
        self._dead = np.empty(0, np.intp)
        self._rows: ByteRows | None = None

    @property
    def bytes(self) -> int:
        per = self.templates.shape[1]
        return self._used * (4 * per + 1) + (BLOCK * (per + 4) if self._rows else 0)

    def append(self, embeddings: Float32, at: int) -> None:
        end = at + len(embeddings)
        self.templates[at:end], self.alive[at:end] = embeddings, True
        self.living, self._used = self.living + len(embeddings), end
        if end == BLOCK:
            self._pack()

    def erase(self, places: Int64) -> int:
        """How many are left."""
        self.templates[places], self.alive[places] = 0, False
        self.living -= len(places)
        self._dead = np.flatnonzero(~self.alive[: self._used])
        if self._used == BLOCK and self.living:
            self._pack()
        # One that is not full will be written to again.
        return self.living or BLOCK - self._used

    def estimates(self, probes: Float32, as_bytes: Rounded, scratch: Float32) -> tuple[Float32, Float64]:
        """[M, N] in ``scratch``, -inf of those that were removed; and [M] how far they are from the scores at most."""
        found = scratch[: len(probes) * self._used].reshape(len(probes), self._used)
        if self._rows:
            self._rows.products(as_bytes, found)
            error = self._rows.error(as_bytes)
        else:
            np.matmul(probes, self.templates[: self._used].T, out=found)
            error = np.full(len(probes), rounding(probes.shape[1]) * (1 + 3 * LENGTH_TOLERANCE))
        found[:, self._dead] = -np.inf
        return found, error

    def _pack(self) -> None:
        try:
            self._rows = ByteRows(self.templates, threads=self._threads)
        except UnprovenError:
            self._rows = None  # exact all the same, at the speed of a plain product


def _by_block(numbers: Int64) -> Iterator[tuple[int, Int64, slice]]:
    """Ascending rows, block by block: the block, places in it, and which of ``numbers`` they are."""
    blocks = numbers // BLOCK
    edges = np.r_[0, np.flatnonzero(np.diff(blocks)) + 1, len(numbers)]
    for first, last in pairwise(edges):
        if first < last:
            yield int(blocks[first]), numbers[first:last] % BLOCK, slice(first, last)


def _gone(block: int) -> _Block:
    raise AssertionError(f"block {block} was emptied and is looked for")


def checked(vectors: Float32, dimension: int | None, what: str) -> Float32:
    """``vectors`` as contiguous float32 [N, D] of length 1; refused where they are not."""
    given = np.ascontiguousarray(vectors, np.float32)
    if given.ndim != 2 or dimension not in (None, given.shape[-1]):
        wanted = "N" if dimension is None else str(dimension)
        raise EyeError(f"{what.capitalize()} are {list(given.shape)}; this index takes [count, {wanted}].")
    length = np.linalg.norm(given, axis=1)
    for wrong in np.flatnonzero(~(np.abs(length - 1) <= LENGTH_TOLERANCE))[:1]:
        raise EyeError(
            f"{what.capitalize()} must have length 1; number {wrong} has {length[wrong]:.3g}. Divide each by its norm."
        )
    return given
