"""Which 16-byte keys a dataset already holds, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Sequence

import lance
import pyarrow as pa

UNINDEXED_ROWS = 262_144
"""Rows that a look-up may scan before the index takes them in: 4 MiB of keys, about 10 ms."""


def rows_with_keys(dataset: lance.LanceDataset, column: str, keys: Sequence[bytes], columns: list[str]) -> pa.Table:
    """Rows whose ``column`` (16 bytes) is one of ``keys``; columns as asked."""
    if not keys:
        return dataset.schema.empty_table().select(columns)
    # Literals by hand: Lance's planner looks these up in the B-tree, but scans for a pyarrow expression.
    literals = ",".join(f"arrow_cast(X'{key.hex()}','FixedSizeBinary({len(key)})')" for key in keys)
    return dataset.to_table(columns=columns, filter=f"{column} IN ({literals})")


def keep_indexed(dataset: lance.LanceDataset, column: str, *, limit: int = UNINDEXED_ROWS) -> None:
    """Bring the B-tree on ``column`` up to date once more than ``limit`` rows are outside it."""
    name = f"{column}_idx"
    index = next((index for index in dataset.list_indices() if index["name"] == name), None)
    covered = set(index["fragment_ids"]) if index else set()
    outside = sum(part.count_rows() for part in dataset.get_fragments() if part.fragment_id not in covered)
    if outside <= limit:
        return
    if index is None:
        dataset.create_scalar_index(column, "BTREE", name=name)
    else:
        dataset.optimize.optimize_indices(index_names=[name])
