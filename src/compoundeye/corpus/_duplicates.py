"""Near-duplicates in groups, the best copy of each first."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import lance
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from compoundeye.corpus._condition import check, sql_errors
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._evidence import MIN_SIMILARITY, Hashes, Looks, read_looks
from compoundeye.corpus._neighbourhoods import components
from compoundeye.corpus._rows import RowIds, opened, take_rows
from compoundeye.corpus._schema import ID
from compoundeye.corpus._store import Corpus
from compoundeye.records import Progress

MAX_DISTANCE = 6
"""Bits of 64. The 18 photographs of `_evidence` saved again at quality 30, at half and a third of the size, brighter,
with more contrast or in grey stay within 6; a stamp or a crop of 2 % takes up to 10 and more. Pages of one printed form
differ in 8 and more, photographs in 18 and more; of 10 million pictures some 200 pairs agree by chance."""

_BATCH = 4_096
"""Pictures whose evidence is in memory at a time: 21 MB of embeddings of 1,280 numbers."""

Places = npt.NDArray[np.int64]

GROUPS = pa.schema(
    [
        pa.field("group", pa.int64(), nullable=False),
        pa.field("id", ID, nullable=False),
        pa.field("distance", pa.uint8(), nullable=False),
        pa.field("similarity", pa.float32()),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
    ]
)


def duplicates(
    corpus: Corpus | str | os.PathLike[str],
    *,
    max_distance: int = MAX_DISTANCE,
    verify: bool = True,
    min_similarity: float = MIN_SIMILARITY,
    where: str | None = None,
    progress: Progress | None = None,
) -> pa.Table:
    """Groups of pictures that show the same: re-encoded, resized, brightened or lightly edited copies.

    The best picture of all (most pixels, then most bytes, then ingested first) takes every picture within
    ``max_distance`` bits of its perceptual hash that the evidence confirms; then the best of the rest, and so on. So
    each member is near the group's best copy, however long the chain of small changes that leads further away.

    All pairs are found, none by chance missed. Memory is about 100 bytes a picture; ten million hashes take a minute or
    two on one core.

    Args:
        max_distance: bits of 64 between a copy and the best; 0 to 16.
        verify: let embeddings (where they exist) and the colours of flat pictures reject what hashes alone confuse.
        min_similarity: cosine of embeddings that a copy reaches at least.
        where: SQL; only such pictures are looked at.
        progress: told of candidates looked at, of all candidates.

    Returns:
        A row for each member of a group: group (0 is the largest), id, distance (bits from the best), similarity
        (cosine to the best, or null), width, height, bytes, source. Groups in order, the best copy first in each.

    Raises:
        CorpusError: a distance out of range, or a condition that cannot be read.
    """
    if not 0 <= max_distance <= 16:
        raise CorpusError(f"max_distance is 0 to 16 bits, not {max_distance}: beyond, hashes agree by chance")
    corpus = opened(corpus)
    if where is not None:
        check(corpus, where)
    with sql_errors(corpus, where):
        candidates = _candidates(corpus, max_distance, where)
    groups = list[_Groups]()
    done = 0
    for part in _parts(candidates, _BATCH):
        groups.append(_joined(_groups(corpus, part, max_distance, min_similarity if verify else None)))
        done += len(part.rows)
        if progress is not None:
            progress(done, len(candidates.rows))
    return _table(corpus.dataset, candidates, _joined(groups))


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Pictures near some other: component by component, in each the best first. Arrays of one length."""

    rows: RowIds
    hashes: Hashes
    component: Places
    first: int = 0
    """Place of the first of them among all candidates."""

    def __getitem__(self, part: slice) -> _Candidates:
        return _Candidates(self.rows[part], self.hashes[part], self.component[part], self.first + part.start)


@dataclass(frozen=True, slots=True)
class _Groups:
    """Groups one after another: a million of them are four arrays."""

    sizes: Places
    members: Places
    """Places among all candidates, the best first, then by distance."""
    distances: npt.NDArray[np.uint8]
    similarities: npt.NDArray[np.float32]


def _joined(groups: Iterable[_Groups]) -> _Groups:
    none = _Groups(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.float32))
    parts = [none, *groups]
    return _Groups(
        np.concatenate([part.sizes for part in parts]),
        np.concatenate([part.members for part in parts]),
        np.concatenate([part.distances for part in parts]),
        np.concatenate([part.similarities for part in parts]),
    )


def _candidates(corpus: Corpus, distance: int, where: str | None) -> _Candidates:
    rows, hashes = _read_hashes(corpus.dataset, where)
    component = components(hashes, distance)
    sizes = np.bincount(component, minlength=1)
    near = np.flatnonzero(sizes[component] > 1)
    rows, hashes, component = rows[near], hashes[near], component[near]
    pixels, size = _read_quality(corpus.dataset, rows)
    order = np.lexsort((rows, -size, -pixels, component))
    return _Candidates(rows[order], hashes[order], component[order])


