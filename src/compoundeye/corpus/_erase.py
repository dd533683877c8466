"""Pictures taken out for good: rows, ledger, thumbnails, index entries and every old version that held them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import lance

from compoundeye.corpus._compact import _BYTES_AT_ONCE, _mean_bytes, _remove, alone
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._lookup import keep_indexed
from compoundeye.corpus._rows import opened
from compoundeye.corpus._store import Corpus

_IDS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Erased:
    """What `erase` did."""

    pictures: int
    inputs: int
    """Rows of the ledger: where these pictures had come from."""
    versions_removed: int


def erase(corpus: str | os.PathLike[str] | Corpus, ids: Sequence[bytes]) -> Erased:
    """Remove pictures by id, so that no file of the corpus holds anything of them.

    Rows, thumbnails and all columns learnt of the pictures go, and their lines in the ledger; fragments that held them
    are written anew without them, indices too, and all older versions are removed. A kill in between leaves a corpus
    that says so in its account: run it again. Where the files came from nothing is touched: ingested again, they are
    new. Costs a copy of the fragments concerned and of the indices.

    Raises:
        CorpusError: there is no corpus, another job is writing to it, or a pinned version would keep the pictures.
    """
    store = opened(corpus)
    with alone(store):
        _refuse_pinned(store)
        counts = [_delete(dataset, ids) for dataset in (store.dataset, store.inputs)]
        mean = _mean_bytes(store.dataset)
        for dataset, batch in ((store.dataset, max(1, _BYTES_AT_ONCE // mean)), (store.inputs, 1 << 16)):
            # Whatever the share of rows that went: the default leaves up to a tenth of a fragment in place.
            dataset.optimize.compact_files(
                materialize_deletions=True, materialize_deletions_threshold=0.0, batch_size=batch, num_threads=1
            )
        store.refresh()
        for dataset, key in ((store.dataset, "id"), (store.inputs, "key")):
            _index_anew(dataset, key)
        store.refresh()
        removed = [_remove(dataset, timedelta(0)).old_versions for dataset in (store.dataset, store.inputs)]
    return Erased(counts[0], counts[1], sum(removed))


def _refuse_pinned(store: Corpus) -> None:
    pinned = sorted(store.dataset.tags.list())
    if pinned:
        raise CorpusError(
            f"{store.path}: version {pinned[0]!r} is pinned and would keep the pictures; unpin it first, then run this "
            "again"
        )


def _delete(dataset: lance.LanceDataset, ids: Sequence[bytes]) -> int:
    before = int(dataset.count_rows())
    for at in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[at : at + _IDS_AT_ONCE]
        literals = ",".join(f"arrow_cast(X'{one.hex()}','FixedSizeBinary({len(one)})')" for one in some)
        dataset.delete(f"id IN ({literals})")
    return before - int(dataset.count_rows())


def _index_anew(dataset: lance.LanceDataset, key: str) -> None:
    """The B-tree over ids holds the ids themselves, so it is made again; others are merged into new ones."""
    names = {index.name for index in dataset.describe_indices()}
    for name in names - {f"{key}_idx"}:
        dataset.optimize.optimize_indices(index_names=[name], num_indices_to_merge=1 << 10)
    if f"{key}_idx" in names:
        dataset.drop_index(f"{key}_idx")
        keep_indexed(dataset, key, limit=0)
