"""The account of a whole corpus, summed from the ledger and checked against the pictures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._rows import opened
from compoundeye.corpus._stage import DUPLICATE, FAILED, STORED, kind_of
from compoundeye.corpus._store import Corpus
from compoundeye.records import Account, AccountError

IDS_AT_ONCE = 1 << 24
"""128 MiB of the first halves of ids in memory."""
_BATCH_ROWS = 262_144


def account(corpus: str | os.PathLike[str] | Corpus) -> Account:
    """What became of every input that was ever put in, at the newest version; ``done`` is "stored".

    Checked: each input has one outcome, each failure a reason, as many inputs are called stored as there are
    pictures, no picture is there twice. Reads the ledger and the ids once (ids once more for every 16 million).
    While an ingest runs, pictures may be there whose inputs are not booked yet; they are not counted.

    Raises:
        AccountError: something was lost or counted twice.
        CorpusError: there is no corpus.
    """
    store = Corpus.open(corpus.path if isinstance(corpus, Corpus) else corpus)
    found = _sum(store.inputs)
    at_rest = True
    if found.done != store.rows:
        at_rest = _mended(store)
        found = _sum(store.inputs)
    if found.done > store.rows or (at_rest and found.done < store.rows):
        raise AccountError(
            f"account of {store.path} does not balance: {found.done} inputs are called stored, but it holds "
            f"{store.rows} pictures; were rows added or deleted by another program?"
        )
    twice = _stored_twice(store.dataset)
    if twice:
        raise AccountError(f"{store.path} holds picture {twice.hex()} more than once; please report this")
    return found.check()


def failures(corpus: str | os.PathLike[str] | Corpus) -> Iterator[dict[str, Any]]:
    """Every input that failed: ``source``, ``reason``, ``id`` (bytes, None where nothing could be read), ``at``.

    Raises:
        CorpusError: there is no corpus.
    """
    store = opened(corpus)
    columns = ["source", "reason", "id", "at"]
    for batch in store.inputs.to_batches(columns=columns, filter=f"outcome = '{FAILED}'"):
        yield from batch.to_pylist()


def _mended(store: Corpus) -> bool:
    """Finish what a kill left half done, and move to the newest version; False if somebody may be writing just now."""
    try:
        if "://" not in store.path:
            with store.lock("ingest"):
                store.mend()
                store.refresh()
                return True
    except CorpusError:
        pass  # another process writes, or this one may not
    store.refresh()
    return False


def _sum(inputs: lance.LanceDataset) -> Account:
    outcomes, reasons = Counter[str](), Counter[str]()
    for batch in inputs.to_batches(columns=["outcome", "reason"], batch_size=_BATCH_ROWS):
        outcomes.update(_counts(batch["outcome"]))
        for reason, count in _counts(batch["reason"].drop_null()).items():
            reasons[kind_of(reason)] += count
    return Account(
        seen=outcomes.total(),
        done=outcomes[STORED],
        duplicate=outcomes[DUPLICATE],
        failed=outcomes[FAILED],
        reasons=reasons,
    )


def _counts(values: pa.Array) -> dict[str, int]:
    return {pair["values"]: pair["counts"] for pair in values.value_counts().to_pylist()}


def _stored_twice(dataset: lance.LanceDataset) -> bytes | None:
    """An id that two rows have, or None. Sorted in slices of the space of ids, so memory does not grow with rows."""
    slices = -(-dataset.count_rows() // IDS_AT_ONCE)
    for number in range(slices):
        heads = [head[_slice(head, slices) == number] for head, _ in _halves(dataset)]
        head = np.sort(np.concatenate([*heads, np.empty(0, np.uint64)]))
        # Half of an id twice happens by chance once in 10^19 pairs: look at the whole of those.
        suspects = head[1:][head[1:] == head[:-1]]
        if len(suspects):
            counts = Counter(identity for head, ids in _halves(dataset) for identity in _those(ids, head, suspects))
            return next((identity for identity, count in counts.most_common(1) if count > 1), None)
    return None


def _halves(dataset: lance.LanceDataset) -> Iterator[tuple[NDArray[np.uint64], pa.Array]]:
    """First eight bytes of ids, uint64 [N], and the ids."""
    for batch in dataset.to_batches(columns=["id"], batch_size=_BATCH_ROWS):
        ids = batch["id"]
        words = np.frombuffer(ids.buffers()[1], np.uint64, count=2 * len(ids), offset=16 * ids.offset)
        yield words[::2], ids


def _slice(head: NDArray[np.uint64], slices: int) -> NDArray[np.uint64]:
    return (head >> np.uint64(32)) * np.uint64(slices) >> np.uint64(32)


def _those(ids: pa.Array, head: NDArray[np.uint64], suspects: NDArray[np.uint64]) -> list[bytes]:
    return ids.filter(pa.array(np.isin(head, suspects))).to_pylist()  # type: ignore[no-any-return]