def _read_hashes(dataset: lance.LanceDataset, where: str | None) -> tuple[RowIds, Hashes]:
    """Row ids, ascending (as ingested), and hashes."""
    batches = list(dataset.scanner(columns=["phash"], filter=where, with_row_id=True).to_batches())
    rows = np.concatenate([np.empty(0, np.uint64), *(batch["_rowid"].to_numpy() for batch in batches)])
    hashes = np.concatenate([np.empty(0, np.uint64), *(batch["phash"].to_numpy() for batch in batches)])
    if np.all(rows[1:] > rows[:-1]):
        return rows, hashes
    order = np.argsort(rows)
    return rows[order], hashes[order]


def _read_quality(dataset: lance.LanceDataset, rows: RowIds) -> tuple[Places, Places]:
    """Pixels and bytes of some rows (ascending), by one pass over all: cheaper than looking each up."""
    pixels, size = np.zeros((2, len(rows)), np.int64)
    for batch in dataset.scanner(columns=["width", "height", "bytes"], with_row_id=True).to_batches():
        found = batch["_rowid"].to_numpy()
        place = np.searchsorted(rows, found)
        mine = place < len(rows)
        mine[mine] = rows[place[mine]] == found[mine]
        place = place[mine]
        pixels[place] = batch["width"].to_numpy()[mine].astype(np.int64) * batch["height"].to_numpy()[mine]
        size[place] = batch["bytes"].to_numpy()[mine]
    return pixels, size


def _parts(candidates: _Candidates, most: int) -> Iterator[_Candidates]:
    """Whole components, together at most so many pictures; a larger component comes alone."""
    starts = np.flatnonzero(np.diff(candidates.component, prepend=-1))
    edges = np.append(starts, len(candidates.rows))
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(edges, edges[first] + most, side="right")) - 1)
        yield candidates[int(edges[first]) : int(edges[last])]
        first = last


def _groups(corpus: Corpus, part: _Candidates, distance: int, min_similarity: float | None) -> Iterator[_Groups]:
    """Groups within some whole components."""
    evidence = _Evidence(corpus, part, min_similarity)
    edges = np.append(np.flatnonzero(np.diff(part.component, prepend=-1)), len(part.rows))
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        alive = np.arange(start, end)
        while len(alive) > 1:
            best, others = int(alive[0]), alive[1:]
            bits = np.bitwise_count(part.hashes[others] ^ part.hashes[best])
            near = np.flatnonzero(bits <= distance)
            copies, cosines = evidence.confirm(best, others[near])
            near, cosines = near[copies], cosines[copies]
            if len(near):
                order = np.lexsort((near, bits[near]))
                yield _Groups(
                    np.array([len(near) + 1]),
                    part.first + np.append(best, others[near[order]]),
                    np.append(np.uint8(0), bits[near[order]]),
                    np.append(np.float32(1 if np.isfinite(cosines).any() else np.nan), cosines[order]),
                )
            alive = np.delete(others, near)


class _Evidence:
    """Evidence about the pictures of a part: read at once if it is small, else when it is asked for."""

    def __init__(self, corpus: Corpus, part: _Candidates, min_similarity: float | None) -> None:
        self._corpus, self._part, self._min_similarity = corpus, part, min_similarity
        small = len(part.rows) <= _BATCH and min_similarity is not None
        self._looks = self._read(np.arange(len(part.rows))) if small else None

    def confirm(self, best: int, others: Places) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
        """Which of the others are copies of the best, and their cosines to it."""
        if self._min_similarity is None or not len(others):
            return np.ones(len(others), bool), np.full(len(others), np.nan, np.float32)
        if self._looks is not None:
            return self._looks.confirm(best, others)
        copies, cosines = list[npt.NDArray[np.bool_]](), list[npt.NDArray[np.float32]]()
        for first in range(0, len(others), _BATCH):
            piece = others[first : first + _BATCH]
            looks = self._read(np.append(best, piece))
            confirmed, cosine = looks.confirm(0, np.arange(1, len(piece) + 1))
            copies.append(confirmed)
            cosines.append(cosine)
        return np.concatenate(copies), np.concatenate(cosines)

    def _read(self, places: Places) -> Looks:
        assert self._min_similarity is not None
        return read_looks(
            self._corpus.dataset,
            self._part.rows[places],
            self._part.hashes[places],
            embeddings=self._corpus.has_column("embedding"),
            min_similarity=self._min_similarity,
        )


def _table(dataset: lance.LanceDataset, candidates: _Candidates, groups: _Groups) -> pa.Table:
    """The groups, largest first; of one size, the one whose best was ingested first."""
    if not len(groups.sizes):
        return GROUPS.empty_table()
    starts = np.cumsum(groups.sizes) - groups.sizes
    order = np.lexsort((candidates.rows[groups.members[starts]], -groups.sizes))
    sizes = groups.sizes[order]
    places = np.repeat(starts[order] - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(groups.members))
    facts = take_rows(dataset, candidates.rows[groups.members[places]], ["id", "width", "height", "bytes", "source"])
    columns = {
        "group": np.repeat(np.arange(len(sizes)), sizes),
        "distance": groups.distances[places],
        "similarity": pa.array(groups.similarities[places], pa.float32(), from_pandas=True),
        **{name: facts[name] for name in facts.schema.names},
    }
    return pa.table([columns[name] for name in GROUPS.names], schema=GROUPS)
