"""Encoded pictures of the rows that a batch needs, from wherever their corpora lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from compoundeye.corpus import Corpus

# Some megabytes: larger blocks of memory come fresh from the system for each request, whose page faults then cost as
# much as the reading (measured: 85 microseconds of processor time a picture of 50 KB at 256 rows, 40 at 128 and at 64).
_ROWS_A_REQUEST = 64


class ReadsTargets(Protocol):
    """What a loader needs of targets: see `compoundeye.corpus.targets`."""

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | list[str]:
        """Class numbers (-1: not known), or captions, of rows."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one batch needs, in its order."""

    pictures: list[memoryview]
    """Encoded."""
    ids: list[bytes]
    targets: NDArray[np.int64] | list[str] | None


def fetch(
    corpora: Sequence[Corpus],
    targets: Sequence[ReadsTargets] | None,
    sources: NDArray[np.int16],
    rows: NDArray[np.int64],
) -> Fetched:
    """Read rows (logical offsets) of corpora (numbers): one request a corpus, each row once, in the order stored."""
    count = len(rows)
    pictures: list[memoryview] = [memoryview(b"")] * count
    ids = [b""] * count
    numbers = np.full(count, -1, np.int64)
    captions: list[str] = [""] * count
    for source in np.unique(sources).tolist():
        places = np.flatnonzero(sources == source)
        wanted, back = np.unique(rows[places], return_inverse=True)
        found_pictures, found_ids = _read(corpora[source].dataset, wanted)
        found = None if targets is None else targets[source].read(wanted)
        for place, at in zip(places.tolist(), back.tolist(), strict=True):
            pictures[place], ids[place] = found_pictures[at], found_ids[at]
            if isinstance(found, list):
                captions[place] = found[at]
        if isinstance(found, np.ndarray):
            numbers[places] = found[back]
            captions = []
    if targets is None:
        return Fetched(pictures, ids, None)
    return Fetched(pictures, ids, captions if captions else numbers)


def _read(dataset: lance.LanceDataset, rows: NDArray[np.int64]) -> tuple[list[memoryview], list[bytes]]:
    """Views of the encoded pictures, which keep the memory they lie in, and their ids; rows ascending."""
    pictures: list[memoryview] = []
    ids: list[bytes] = []
    for start in range(0, len(rows), _ROWS_A_REQUEST):
        table = dataset.take(rows[start : start + _ROWS_A_REQUEST].tolist(), columns=["id", "image"])
        pictures += [view for chunk in table["image"].chunks for view in _views(chunk)]
        ids += table["id"].to_pylist()
    return pictures, ids


def _views(column: pa.LargeBinaryArray) -> list[memoryview]:
    """Without a copy: Arrow keeps variable-length values one after another, between offsets."""
    _, offsets, values = column.buffers()
    if values is None:
        return [memoryview(b"")] * len(column)
    edges = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1].tolist()
    data = memoryview(values)
    return [data[start:end] for start, end in pairwise(edges)]
