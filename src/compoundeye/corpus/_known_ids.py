"""Which of some ids a corpus may hold, from memory: most pictures are new, and an index is slow to say so."""

from __future__ import annotations

from collections.abc import Sequence

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from compoundeye.corpus._kept import kept
from compoundeye.corpus._lookup import rows_with_keys

MOST_ROWS = 1 << 24
"""128 MiB in each worker; beyond it the index answers alone."""

# An id asked of the index costs as much as 250 ids read and sorted (measured at a million rows). Reading begins once as
# much was asked as it costs: whatever comes after, no more than twice the least is spent.
_ROWS_PER_QUESTION = 250
_BATCH_ROWS = 262_144

Heads = NDArray[np.uint64]
"""First eight bytes of ids, uint64 [N]: equal by chance once in 10^19 pairs, so the index seldom has to decide."""


def known_ids(dataset: lance.LanceDataset, ids: Sequence[bytes], run: str) -> set[bytes]:
    """Those of ``ids`` that this version of the corpus holds.

    Args:
        run: what is remembered is good for one: a corpus may be deleted and made again where it was.
    """
    memory: _Memory = kept(("ids", dataset.uri, run), _Memory)
    suspects = memory.suspects(dataset, ids)
    return set(rows_with_keys(dataset, "id", suspects, ["id"])["id"].to_pylist())


class _Memory:
    """The heads of all ids of a corpus, in a worker, from one shard to the next."""

    def __init__(self) -> None:
        self._asked = 0
        self._fragments: set[int] = set()
        self._version = -1
        self._old: Heads = np.empty(0, np.uint64)
        self._new: Heads = np.empty(0, np.uint64)
        """Sorted, as is ``_old``; joined with it when it has grown to an eighth of it."""

    def suspects(self, dataset: lance.LanceDataset, ids: Sequence[bytes]) -> Sequence[bytes]:
        """The ids that may be there; all of them as long as this knows nothing."""
        self._asked += len(ids)
        rows = dataset.count_rows()
        if not ids or rows > MOST_ROWS or self._asked * _ROWS_PER_QUESTION < rows:
            return ids
        self._catch_up(dataset)
        heads = np.frombuffer(b"".join(ids), np.uint64)[::2]
        there = _contains(self._old, heads) | _contains(self._new, heads)
        return [identity for identity, found in zip(ids, there, strict=True) if found]

    def close(self) -> None:
        """Nothing is open; the memory goes with the object."""

    def _catch_up(self, dataset: lance.LanceDataset) -> None:
        """Read the ids of fragments that came since; of those that went, ids may stay: the index decides."""
        if dataset.version == self._version:
            return
        fresh = [part for part in dataset.get_fragments() if part.fragment_id not in self._fragments]
        if fresh:
            batches = dataset.scanner(columns=["id"], fragments=fresh, batch_size=_BATCH_ROWS).to_batches()
            self._new = np.sort(np.concatenate([self._new, *(_heads(batch["id"]) for batch in batches)]))
            self._fragments.update(part.fragment_id for part in fresh)
        if len(self._new) * 8 > len(self._old):
            # Two sorted runs: a stable sort only merges them.
            self._old = np.sort(np.concatenate([self._old, self._new]), kind="stable")
            self._new = np.empty(0, np.uint64)
        self._version = dataset.version


def _heads(ids: pa.Array) -> Heads:
    words = np.frombuffer(ids.buffers()[1], np.uint64, count=2 * len(ids), offset=16 * ids.offset)
    return words[::2]


def _contains(heads: Heads, asked: Heads) -> NDArray[np.bool_]:
    """Whether each of ``asked`` is in ``heads``, which are sorted."""
    if not len(heads):
        return np.zeros(len(asked), np.bool_)
    found = np.minimum(np.searchsorted(heads, asked), len(heads) - 1)
    return np.asarray(heads[found] == asked)
