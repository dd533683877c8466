"""Tidying a corpus: small fragments joined, indices brought up to date, old versions and what kills left removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import lance
import pyarrow.compute as pc

from compoundeye.corpus._error import storage_errors
from compoundeye.corpus._ingest import FRAGMENT_BYTES, fragment_rows
from compoundeye.corpus._lookup import keep_indexed
from compoundeye.corpus._rows import opened
from compoundeye.corpus._store import Corpus

_LEDGER_ROWS = 1 << 20
_BYTES_AT_ONCE = 16 << 20


@dataclass(frozen=True, slots=True)
class Compacted:
    """What `compact` did."""

    fragments_before: int
    fragments_after: int
    versions_removed: int
    bytes_removed: int


def compact(corpus: str | os.PathLike[str] | Corpus, *, keep: timedelta = timedelta(0)) -> Compacted:
    """Join small fragments, index what is not indexed, remove versions older than ``keep`` and files nobody refers to.

    Worth it after many small ingests or many kills. Pictures in small fragments are copied, so it needs room for them
    until the end. Tagged versions stay. Programs that read an older version meanwhile lose it.

    Raises:
        CorpusError: there is no corpus, another job is writing to it, or it cannot be written to.
    """
    store = opened(corpus)
    with alone(store):
        before = len(store.dataset.get_fragments())
        mean = _mean_bytes(store.dataset)
        _join(store.dataset, _wanted_rows(store.rows, mean), max(1, _BYTES_AT_ONCE // mean))
        _join(store.inputs, _LEDGER_ROWS, _LEDGER_ROWS)
        store.refresh()
        keep_indexed(store.dataset, "id", limit=0)
        keep_indexed(store.inputs, "key", limit=0)
        store.refresh()
        removed = [_remove(dataset, keep) for dataset in (store.dataset, store.inputs)]
        return Compacted(
            before,
            len(store.dataset.get_fragments()),
            sum(stats.old_versions for stats in removed),
            sum(stats.bytes_removed for stats in removed),
        )


@contextmanager
def alone(store: Corpus) -> Iterator[None]:
    """A corpus to oneself: no other job writes to it, and what a kill left half done is mended.

    Raises:
        CorpusError: another job is writing to it, or it cannot be written to.
    """
    with ExitStack() as held:
        for job in ("ingest", "categorise", "correction", "index"):
            held.enter_context(store.lock(job))
        held.enter_context(storage_errors(store.path))
        store.mend()
        store.refresh()
        yield


def _wanted_rows(rows: int, mean: int) -> int:
    """Fragments below half of what ingest would make are small; above, copying them would gain little."""
    return max(1, min(fragment_rows(rows), FRAGMENT_BYTES // mean) // 2)


def _mean_bytes(dataset: lance.LanceDataset) -> int:
    """Of an encoded picture."""
    total: int = sum(pc.sum(batch["bytes"]).as_py() or 0 for batch in dataset.to_batches(columns=["bytes"]))
    return max(1, total // max(1, int(dataset.count_rows())))


def _join(dataset: lance.LanceDataset, rows: int, batch: int) -> None:
    # One thread and small batches: rows are large, and memory is to stay small.
    dataset.optimize.compact_files(target_rows_per_fragment=rows, batch_size=batch, num_threads=1)


def _remove(dataset: lance.LanceDataset, keep: timedelta) -> lance.dataset.CleanupStats:
    # Unverified files are those of no version: nobody else writes, the locks say so.
    return dataset.cleanup_old_versions(keep, delete_unverified=True, error_if_tagged_old_versions=False)
