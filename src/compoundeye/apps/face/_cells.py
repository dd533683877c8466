"""One against more than a million: only the cells nearest to a probe are looked at, and what that misses is measured.

Where reading all templates takes too long (``TemplateIndex``: 15 to 20 ms a probe for each million), they lie sorted
into cells, each around a direction. What is found is scored exactly; what lies in a cell that was not looked at is
missed, and ``recall`` says how much that is. A bound from the radius of a cell would prove some answers complete, but
in 128 dimensions cells reach nearly everywhere: it proved 1 % even of probes that were enrolled themselves. Such
inverted files come from J. Sivic and A. Zisserman, "Video Google" (ICCV 2003). In memory only: on a disk they would be
unprotected.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._candidates import Candidates
from compoundeye.apps.face._coarse import learned, mean, members_of, nearest
from compoundeye.apps.face._search import LENGTH_TOLERANCE, checked
from compoundeye.models import rounding
from compoundeye.records import EyeError

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

LOOKED = 1 / 8
"""Of the cells, where nothing else is said."""
_TOGETHER = 16


@dataclass(frozen=True, slots=True)
class Recall:
    """How much of what is there was found, of templates and probes like those measured with."""

    first: float
    """Share of probes whose most similar template was found."""
    within: float
    """Share of the k most similar of all probes that was found."""
    missed: float
    """Share of probes that missed at least one of their k."""
    probes: int


class CellIndex:
    """Templates in cells: at 128 numbers 528 bytes each. A search reads ``looked`` cells of about sqrt(N).

    Rows are numbered as by ``TemplateIndex``. Equal input gives equal answers. Cells are learned once: build it anew
    when it has grown to several times what it was. Probes are looked for one after another, so that of a hundred
    together ``TemplateIndex`` may be as fast. Safe to use from several threads.

    Of a million faces, 20 a person, an eighth of 1,024 cells holds the most similar of a new face for 94 % and 88 % of
    its ten most similar, in 6.5 ms of one core; of a million directions without any likeness 66 % and 54 %
    (``benchmarks/face_search.py --index``). So measure with probes like yours, and where a miss costs, search exactly.

    >>> index = CellIndex(embeddings)
    >>> index.recall(some_probes, k=10, looked=64)
    >>> scores, rows = index.search(probes, k=10, looked=64)
    """

    def __init__(self, embeddings: Float32, *, cells: int | None = None, seed: int = 0) -> None:
        """Args:
            embeddings: [N, D] of length 1, rows 0 to N - 1; N at least 1.
            cells: sqrt(N), rounded to a power of two, if not said. Four times as many find in 5 ms as much as these
                in 6.5, and take eight times as long to be learned (42 s for a million).
            seed: of what is learned from.

        Raises:
            EyeError: no templates or such as cannot be compared, or cells that are not 1 to N.
        """
        embeddings = checked(embeddings, None, "templates")
        if not len(embeddings):
            raise EyeError("Cells are learned from templates; give this index one or more.")
        count = min(len(embeddings), 1 << round(np.log2(len(embeddings)) / 2)) if cells is None else cells
        if not 1 <= count <= len(embeddings):
            raise EyeError(f"{len(embeddings)} templates cannot lie in {count} cells; ask for 1 to {len(embeddings)}.")
        self.dimension = embeddings.shape[1]
        self._cells = [_Cell(self.dimension) for _ in range(count)]
        self._directions = learned(embeddings, count, seed)
        self._cell, self._place = np.empty(0, np.int32), np.empty(0, np.int32)
        self._lock = threading.RLock()
        self._take(embeddings)
        for number in range(count):
            self._centre(number)

    def __len__(self) -> int:
        """How many templates can be found."""
        return sum(cell.count for cell in self._cells)

    @property
    def cells(self) -> int:
        """How many have templates."""
        return sum(cell.count > 0 for cell in self._cells)

    @property
    def bytes(self) -> int:
        """Memory that templates, their numbers and cells take."""
        held = [self._directions, self._cell, self._place]
        return sum(array.nbytes for array in held) + sum(cell.bytes for cell in self._cells)

    def add(self, embeddings: Float32) -> Int64:
        """Take templates [N, D]; the numbers of their rows [N].

        Raises:
            EyeError: they are not [N, D] finite numbers of length 1.
        """
        embeddings = checked(embeddings, self.dimension, "templates")
        with self._lock:
            if len(embeddings) and not self.cells:
                self._directions[0] = mean(embeddings)
                return self._take(embeddings, only=np.array([0]))
            return self._take(embeddings, only=self._open())

    def remove(self, rows: npt.ArrayLike) -> None:
        """Forget templates: overwritten before this returns, and directions of their cells are means without them.

        Raises:
            EyeError: one of ``rows`` is not there, or not any more.
        """
        numbers = np.unique(np.asarray(rows, np.int64))
        with self._lock:
            held = np.isin(numbers, np.flatnonzero(self._cell >= 0))
            for number in numbers[~held]:
                raise EyeError(
                    f"Row {number} is not in this index of {len(self._cell)} rows; it may have been removed before."
                )
            for cell, members in members_of(self._cell[numbers].astype(np.int64)):
                stay = self._cells[cell].erase(self._place[numbers[members]].astype(np.int64))
                self._place[stay] = np.arange(len(stay))
                self._centre(cell)
            self._cell[numbers] = -1

    def search(self, probes: Float32, k: int, looked: int | None = None) -> tuple[Float32, Int64]:
        """The k most similar of each probe, of templates in the cells nearest to it.

        Args:
            probes: [M, D] of length 1.
            looked: cells looked at for each probe; an eighth of all if not said. With as many as there are, or more,
                the answer is that of ``TemplateIndex``.

        Returns:
            Scores [M, k], cosines, best first, and rows [M, k]; equal scores come in the order of rows. Where fewer
            than k templates were looked at: -inf and -1.

        Raises:
            EyeError: probes are not [M, D] finite numbers of length 1, or k or ``looked`` is not positive.
        """
        if k < 1 or (looked is not None and looked < 1):
            raise EyeError(f"k = {k} candidates of {looked} cells cannot be looked for; ask for one or more of each.")
        probes = checked(probes, self.dimension, "probes")
        scores, rows = np.empty((len(probes), k), np.float32), np.empty((len(probes), k), np.int64)
        with self._lock:
            there = self._open()
            directions = self._directions[there]
            most = max(1, round(LOOKED * len(there))) if looked is None else looked
            for at, probe in enumerate(probes):
                near = np.argsort(-(directions @ probe), kind="stable")[:most]
                scores[at], rows[at] = self._search(probe, k, [self._cells[number] for number in there[near]])
        return scores, rows

    def recall(self, probes: Float32, k: int, looked: int | None = None) -> Recall:
        """How many cells are enough: what ``looked`` finds beside looking at all.

        Raises:
            EyeError: as ``search``, or no probes, or nothing to be found.
        """
        with self._lock:
            found = self.search(probes, k, looked)[1]
            true = self.search(probes, k, len(self._cells))[1]
        there = true >= 0
        if not there.any():
            raise EyeError("Recall needs probes and templates; there are none here.")
        hits = (true[:, :, None] == found[:, None, :]).any(axis=2) & there
        return Recall(
            first=float(hits[:, 0].mean()),
            within=float(hits.sum() / there.sum()),
            missed=float((hits != there).any(axis=1).mean()),
            probes=len(found),
        )

    def _search(self, probe: Float32, k: int, cells: list[_Cell]) -> tuple[Float32, Int64]:
        candidates = Candidates(1, k, lambda _, row: self._exact(probe, row))
        for at in range(0, len(cells), _TOGETHER):  # the nearest set a bar that few of the others reach
            some = cells[at : at + _TOGETHER]
            estimates = np.concatenate([cell.templates[: cell.count] @ probe for cell in some])
            rows = np.concatenate([cell.rows[: cell.count] for cell in some])
            candidates.offer(estimates[None], np.array([rounding(self.dimension) * (1 + 3 * LENGTH_TOLERANCE)]), rows)
        scores, found = candidates.best()
        return scores[0], found[0]

    def _exact(self, probe: Float32, rows: Int64) -> Float64:
        held = [self._cells[self._cell[row]].templates[self._place[row]] for row in rows]
        return np.array(held, np.float64) @ probe.astype(np.float64)

    def _open(self) -> Int64:
        return np.flatnonzero([cell.count > 0 for cell in self._cells])

    def _take(self, embeddings: Float32, only: Int64 | None = None) -> Int64:
        """Into the nearest of cells ``only``, or of all."""
        choice, _ = nearest(embeddings, self._directions if only is None else self._directions[only])
        cells = choice if only is None else only[choice]
        numbers = np.arange(len(self._cell), len(self._cell) + len(embeddings))
        place = np.empty(len(embeddings), np.int32)
        for number, members in members_of(cells):
            place[members] = self._cells[number].append(embeddings, members, numbers[members])
        self._cell = np.concatenate([self._cell, cells.astype(np.int32)])
        self._place = np.concatenate([self._place, place])
        return numbers

    def _centre(self, number: int) -> None:
        """Direction of a cell from the templates that are in it now, and of no other; zeros of an empty one."""
        own = self._cells[number].templates[: self._cells[number].count]
        self._directions[number] = mean(own) if len(own) else 0


class _Cell:
    """Templates that lie together, and the numbers of their rows."""

    def __init__(self, dimension: int) -> None:
        self.templates = np.empty((0, dimension), np.float32)
        self.rows = np.empty(0, np.int64)
        self.count = 0

    @property
    def bytes(self) -> int:
        return self.templates.nbytes + self.rows.nbytes

    def append(self, embeddings: Float32, members: Int64, rows: Int64) -> Int64:
        """Take ``embeddings[members]``; their places."""
        end = self.count + len(members)
        if end > len(self.rows):
            self._grow(max(end, len(self.rows) + len(self.rows) // 4))
        # Straight into its place: what is forgotten later should have left no copy.
        np.take(embeddings, members, axis=0, out=self.templates[self.count : end], mode="clip")
        self.rows[self.count : end] = rows
        places = np.arange(self.count, end)
        self.count = end
        return places

    def erase(self, places: Int64) -> Int64:
        """Close up and overwrite the end; rows that are left, in their new order."""
        stay = np.delete(np.arange(self.count), places)
        self.templates[: len(stay)], self.rows[: len(stay)] = self.templates[stay], self.rows[stay]
        self.templates[len(stay) : self.count], self.rows[len(stay) : self.count] = 0, -1
        self.count = len(stay)
        return self.rows[: self.count]

    def _grow(self, size: int) -> None:
        templates, rows = np.zeros((size, self.templates.shape[1]), np.float32), np.full(size, -1, np.int64)
        templates[: self.count], rows[: self.count] = self.templates[: self.count], self.rows[: self.count]
        self.templates[:] = 0
        self.templates, self.rows = templates, rows
