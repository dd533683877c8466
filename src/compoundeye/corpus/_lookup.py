"""Which 16-byte keys a dataset already holds, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import lance
import pyarrow as pa
import pyarrow.compute as pc

from compoundeye.corpus._schema import ID

UNINDEXED_ROWS = 262_144
"""Rows that a look-up may scan before the index takes them in: 4 MiB of keys, about 10 ms."""

# Seconds, measured on one core with a million and four million rows: they only decide which way is cheaper.
_PER_KEY_INDEXED = 25e-6
_PER_ROW_SCANNED = 35e-9
_SCANNED_AT_ONCE = 1 << 20


def rows_with_keys(
    dataset: lance.LanceDataset, column: str, keys: Sequence[bytes] | pa.Array, columns: list[str]
) -> pa.Table:
    """Rows whose ``column`` (16 bytes) is one of ``keys``, in no order; columns as asked."""
    if not len(keys):
        return pa.schema([dataset.schema.field(name) for name in columns]).empty_table()
    if len(keys) * _PER_KEY_INDEXED < dataset.count_rows() * _PER_ROW_SCANNED:
        return _by_index(dataset, column, keys, columns)
    return _by_scan(dataset, column, keys, columns)


def _by_index(
    dataset: lance.LanceDataset, column: str, keys: Sequence[bytes] | pa.Array, columns: list[str]
) -> pa.Table:
    # Literals by hand: Lance's planner looks these up in the B-tree, but scans for a pyarrow expression.
    plain = keys.to_pylist() if isinstance(keys, pa.Array) else keys
    literals = ",".join(f"arrow_cast(X'{key.hex()}','FixedSizeBinary({len(key)})')" for key in plain)
    return dataset.to_table(columns=columns, filter=f"{column} IN ({literals})")


def _by_scan(
    dataset: lance.LanceDataset, column: str, keys: Sequence[bytes] | pa.Array, columns: list[str]
) -> pa.Table:
    """One pass over the column: cheaper than the index where many keys are asked of few rows."""
    wanted = keys if isinstance(keys, pa.Array) else pa.array(keys, ID)
    schema = pa.schema([dataset.schema.field(name) for name in columns])
    found = [schema.empty_table()]
    for table in _pieces(dataset, list(dict.fromkeys([column, *columns]))):
        found.append(table.filter(pc.is_in(table[column], value_set=wanted)).select(columns))
    return pa.concat_tables(found)


def _pieces(dataset: lance.LanceDataset, columns: list[str]) -> Iterator[pa.Table]:
    """The dataset in large pieces: fragments may be small, and `is_in` pays for its keys at every call."""
    batches: list[pa.RecordBatch] = []
    rows = 0
    for batch in dataset.to_batches(columns=columns, batch_size=_SCANNED_AT_ONCE):
        batches.append(batch)
        rows += batch.num_rows
        if rows >= _SCANNED_AT_ONCE:
            yield pa.Table.from_batches(batches)
            batches, rows = [], 0
    if batches:
        yield pa.Table.from_batches(batches)


def keep_indexed(dataset: lance.LanceDataset, column: str, *, limit: int = UNINDEXED_ROWS) -> int:
    """Bring the B-tree on ``column`` up to date once more than ``limit`` rows are outside it; how many are outside."""
    name = f"{column}_idx"
    indices = [index for index in dataset.describe_indices() if index.name == name]
    segments = [set(segment.fragment_ids) for index in indices for segment in index.segments]
    rows = {part.fragment_id: part.metadata.physical_rows for part in dataset.get_fragments()}
    covered = set().union(*segments)
    outside: int = sum(count for fragment, count in rows.items() if fragment not in covered)
    if outside <= limit:
        return outside
    if segments:
        sizes = [sum(rows.get(fragment, 0) for fragment in segment) for segment in segments]
        dataset.optimize.optimize_indices(index_names=[name], num_indices_to_merge=to_merge(sizes, outside))
    else:
        dataset.create_scalar_index(column, "BTREE", name=name)
    return 0


def to_merge(sizes: Sequence[int], fresh: int) -> int:
    """How many of the newest segments of an index to merge with ``fresh`` rows.

    Merging those that are no larger than what they join keeps about log2(rows / limit) segments, and writes each row
    about as often; merging all each time would write each row rows / limit times.
    Source: O'Neil et al., "The Log-Structured Merge-Tree", Acta Informatica 33 (1996).

    Args:
        sizes: rows of the segments, oldest first.
    """
    merged, total = 0, fresh
    for size in reversed(sizes):
        if size > total:
            break
        merged, total = merged + 1, total + size
    return merged
