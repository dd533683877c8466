"""Which picture comes when in training: a pure function of the position, the same for any number of processes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from compoundeye.corpus._error import CorpusError, storage_errors
from compoundeye.corpus._rows import opened
from compoundeye.corpus._selection import Selection, chosen, select
from compoundeye.corpus._shuffle import Shuffle
from compoundeye.corpus._store import Corpus

Rows = npt.NDArray[np.int64]

_BLOCKS, _LEAST_BLOCKS = 4096, 64
"""Of the windows of all lanes, and of one window."""

_ALGORITHM = 1
"""Part of every key: grows whenever the same settings give another order."""


class Samples(NamedTuple):
    """What is at n positions."""

    source: npt.NDArray[np.int16]
    """[n] number of the corpus, 0 where there is one."""
    row: Rows
    """[n] logical offset, as ``dataset.take`` has it, at the version that the order is of."""


class Order(Protocol):
    """A sequence of samples without end, of which every ``rows`` are an epoch.

    ``at`` is pure: it depends on nothing but the order's key and the position, so any process may ask for any position
    at any time. Process r of R takes the positions with ``p % R == r``; where R divides ``lanes`` it then meets its own
    part of the corpus only.
    """

    @property
    def rows(self) -> int:
        """Positions of an epoch."""
        ...

    @property
    def key(self) -> str:
        """Fingerprint of all that decides the order: equal keys, equal orders."""
        ...

    @property
    def lanes(self) -> int:
        """Parts of the corpus that are read side by side."""
        ...

    @property
    def sources(self) -> int:
        """Corpora that samples come from."""
        ...

    def at(self, positions: Rows) -> Samples:
        """Samples at positions [n] (int64, from 0, counting on over epochs; repeated and in any sequence)."""
        ...


@dataclass(frozen=True, slots=True)
class _CorpusOrder:
    """An order of one corpus: perhaps shuffled, perhaps of some of its rows."""

    key: str
    rows: int
    lanes: int
    shuffle: Shuffle | None
    selection: Selection | None
    sources: int = 1

    def at(self, positions: Rows) -> Samples:
        positions = np.asarray(positions, np.int64)
        if self.shuffle is not None:
            found = self.shuffle.at(positions)
        elif len(positions) and (not self.rows or positions.min() < 0):
            raise ValueError("a position is negative, or there are no rows to put in order")
        else:
            found = positions % self.rows if self.rows else positions
        if self.selection is not None and len(found):
            found = self.selection.at(found)
        return Samples(np.zeros(len(found), np.int16), found)


def training_order(
    corpus: Corpus | str | os.PathLike[str],
    *,
    seed: int = 0,
    where: str | None = None,
    category: str | Sequence[str] | None = None,
    min_confidence: float | None = None,
    name: str = "category",
    lanes: int = 1,
    block_rows: int = 16,
    window_blocks: int | None = None,
    shuffle: bool = True,
) -> Order:
    """The order of a corpus at its opened version: every row once an epoch, each epoch another sequence.

    What shuffling in windows means, measured, is in docs/training-order.md. Cost: nothing a row; with a condition one
    scan of the columns it names, and 1.125 bits a row.

    Args:
        seed: of the shuffle.
        where: SQL; only these rows.
        category: only pictures of it (see `search`), a person's label before the model's answer.
        min_confidence: of the model's answer, where no person has labelled the picture.
        name: which result of categorising ``category`` and ``min_confidence`` mean.
        lanes: contiguous parts read side by side, by position modulo lanes; best a multiple of the processes.
        block_rows: consecutive rows that stay in one window.
        window_blocks: blocks of a window, which is shuffled as a whole; 4,096 / lanes if not given, at least 64. Two
            samples of a batch come from one block once in ``lanes * window_blocks``; 16 x 4,096 rows of 50 KB are
            3.3 GB, which a system's cache can hold.
        shuffle: False for corpus order, as for validation.

    Raises:
        CorpusError: no corpus, or a condition that cannot be read or computed.
        ValueError: lanes, block_rows or window_blocks below 1.
    """
    corpus = opened(corpus)
    sql = chosen(corpus, where=where, category=category, min_confidence=min_confidence, name=name)
    selection = None if sql is None else select(corpus, sql)
    rows = corpus.rows if selection is None else selection.rows
    if window_blocks is None:
        window_blocks = max(_LEAST_BLOCKS, _BLOCKS // max(1, lanes))
    shuffled = Shuffle(rows, seed, lanes, block_rows, window_blocks)
    layout = [seed, lanes, block_rows, window_blocks] if shuffle else []
    key = fingerprint("corpus", identity(corpus), sql, rows, layout)
    return _CorpusOrder(key, rows, lanes if shuffle else 1, shuffled if shuffle else None, selection)


def pin(corpus: Corpus | str | os.PathLike[str], name: str) -> int:
    """Keep the opened version from being removed when the corpus is compacted: a Lance tag, one small file.

    Args:
        name: of the tag, as of a run; letters, digits, dots, dashes and underscores.

    Returns:
        The version.

    Raises:
        CorpusError: another version has that tag, the name cannot be one, or nothing can be written there.
    """
    corpus = opened(corpus)
    held = corpus.dataset.tags.list().get(name)
    if held is not None and held["version"] == corpus.version:
        return corpus.version
    if held is not None:
        raise CorpusError(f"version {held['version']} of {corpus.path} is pinned as {name}; choose another name")
    with storage_errors(corpus.path):
        try:
            corpus.dataset.tags.create(name, corpus.version)
        except (ValueError, OSError) as error:
            if not str(error).startswith("Ref is invalid"):
                raise
            raise CorpusError(f"{name!r} cannot be the name of a pin; use letters, digits, dashes and dots") from error
    return corpus.version


def unpin(corpus: Corpus | str | os.PathLike[str], name: str) -> None:
    """Let a pinned version go with the next compaction.

    Raises:
        CorpusError: nothing is pinned by that name.
    """
    corpus = opened(corpus)
    if name not in corpus.dataset.tags.list():
        raise CorpusError(f"nothing of {corpus.path} is pinned as {name}")
    with storage_errors(corpus.path):
        corpus.dataset.tags.delete(name)


def identity(corpus: Corpus) -> list[Any]:
    """What tells one version of one corpus from others, wherever it lies: version, rows, first and last picture."""
    rows = corpus.rows
    ends = corpus.dataset.take([0, rows - 1], columns=["id"])["id"].to_pylist() if rows else []
    return [corpus.version, rows, *(one.hex() for one in ends)]


def fingerprint(*parts: Any) -> str:
    """32 hexadecimal digits of what JSON can hold."""
    text = json.dumps([_ALGORITHM, *parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
