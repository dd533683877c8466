"""What each picture is an example of, as training needs it: a number of a class, or a caption."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from compoundeye.corpus._condition import sql_errors
from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._rows import opened
from compoundeye.corpus._store import Corpus

Rows = npt.NDArray[np.int64]
Values = Sequence[Any]
"""Of one row: what stands in the columns that say the target."""

_BATCH_ROWS = 1 << 16

_PACKED = re.compile(
    r"(.*/)?(?P<name>[^/]*?)(\.(tar|tar\.gz|tgz|tar\.bz2|tar\.xz|zip)!(?P<member>.*)|\.\w+#\d+)",
    re.IGNORECASE | re.DOTALL,
)
"""``archive.tar!member`` or ``table.parquet#row``, as ingest names them."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets of one corpus at the version that was opened."""

    names: tuple[str, ...]
    """Classes, sorted, in the order of their numbers; none for captions and for "none"."""
    _corpus: Corpus
    _columns: tuple[str, ...]
    _name_of: Callable[[Values], str | None]
    _numbers: dict[str, int] | None
    """None for captions."""

    def read(self, rows: Rows) -> Rows | list[str]:
        """Targets of rows [n] (logical offsets, in any sequence).

        Returns:
            int64 [n] class numbers, -1 where nothing is known; or [n] captions, empty where there is none.
        """
        rows = np.asarray(rows, np.int64)
        if not self._columns or not len(rows):
            return [] if self._numbers is None else np.full(len(rows), -1, np.int64)
        found = self._corpus.dataset.take(rows.tolist(), columns=list(self._columns))
        return self._of(found)

    def scan(self, sql: str | None = None) -> Iterator[tuple[Rows, Rows]]:
        """Rows [n] and class numbers [n] of all that fit a condition, ascending, some ten thousand at a time."""
        if not self._columns or self._numbers is None:
            return
        with sql_errors(self._corpus, sql):
            scanner = self._corpus.dataset.scanner(
                columns=[*self._columns, "_rowoffset"], filter=sql, scan_in_order=True, batch_size=_BATCH_ROWS
            )
            for batch in scanner.to_batches():
                numbers = self._of(pa.Table.from_batches([batch]))
                yield batch["_rowoffset"].to_numpy().astype(np.int64), np.asarray(numbers, np.int64)

    def _of(self, table: pa.Table) -> Rows | list[str]:
        values = _values(table, self._columns)
        if self._numbers is None:
            return [self._name_of(one) or "" for one in values]
        number = self._numbers.get
        # -1 for what has no name, and for what no row of this version is called.
        return np.array([number(self._name_of(one) or "", -1) for one in values], np.int64)


def targets(corpus: Corpus | str | os.PathLike[str], target: str) -> Targets:
    """What pictures are examples of.

    Finding the classes takes one scan of the columns that say them, and memory for the names; reading targets takes
    these columns of the rows asked for.

    Args:
        target: "label": what people said. "folder": name of the folder that the file lay in, or of its archive.
            "metadata.KEY": an entry of the JSON beside the picture, deeper ones as "metadata.KEY.KEY". "caption": its
            text. "none". Else the name of a result of categorising ("category"), where a person's label counts first.

    Raises:
        CorpusError: there is no such target.
    """
    corpus = opened(corpus)
    # An own view: refreshing the corpus moves its dataset to another version.
    corpus = Corpus.open(corpus.path, version=corpus.version)
    columns, name_of = _said(corpus, target)
    if target in ("caption", "none"):
        return Targets((), corpus, columns, name_of, None if target == "caption" else {})
    names = tuple(sorted(_distinct(corpus, columns, name_of)))
    numbers = {name: number for number, name in enumerate(names)}
    return Targets(names, corpus, columns, name_of, numbers)


def folder_of(source: str) -> str | None:
    """Name of the folder that a picture lay in; for a member at the top of an archive, the archive's name.

    ``/data/cats/1.jpg`` lay in ``cats``, ``dogs.tar!7.png`` in ``dogs``, ``x.tar!birds/7.png`` in ``birds``,
    ``/data/fish.parquet#17`` in ``fish``.
    """
    source = source.replace("\\", "/")
    packed = _PACKED.fullmatch(source)
    folders = (packed["member"] or "" if packed else source).split("/")[:-1]
    if folders and folders[-1]:
        return folders[-1]
    return packed["name"] or None if packed else None


def _said(corpus: Corpus, target: str) -> tuple[tuple[str, ...], Callable[[Values], str | None]]:
    """The columns that say a target, and how."""
    if target == "none":
        return (), _first
    if target == "caption":
        return ("caption",), _first
    if target == "folder":
        return ("source",), lambda values: folder_of(values[0])
    if target.startswith("metadata."):
        keys = target.split(".")[1:]
        return ("metadata",), lambda values: _entry(values[0], keys)
    columns = tuple(name for name in dict.fromkeys(("label", target)) if corpus.has_column(name))
    if target not in columns:
        how = "`eye correct` gives labels" if target == "label" else f"`eye categorise --name {target}` makes it"
        raise CorpusError(
            f"{corpus.path} has no target {target}: {how}; else there are folder, metadata.KEY, caption and none"
        )
    if corpus.dataset.schema.field(target).type not in (pa.string(), pa.large_string()):
        raise CorpusError(f"column {target} of {corpus.path} holds no names of classes; choose another target")
    return columns, _first


def _first(values: Values) -> str | None:
    return next((value for value in values if value is not None), None)


def _entry(text: str | None, keys: Sequence[str]) -> str | None:
    """An entry of a JSON object as text; None where there is none that could be a name."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, bool):
        return str(found).lower()
    return str(found) if isinstance(found, (str, int, float)) else None


def _values(table: pa.Table, columns: Sequence[str]) -> Iterator[Values]:
    return zip(*(table[column].to_pylist() for column in columns), strict=True)


def _distinct(corpus: Corpus, columns: tuple[str, ...], name_of: Callable[[Values], str | None]) -> set[str]:
    found = set[str | None]()
    for batch in corpus.dataset.scanner(columns=list(columns), batch_size=_BATCH_ROWS).to_batches():
        # What is the same in all columns is looked at once: few values differ in most columns.
        different = pa.Table.from_batches([batch]).group_by(list(columns)).aggregate([])
        found.update(name_of(values) for values in _values(different, columns))
    return {name for name in found if name}
