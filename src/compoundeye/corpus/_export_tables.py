"""Tables: Parquet with the pictures in it, as Hugging Face's datasets read it; CSV of what is known of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from compoundeye.corpus._export_names import file_name
from compoundeye.corpus._export_row import Order, Row, plain

_GROUP_BYTES = 32 << 20
_GROUP_ROWS = 1_000
"""A reader of one row reads its row group's pages, so groups stay small, as Hugging Face advises for pictures."""

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


class Parquet:
    """``image`` (struct of bytes and path), ``label`` (text), ``id`` (hexadecimal) and the facts, in shards."""

    def __init__(self, folder: Path, order: Order) -> None:
        self._folder, self._order = folder, order
        own = [pa.field("id", pa.string()), pa.field("image", _IMAGE), pa.field("label", pa.string())]
        fields = [*own, *(pa.field(field.name, field.type) for field in order.fields)]
        features = {field.name: _feature(field.name, field.type) for field in fields}
        about = json.dumps({"info": {"features": features}}) if all(features.values()) else None
        self._schema = pa.schema(fields, metadata={"huggingface": about} if about else None)
        self._writer: pq.ParquetWriter | None = None
        self._rows = list[dict[str, Any]]()
        self._shards = self._shard_bytes = self._group_bytes = 0

    def add(self, row: Row) -> bool:
        if self._writer is None or (self._shard_bytes >= self._order.shard_bytes and not self._order.single):
            self._next()
        image = {"bytes": row.data, "path": file_name(row.source, row.id, row.format)}
        self._rows.append({"id": row.id.hex(), "image": image, "label": row.label, **row.facts})
        self._group_bytes += len(row.data)
        self._shard_bytes += len(row.data)
        if self._group_bytes >= _GROUP_BYTES or len(self._rows) >= _GROUP_ROWS:
            self._flush()
        return True

    def close(self) -> None:
        if self._writer is None:
            self._next()  # no pictures: a table without rows
        self._flush()
        assert self._writer is not None
        self._writer.close()

    def _next(self) -> None:
        if self._writer is not None:
            self._flush()
            self._writer.close()
        name = "single" if self._order.single else f"pictures-{self._shards:05d}.parquet"
        # Pictures are compressed already.
        packing = dict.fromkeys(_leaves(self._schema), "ZSTD") | {"image.bytes": "NONE"}
        self._writer = pq.ParquetWriter(
            self._folder / name, self._schema, compression=packing, use_dictionary=False, write_statistics=False
        )
        self._shards, self._shard_bytes = self._shards + 1, 0

    def _flush(self) -> None:
        if self._rows:
            assert self._writer is not None
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()
        self._group_bytes = 0


def _leaves(schema: pa.Schema) -> list[str]:
    """Names of the columns as Parquet has them."""
    names = list[str]()
    for field in schema:
        if pa.types.is_struct(field.type):
            names += [f"{field.name}.{field.type.field(index).name}" for index in range(field.type.num_fields)]
        elif pa.types.is_nested(field.type):
            names.append(f"{field.name}.list.element")
        else:
            names.append(field.name)
    return names


def _feature(name: str, kind: pa.DataType) -> dict[str, Any] | None:
    """A column in the words of Hugging Face's ``Features``; None where they have none."""
    if name == "image":
        return {"_type": "Image"}
    if pa.types.is_fixed_size_list(kind):
        return {"_type": "Sequence", "length": kind.list_size, "feature": _feature("", kind.value_type)}
    if pa.types.is_timestamp(kind):
        return {"_type": "Value", "dtype": str(kind)}
    words = {pa.float16(): "float16", pa.float32(): "float32", pa.float64(): "float64", pa.binary(): "binary"}
    if kind in words:
        return {"_type": "Value", "dtype": words[kind]}
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return {"_type": "Value", "dtype": str(kind)}
    return None


class Csv:
    """One line a picture (RFC 4180): id, label and the facts. No pictures: their ids find them in the corpus."""

    def __init__(self, folder: Path, order: Order) -> None:
        self._names = ["id", "label", *(field.name for field in order.fields)]
        name = "single" if order.single else "pictures.csv"
        self._file = open(folder / name, "w", encoding="utf-8", newline="")  # noqa: SIM115  closed by close()
        self._table = csv.DictWriter(self._file, self._names)
        self._table.writeheader()

    def add(self, row: Row) -> bool:
        facts = plain(row)
        self._table.writerow(
            {
                name: json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
                for name, value in facts.items()
            }
        )
        return True

    def close(self) -> None:
        self._file.close()
