"""Pictures on disk that no version of the corpus shows yet."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

import lance
import pyarrow as pa
import pyarrow.compute as pc
from lance.file import LanceFileReader
from lance.fragment import FragmentMetadata, write_fragments

from compoundeye.corpus._schema import PICTURES

_ROWS_READ_AT_ONCE = 64


def write_staged(dataset: lance.LanceDataset, batches: Iterator[pa.RecordBatch]) -> tuple[str, ...]:
    """Write pictures (`PICTURES`) as they come, beside those of ``dataset``; FragmentMetadata as JSON, to commit later.

    Raises:
        OSError: the storage refuses.
    """
    first = next(batches, None)
    if first is None:
        return ()
    stream = _Stream(chain((first,), batches))
    try:
        reader = pa.RecordBatchReader.from_batches(PICTURES, stream.batches())
        fragments = write_fragments(reader, dataset)
    except BaseException:
        stream.stop()
        if stream.error is not None:
            raise stream.error from None
        raise
    return tuple(json.dumps(fragment.to_json()) for fragment in fragments)


def without(dataset: lance.LanceDataset, fragments: Sequence[str], ids: pa.Array) -> tuple[str, ...]:
    """Staged pictures but for some: written anew, and the first writing removed.

    Raises:
        OSError: the storage refuses.
    """
    rest = write_staged(dataset, _others(dataset, fragments, ids))
    for path in _paths(dataset, fragments):
        with suppress(OSError):  # `compact` removes what nobody refers to
            Path(path).unlink()
    return rest


def _others(dataset: lance.LanceDataset, fragments: Sequence[str], ids: pa.Array) -> Iterator[pa.RecordBatch]:
    for path in _paths(dataset, fragments):
        for batch in LanceFileReader(path).read_all(batch_size=_ROWS_READ_AT_ONCE).to_batches():
            kept = batch.select(PICTURES.names).filter(pc.invert(pc.is_in(batch["id"], value_set=ids)))
            if kept.num_rows:
                yield pa.RecordBatch.from_arrays(kept.columns, schema=PICTURES)


def _paths(dataset: lance.LanceDataset, fragments: Sequence[str]) -> list[str]:
    parts = [FragmentMetadata.from_json(text) for text in fragments]
    return [f"{dataset.uri}/data/{file.path}" for part in parts for file in part.files]


class _Stream:
    """Batches that a thread of Lance's pulls, and that this thread can end.

    Ctrl-C gets this thread out of Lance while the other may still be in Python, which then must not go on to exit.
    """

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self.error: BaseException | None = None
        """What went wrong in making batches: Lance would raise an OSError with a traceback in its text."""
        self._batches = batches
        self._stopped = False
        self._pulling = threading.Lock()

    def batches(self) -> Iterator[pa.RecordBatch]:
        while True:
            with self._pulling:
                batch = None if self._stopped else self._next()
            if batch is None:
                return
            yield batch

    def stop(self) -> None:
        self._stopped = True
        with self._pulling:
            pass

    def _next(self) -> pa.RecordBatch | None:
        try:
            return next(self._batches, None)
        except BaseException as error:
            self.error = error
            raise
