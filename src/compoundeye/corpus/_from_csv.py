"""Pictures that a CSV or TSV file lists by their paths."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from compoundeye.corpus._beside import as_json, clean
from compoundeye.corpus._from_table import PATHS, roles
from compoundeye.corpus._input import Broken, Input, listed_input, named_input
from compoundeye.corpus._place import Place, Status, reason_of

_LONGEST_FIELD = 1 << 20


def from_csv(table: Place, found: Status) -> Iterator[Input]:
    """One input a row: the file it names, relative to the table; caption and the other columns go with it.

    Raises:
        CorpusError: no column holds paths.
    """
    try:
        # Names of files are bytes: what is not UTF-8 goes through as it is.
        with table.open() as file, io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="") as text:
            yield from _rows(text, table, found)
    except csv.Error as error:
        yield named_input(table.label, found, found.size, Broken(f"damaged table: {error}"))
    except OSError as error:
        yield named_input(table.label, found, found.size, Broken(reason_of(error)))


def _rows(text: io.TextIOWrapper, table: Place, found: Status) -> Iterator[Input]:
    csv.field_size_limit(_LONGEST_FIELD)
    lines = csv.reader(text, delimiter=_delimiter(text.readline(), text))
    names = next(lines, [])
    role = roles(names, names, PATHS, str(table))
    for line in lines:
        row = dict(zip(names, line, strict=False))
        if row.get(role.picture):
            caption = clean(row.get(role.caption, "").strip()) or None if role.caption else None
            metadata = as_json({name: row[name] for name in role.metadata if row.get(name)})
            yield listed_input(table, found, row[role.picture], caption, metadata)


def _delimiter(header: str, text: io.TextIOWrapper) -> str:
    """The one of tab, semicolon and comma that the first line has most of."""
    text.seek(0)
    return max(",;\t", key=header.count)
