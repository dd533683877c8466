"""Rows of a corpus by the names that people and programs give them: ids, beginnings of ids, row addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import lance
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._schema import ID
from compoundeye.corpus._store import Corpus
from compoundeye.records import PICTURE_ID_BYTES

RowIds = npt.NDArray[np.uint64]

HEX_DIGITS = 2 * PICTURE_ID_BYTES
SHORTEST_PREFIX = 6
"""Hexadecimal digits of an id that a person may give: 24 bits, unique among some thousand pictures."""

_ROWS_A_LOOK_UP = 4_096


def opened(corpus: Corpus | str | os.PathLike[str]) -> Corpus:
    """The corpus itself, or the one at this place."""
    return corpus if isinstance(corpus, Corpus) else Corpus.open(corpus)


def take_rows(dataset: lance.LanceDataset, rows: RowIds, columns: Sequence[str]) -> pa.Table:
    """Columns of the given row ids, in their order; each must exist in this version."""
    parts = [
        _take(dataset, rows[first : first + _ROWS_A_LOOK_UP], columns) for first in range(0, len(rows), _ROWS_A_LOOK_UP)
    ]
    return pa.concat_tables(parts) if parts else _take(dataset, rows, columns)


def _take(dataset: lance.LanceDataset, rows: RowIds, columns: Sequence[str]) -> pa.Table:
    # Lance turns this filter into a take: it reads those rows and no others.
    condition = f"_rowid IN ({','.join(map(str, rows.tolist()))})" if len(rows) else "false"
    found = dataset.to_table(columns=[*columns, "_rowid"], filter=condition)
    order = np.argsort(found["_rowid"].to_numpy())
    places = order[np.searchsorted(found["_rowid"].to_numpy(), rows, sorter=order)]
    return found.take(places).select(list(columns))


def rows_of(dataset: lance.LanceDataset, ids: Sequence[bytes]) -> RowIds:
    """Row ids at this version of the pictures that are there, ascending."""
    if len(ids) <= _ROWS_A_LOOK_UP:
        condition = f"id IN ({','.join(id_literal(one.hex()) for one in ids)})" if ids else "false"
        found = dataset.to_table(columns=["_rowid"], filter=condition)["_rowid"].to_numpy()
    else:
        wanted = pa.array(ids, ID)
        batches = dataset.scanner(columns=["id"], with_row_id=True, batch_size=1 << 18).to_batches()
        parts = [batch.filter(pc.is_in(batch["id"], value_set=wanted))["_rowid"].to_numpy() for batch in batches]
        found = np.concatenate([np.empty(0, np.uint64), *parts])
    return np.sort(found)


def find_ids(corpus: Corpus, names: Sequence[str]) -> list[bytes]:
    """Picture ids from hexadecimal ids or their beginnings (at least six digits).

    Raises:
        CorpusError: a name is not hexadecimal, too short, or begins no id or several ids of the corpus.
    """
    return [_find_id(corpus, name) for name in names]


def _find_id(corpus: Corpus, name: str) -> bytes:
    digits = name.lower()
    if not re.fullmatch(f"[0-9a-f]{{{SHORTEST_PREFIX},{HEX_DIGITS}}}", digits):
        raise CorpusError(
            f"{name!r} is no picture id: give {SHORTEST_PREFIX} to {HEX_DIGITS} hexadecimal digits of one"
        )
    if len(digits) == HEX_DIGITS:
        found = corpus.pictures_by_id([bytes.fromhex(digits)])
    else:
        low, high = digits.ljust(HEX_DIGITS, "0"), digits.ljust(HEX_DIGITS, "f")
        found = corpus.dataset.to_table(
            columns=["id"], filter=f"id >= {id_literal(low)} AND id <= {id_literal(high)}", limit=3
        )
    if found.num_rows == 0:
        raise CorpusError(f"no picture of {corpus.path} has an id that begins with {name}")
    if found.num_rows > 1:
        some = ", ".join(sorted(one.hex() for one in found["id"].to_pylist())[:2])
        raise CorpusError(f"{name} begins the ids of several pictures ({some}, ...): give more digits")
    return bytes(found["id"][0].as_py())


def id_literal(digits: str) -> str:
    """An id in hexadecimal as SQL."""
    return f"arrow_cast(X'{digits}','FixedSizeBinary({PICTURE_ID_BYTES})')"
