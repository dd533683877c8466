"""Rows that fit a condition, as a set that knows which is the i-th: one bit a row of the corpus, and an eighth more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from compoundeye.corpus._condition import condition, sql_errors
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._store import Corpus

Rows = npt.NDArray[np.int64]

_WORD, _LINE = 64, 512
"""Bits of a word, and of a line of the processor's cache: selected rows are counted line by line."""


class Selection:
    """A subset of the rows of one version.

    Cost: 1.125 bits a row of the corpus.
    """

    def __init__(self, count: int, rows: Iterable[Rows]) -> None:
        """Collect rows (logical offsets below ``count``) in any sequence."""
        self._bits = np.zeros((count // _LINE + 1, _LINE // _WORD), np.uint64)
        eights = self._bits.view(np.uint8).reshape(-1)
        for some in rows:
            np.bitwise_or.at(eights, some >> 3, np.uint8(1) << (some & 7).astype(np.uint8))
        self._before = np.zeros(len(self._bits) + 1, np.int64)
        for start in range(0, len(self._bits), 1 << 16):  # without a temporary of eight bytes a word
            some_lines = self._bits[start : start + (1 << 16)]
            self._before[start + 1 : start + 1 + len(some_lines)] = np.bitwise_count(some_lines).sum(1)
        np.cumsum(self._before, out=self._before)

    @property
    def rows(self) -> int:
        """How many are selected."""
        return int(self._before[-1])

    def at(self, ranks: Rows) -> Rows:
        """The rows [n] of which ranks [n] selected rows come before, each rank below `rows`."""
        # A search in ascending sequence finds what it needs in the cache: 70 ns a rank rather than 430, at 10^9 rows.
        sequence = np.argsort(ranks)
        line = np.empty(len(ranks), np.int64)
        line[sequence] = np.searchsorted(self._before, ranks[sequence], side="right") - 1
        left = ranks - self._before[line]
        words = self._bits[line]
        place, passed = np.zeros(len(ranks), np.int64), np.zeros(len(ranks), np.int64)
        counted = np.zeros(len(ranks), np.int64)
        for number in range(_LINE // _WORD - 1):
            counted += np.bitwise_count(words[:, number])
            further = counted <= left
            place += further
            np.maximum(passed, counted * further, out=passed)
        nth = _nth_bit(words[np.arange(len(ranks)), place], left - passed)
        found: Rows = line * _LINE + place * _WORD + nth
        return found


def _nth_bit(words: npt.NDArray[np.uint64], left: Rows) -> Rows:
    """Which bit [n] of each word is set and has ``left`` [n] set bits below it."""
    found = np.zeros(len(words), np.int64)
    for half in (32, 16, 8):
        low = np.bitwise_count(words & np.uint64((1 << half) - 1))
        upper = left >= low
        left = left - upper * low
        step = upper * half
        words = words >> step.astype(np.uint64)
        found += step
    return found + _NTH[(words & np.uint64(255)).view(np.int64), left]


def _nth_of_bytes() -> npt.NDArray[np.uint8]:
    """[256, 8]: the place of the i-th set bit of each byte."""
    table = np.zeros((256, 8), np.uint8)
    for byte in range(256):
        places = [place for place in range(8) if byte >> place & 1]
        table[byte, : len(places)] = places
    return table


_NTH = _nth_of_bytes()


def chosen(
    corpus: Corpus,
    *,
    where: str | None = None,
    category: str | Sequence[str] | None = None,
    min_confidence: float | None = None,
    name: str = "category",
) -> str | None:
    """What is asked of pictures as one SQL condition; a person's label counts before the model's answer.

    Args:
        where: SQL over the corpus's columns.
        category: name or names; each stands for everything below it in its tree. A label makes the confidence of the
            model irrelevant.
        min_confidence: of the model's answer, where no person has said anything.
        name: which result of categorising.

    Returns:
        SQL, or None if everything fits.

    Raises:
        CorpusError: a condition that cannot be read, a column that is not there, or no categories yet.
    """
    parts = [condition(corpus, where=where, category=category, name=name).sql]
    if min_confidence is not None:
        column = f"{name}_confidence"
        if not corpus.has_column(column):
            raise CorpusError(f"{corpus.path} has no {column} yet; run `eye categorise {corpus.path}` first")
        sure = f"{column} >= {float(min_confidence)!r}"
        parts.append(f"(label IS NOT NULL OR {sure})" if corpus.has_column("label") else f"({sure})")
    return " AND ".join(part for part in parts if part) or None


def select(corpus: Corpus, sql: str) -> Selection:
    """The rows of this version that fit, by one scan of the columns that the condition names.

    Raises:
        CorpusError: the condition cannot be computed.
    """
    with sql_errors(corpus, sql):
        scanner = corpus.dataset.scanner(columns=["_rowoffset"], filter=sql, batch_size=1 << 16)
        batches = (batch["_rowoffset"].to_numpy().astype(np.int64) for batch in scanner.to_batches())
        return Selection(corpus.rows, batches)
