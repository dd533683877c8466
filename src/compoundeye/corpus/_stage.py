"""From some inputs to staged pictures and what became of each input: a pure function that any worker can run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import lance
import numpy as np
import pyarrow as pa

from compoundeye.corpus._beside import clean
from compoundeye.corpus._error import storage_errors
from compoundeye.corpus._input import Input, WholeFile
from compoundeye.corpus._known_ids import known_ids
from compoundeye.corpus._place import UnreadableError
from compoundeye.corpus._schema import INPUTS, PICTURES
from compoundeye.corpus._staged_files import write_staged
from compoundeye.pixels import Look, PictureError, look
from compoundeye.records import picture_id

STORED, DUPLICATE, FAILED = "stored", "duplicate", "failed"
CRASHED = "crashes the program"

BATCH_BYTES = 16 << 20
"""Encoded bytes in memory at a time, but for a picture that is larger by itself."""
BATCH_INPUTS = 1_024
_REQUESTS_AT_ONCE = 16


class Limits(NamedTuple):
    """What a picture may need; larger ones fail."""

    pixels: int
    """Of a decoded picture."""
    bytes: int
    """Of an encoded picture."""


class Shard(NamedTuple):
    """Inputs to look at, and the version of the corpus to look from. Picklable."""

    corpus: str
    version: int
    inputs: tuple[Input, ...]
    limits: Limits
    seen: tuple[int, int]
    """Commits of this run that the look-up of the inputs' keys, and this version, had before them."""
    crashes: int = 0
    """Its one input has killed each worker that looked at it (1), or that only read it (2)."""
    run: str = ""
    """Which call of `ingest` it belongs to: what a worker remembers of a corpus is good for one call."""


class Staged(NamedTuple):
    """Pictures written but not committed, and one row of the ledger for each input. Picklable."""

    fragments: tuple[str, ...]
    """FragmentMetadata as JSON."""
    inputs: pa.Table
    """`INPUTS`; the pictures in the fragments are those it calls stored."""
    repeated: int
    """Inputs that were listed twice."""
    seen: tuple[int, int]


class Read(NamedTuple):
    """The bytes of an input, or the reason why there are none."""

    input: Input
    data: bytes
    reason: str | None


def stage(shard: Shard) -> Staged:
    """Read, identify and look at inputs; write the pictures that the corpus does not hold yet.

    Raises:
        CorpusError: the corpus cannot be written to.
    """
    with storage_errors(shard.corpus):
        dataset = lance.dataset(shard.corpus, version=shard.version)
        work = _Stage(shard, dataset)
        fragments = write_staged(dataset, work.pictures())
        return Staged(fragments, work.ledger(), work.repeated, shard.seen)


def smaller(shard: Shard) -> tuple[Shard, ...]:
    """Halves of a shard that kills its worker, down to the one input to blame."""
    half = len(shard.inputs) // 2
    if half:
        return shard._replace(inputs=shard.inputs[:half]), shard._replace(inputs=shard.inputs[half:])
    return (shard._replace(crashes=shard.crashes + 1),) if shard.crashes < 2 else ()


def kind_of(reason: str) -> str:
    """A reason without the figures that differ from picture to picture: what sums are kept of."""
    return re.sub(r": \d.*", "", reason)


