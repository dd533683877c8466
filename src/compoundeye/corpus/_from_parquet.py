"""Pictures in a column of a Parquet file, as Hugging Face's datasets write them; or listed there by their paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from compoundeye.corpus._beside import as_json, clean
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._from_table import BYTES, PATHS, Roles, roles
from compoundeye.corpus._input import Broken, Input, listed_input, named_input
from compoundeye.corpus._kept import kept
from compoundeye.corpus._place import Place, Status, UnreadableError, read_whole, reason_of, too_large

DAMAGED = "damaged Parquet file"
_LISTED_ROWS = 1_024
_PICTURES_AT_ONCE = 16


class ParquetRow(NamedTuple):
    """A row with the bytes of a picture, or with the path of one where the bytes are null."""

    table: Place
    mtime_ns: int
    column: str
    group: int
    row: int
    """In its row group."""

    def read(self, limit: int) -> bytes:
        try:
            cursor: _Cursor = kept((self.table, self.mtime_ns, self.column), lambda: _Cursor(self.table, self.column))
            value = cursor.value(self.group, self.row)
        except OSError as error:
            raise UnreadableError(reason_of(error) if error.errno else DAMAGED) from error
        except (pa.ArrowException, StopIteration) as error:
            raise UnreadableError(DAMAGED) from error
        if isinstance(value, dict):
            path = value.get("path")
            value = value.get("bytes")
            if value is None and path:
                return read_whole(_beside_table(self.table, path), limit)
        if value is None:
            raise UnreadableError("no picture in this row")
        if len(value) > limit:
            raise UnreadableError(too_large(limit))
        return bytes(value)


def from_parquet(table: Place, found: Status) -> Iterator[Input]:
    """One input a row, in order; caption and the other columns go with it. Pictures are not read here.

    Raises:
        CorpusError: no column holds pictures or paths.
    """
    try:
        with table.open() as file, pq.ParquetFile(file) as opened:
            schema = opened.schema_arrow
            plain = [field.name for field in schema if not _holds_bytes(field.type)]
            paths = [field.name for field in schema if _is_text(field.type)]
            pictures = [field.name for field in schema if _is_picture(field.type)]
            if pictures:
                role = roles(pictures + plain, pictures, (*BYTES, *pictures), str(table))
                role = role._replace(metadata=tuple(name for name in role.metadata if name in plain))
                yield from _pictures(opened, role, table, found)
            else:
                yield from _paths(opened, roles(plain, paths, PATHS, str(table)), table, found)
    except pa.ArrowException:
        yield named_input(table.label, found, found.size, Broken(DAMAGED))
    except OSError as error:
        yield named_input(table.label, found, found.size, Broken(reason_of(error) if error.errno else DAMAGED))


def _pictures(opened: pq.ParquetFile, role: Roles, table: Place, found: Status) -> Iterator[Input]:
    number = 0
    for group in range(opened.num_row_groups):
        about = opened.metadata.row_group(group)
        size = about.total_byte_size // max(1, about.num_rows)  # what a row holds on average
        for row, values in enumerate(_values(opened, group, _texts(role))):
            caption, metadata = _beside(values, role)
            label = b"%b#%d" % (table.label, number)
            locator = ParquetRow(table, found.mtime_ns, role.picture, group, row)
            yield named_input(label, found, size, locator, caption, metadata)
            number += 1


def _paths(opened: pq.ParquetFile, role: Roles, table: Place, found: Status) -> Iterator[Input]:
    for group in range(opened.num_row_groups):
        for values in _values(opened, group, [role.picture, *_texts(role)]):
            if values[role.picture]:
                yield listed_input(table, found, values[role.picture], *_beside(values, role))


def _beside_table(table: Place, name: str) -> Place:
    try:
        return table.beside(name)
    except CorpusError as error:
        raise UnreadableError("unknown kind of address") from error


def _texts(role: Roles) -> list[str]:
    return [*([role.caption] if role.caption else []), *role.metadata]


def _values(opened: pq.ParquetFile, group: int, columns: list[str]) -> Iterator[dict[str, Any]]:
    if not columns:
        yield from ({} for _ in range(opened.metadata.row_group(group).num_rows))
        return
    for batch in opened.iter_batches(_LISTED_ROWS, row_groups=[group], columns=columns, use_threads=False):
        yield from batch.to_pylist()


def _beside(values: dict[str, Any], role: Roles) -> tuple[str | None, str | None]:
    caption = values.get(role.caption) if role.caption else None
    metadata = {name: values[name] for name in role.metadata if values[name] is not None}
    return (clean(str(caption)).strip() or None if caption is not None else None), as_json(metadata)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _is_picture(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return _is_bytes(kind)
    fields = [kind.field(index) for index in range(kind.num_fields)]
    return any(field.name == "bytes" and _is_bytes(field.type) for field in fields)


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_holds_bytes(kind.field(index).type) for index in range(kind.num_fields))
    return _is_bytes(kind) or bool(pa.types.is_fixed_size_binary(kind))


class _Cursor:
    """One column of a Parquet file, read on from where it was left; a few pictures are in memory at a time."""

    def __init__(self, table: Place, column: str) -> None:
        self.column = column
        self.file = table.open()
        # Read the column in small pieces, not a whole row group of pictures at once.
        self.opened = pq.ParquetFile(self.file, buffer_size=1 << 20, pre_buffer=False)
        self.at = (-1, 0)
        self.batches: Iterator[pa.RecordBatch] = iter(())
        self.batch: pa.Array = pa.nulls(0)
        self.first = 0

    def value(self, group: int, row: int) -> Any:
        """The value in a row of a row group; cheapest in order."""
        if (group, row) < self.at or group != self.at[0]:
            self.batches = self.opened.iter_batches(
                _PICTURES_AT_ONCE, row_groups=[group], columns=[self.column], use_threads=False
            )
            self.batch, self.first = pa.nulls(0), 0
        self.at = (group, row)
        while row >= self.first + len(self.batch):
            self.first += len(self.batch)
            self.batch = next(self.batches).column(0)
        return self.batch[row - self.first].as_py()

    def close(self) -> None:
        """Close the file."""
        self.opened.close()
        self.file.close()