class _Stage:
    """One shard's passage; `pictures` must have been drained before `ledger` is called."""

    def __init__(self, shard: Shard, dataset: lance.LanceDataset) -> None:
        self.shard = shard
        self.dataset = dataset
        self.repeated = 0
        self._rows: list[tuple[Any, ...]] = []
        self._met: dict[bytes, str | None] = {}
        """Ids of this shard: None where stored or a duplicate, else the reason for the failure."""
        self._keys: set[bytes] = set()

    def pictures(self) -> Iterator[pa.RecordBatch]:
        """The rows to be stored, `PICTURES`, some megabytes at a time."""
        for batch in batches(self.shard.inputs):
            fresh: dict[bytes, Input] = {}
            for one in batch:
                if one.key not in self._keys:
                    fresh.setdefault(one.key, one)
            self.repeated += len(batch) - len(fresh)
            self._keys.update(fresh)
            rows = list(self._kept(self._read(list(fresh.values()))))
            if rows:
                yield _record_batch(rows)

    def ledger(self) -> pa.Table:
        """What became of each input, `INPUTS`."""
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(INPUTS)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, INPUTS, strict=True)]
        return pa.Table.from_arrays(arrays, schema=INPUTS)

    def _read(self, inputs: list[Input]) -> list[Read]:
        if self.shard.crashes > 1:
            return [Read(one, b"", CRASHED) for one in inputs]
        return read_all(inputs, self.shard.limits.bytes)

    def _kept(self, reads: list[Read]) -> Iterator[tuple[Read, bytes, Look]]:
        identities = [None if read.reason else picture_id(read.data) for read in reads]
        asked = [identity for identity in identities if identity is not None and identity not in self._met]
        known = known_ids(self.dataset, asked, self.shard.run)
        for read, identity in zip(reads, identities, strict=True):
            if identity is None:
                self._book(read, FAILED, None, read.reason)
            elif identity in known or identity in self._met:
                reason = self._met.get(identity)
                self._book(read, FAILED if reason else DUPLICATE, identity, reason)
            else:
                found = self._look(read.data)
                self._met[identity] = reason = None if isinstance(found, Look) else found
                self._book(read, FAILED if reason else STORED, identity, reason)
                if isinstance(found, Look):
                    yield read, identity, found

    def _look(self, data: bytes) -> Look | str:
        """What the picture is, or the reason why it is none."""
        if self.shard.crashes:
            return CRASHED
        try:
            return look(data, max_pixels=self.shard.limits.pixels)
        except PictureError as error:
            return str(error)
        except MemoryError:
            return "not enough memory"
        except Exception as error:  # one odd picture must not end a job of a hundred million
            return f"decoder error: {type(error).__name__}"

    def _book(self, read: Read, outcome: str, identity: bytes | None, reason: str | None) -> None:
        one = read.input
        size = one.size if identity is None else len(read.data)
        self._rows.append((one.key, one.source, size, one.mtime_ns, outcome, identity, reason, datetime.now(UTC)))


def batches(inputs: tuple[Input, ...]) -> Iterator[list[Input]]:
    """Cut inputs so that what is read at once fits in memory."""
    batch: list[Input] = []
    size = 0
    for one in inputs:
        if batch and (size + one.size > BATCH_BYTES or len(batch) == BATCH_INPUTS):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch


def read_all(inputs: list[Input], limit: int) -> list[Read]:
    """The bytes of inputs, in order; from a bucket several at once, for each takes tens of milliseconds to come."""
    read = partial(_read, limit=limit)
    if sum(isinstance(one.locator, WholeFile) and bool(one.locator.place.base) for one in inputs) > 1:
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as threads:
            return list(threads.map(read, inputs))
    return [read(one) for one in inputs]


def _read(one: Input, limit: int) -> Read:
    try:
        return Read(one, one.locator.read(limit), None)
    except UnreadableError as error:
        return Read(one, b"", str(error))
    except MemoryError:
        return Read(one, b"", "not enough memory")


def _record_batch(rows: list[tuple[Read, bytes, Look]]) -> pa.RecordBatch:
    """Columns of `PICTURES`."""
    columns = zip(*(_values(*row) for row in rows), strict=True)
    arrays = [
        _joined(column) if field.name == "image" else pa.array(column, field.type)
        for column, field in zip(columns, PICTURES, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=PICTURES)


def _joined(values: tuple[bytes, ...]) -> pa.Array:
    """A column of pictures, each copied once; building it value by value would copy them again as it grows."""
    ends = np.cumsum([0, *map(len, values)], dtype=np.int64)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.large_binary(), len(values), buffers)


def _values(read: Read, identity: bytes, found: Look) -> tuple[Any, ...]:
    one, header = read.input, found.header
    return (
        identity,
        read.data,
        found.thumbnail,
        one.source,
        header.format,
        header.width,
        header.height,
        header.mode,
        header.orientation,
        len(read.data),
        header.taken_at,
        header.latitude,
        header.longitude,
        None if header.camera is None else clean(header.camera),
        found.phash,
        one.caption,
        one.metadata,
    )
