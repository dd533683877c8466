"""The columns that filters, sorts and histograms read instead of the disk.

A column is kept with the files it came from. Files of a corpus never change, so after a commit only the fragments that
it touched are read again: categorising, ingesting and correcting while people look cost them little.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from compoundeye.console._bounded import Bounded
from compoundeye.console._column import Column, Flags, Values, narrow, numbers
from compoundeye.console._refusals import NotFound, Unprocessable
from compoundeye.console._snapshot import Snapshot
from compoundeye.console._texts import TEXT_BYTES, Coder, TooMuchText, ranks

CACHE_BYTES = 448 << 20
"""Columns together. Of 10 million rows one takes 10 to 40 MB, so a dozen and more fit."""

PIXELS = "pixels"
"""A column that no corpus has: width times height."""


class Columns:
    """The columns of one corpus at whatever version. Safe to use from several threads."""

    def __init__(self, most: int = CACHE_BYTES) -> None:
        """Keep up to ``most`` bytes of them."""
        self._kept: Bounded[Column] = Bounded(most, lambda column: column.nbytes)
        self._latest: dict[str, object] = {}

    def column(self, at: Snapshot, name: str) -> Column:
        """A column of one version: the corpus's own, or `PIXELS`.

        Raises:
            NotFound: there is none of this name.
            Unprocessable: its values have no order (pictures, embeddings), or are too many long texts.
        """
        if name == PIXELS and not at.corpus.has_column(name):
            key = (PIXELS, files_of(at, "width"), files_of(at, "height"))
            return self._kept.get(key, lambda: _product(self.column(at, "width"), self.column(at, "height")))
        files = files_of(at, name)
        found = self._kept.get((name, files), lambda: self._read(at, name, files))
        self._latest[name] = (name, files)
        return found

    def shown(self, at: Snapshot, name: str) -> Column:
        """The category that counts: a person's label, else what the model said; codes in ``names``."""
        there = [one for one in ("label", name) if at.corpus.has_column(one)]
        if len(there) == 1:
            return self.column(at, there[0])
        key = ("shown", name, *(files_of(at, one) for one in there))
        return self._kept.get(key, lambda: _first(self.column(at, "label"), self.column(at, name)))

    @property
    def held(self) -> int:
        """Bytes of the columns in memory."""
        return self._kept.held

    def _read(self, at: Snapshot, name: str, files: tuple[str, ...]) -> Column:
        kind = kind_of(at.corpus.dataset.schema.field(name).type)
        if kind is None:
            raise Unprocessable(f"{name} has no order: choose a column of numbers, times or text")
        known = self._kept.peek(self._latest.get(name))
        reused = _reused(known, files) if known is not None else {}
        if kind != "text":
            return _numbers(at, name, kind, files, known, reused)
        found = _coded(at, name, files, known, reused)
        return _ranked(at, name, files) if found is None else found


def kind_of(type_: pa.DataType) -> str | None:
    """What sort of values a column has: number, flag, time or text; None where they have no order."""
    if pa.types.is_boolean(type_):
        return "flag"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return "number"
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return "time"
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return "text"
    return None


def files_of(at: Snapshot, name: str) -> tuple[str, ...]:
    """By fragment, what a column is read from: with the same files it has the same values.

    Raises:
        NotFound: there is no such column.
    """
    if not at.corpus.has_column(name):
        raise NotFound(f"there is no column {name}; there is {', '.join(at.corpus.dataset.schema.names)}")
    number = at.corpus.dataset.lance_schema.field(name).id()
    # A column that was added and not filled yet stands in no file: nothing has to be read to know that it is null.
    return tuple(
        f"{files[number]} {gone} {size}" if number in files else f"- {fragment} {gone} {size}"
        for files, gone, size, fragment in zip(at.files, at.deleted, np.diff(at.starts), at.fragments, strict=True)
    )


def _reused(known: Column, files: tuple[str, ...]) -> dict[int, int]:
    """Place of a fragment now, and where its part stands in a column that was read before."""
    places = {file: place for place, file in enumerate(known.files)}
    return {now: places[file] for now, file in enumerate(files) if file in places}


def _scan(at: Snapshot, name: str, places: list[int]) -> Iterator[pa.Array]:
    if places:
        fragments = [at.corpus.dataset.get_fragment(at.fragments[place]) for place in places]
        scanner = at.corpus.dataset.scanner(columns=[name], fragments=fragments, scan_in_order=True)
        for batch in scanner.to_batches():
            yield batch[name]


def _fresh(files: tuple[str, ...], reused: dict[int, int]) -> list[int]:
    """Places of the fragments to read."""
    return [place for place, file in enumerate(files) if place not in reused and not file.startswith("- ")]


def _part(starts: Values, place: int) -> slice:
    return slice(int(starts[place]), int(starts[place + 1]))


def _numbers(
    at: Snapshot, name: str, kind: str, files: tuple[str, ...], known: Column | None, reused: dict[int, int]
) -> Column:
    fresh = _fresh(files, reused)
    type_ = at.corpus.dataset.schema.field(name).type
    read, there = numbers(pa.chunked_array(list(_scan(at, name, fresh)), type_), kind)
    wide, valid = np.zeros(at.rows, read.dtype), np.zeros(at.rows, np.bool_)
    done = 0
    for place in fresh:
        part = _part(at.starts, place)
        end = done + part.stop - part.start
        wide[part] = read[done:end]
        valid[part] = True if there is None else there[done:end]
        done = end
    for place, old in reused.items():
        assert known is not None
        part, source = _part(at.starts, place), _part(known.starts, old)
        wide[part] = known.wide(source)
        valid[part] = True if known.valid is None else known.valid[source]
    return narrow(kind, wide, valid, files=files, starts=at.starts)


def _coded(
    at: Snapshot, name: str, files: tuple[str, ...], known: Column | None, reused: dict[int, int]
) -> Column | None:
    """The column by the list of its different texts; None where there are too many of them."""
    if known is not None and known.names is None:
        known, reused = None, {}
    coder = Coder(known.names or () if known is not None else ())
    codes = np.full(at.rows, -1, np.int32)
    for place, old in reused.items():
        assert known is not None
        source = _part(known.starts, old)
        codes[_part(at.starts, place)] = np.where(known.present[source], known.values[source].astype(np.int32), -1)
    fresh, read = _fresh(files, reused), [np.empty(0, np.int32)]
    for texts in _scan(at, name, fresh):
        found, few = coder.add(texts)
        if not few:
            return None
        read.append(found)
    found, done = np.concatenate(read), 0
    for place in fresh:
        part = _part(at.starts, place)
        codes[part] = found[done : done + part.stop - part.start]
        done += part.stop - part.start
    values, valid, names = coder.ordered(codes)
    return Column("text", values, valid, names=names, files=files, starts=at.starts)


def _ranked(at: Snapshot, name: str, files: tuple[str, ...]) -> Column:
    try:
        values, valid = ranks(_scan(at, name, list(range(len(files)))))
    except TooMuchText as error:
        raise Unprocessable(
            f"the texts of {name} take more than {TEXT_BYTES >> 20} MB and cannot be sorted; sort by another column"
        ) from error
    return Column("text", values, valid, files=files, starts=at.starts)


def _product(width: Column, height: Column) -> Column:
    everything = slice(None)
    return narrow("number", width.wide(everything) * height.wide(everything), _both(width.valid, height.valid))


def _both(one: Flags | None, other: Flags | None) -> Flags | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _first(one: Column, other: Column) -> Column:
    """Texts of the first column, those of the second where it has none."""
    if one.names is None or other.names is None:
        raise Unprocessable("there are too many different labels and categories to choose from")
    coder = Coder(other.names)
    renamed = np.array([coder.codes.setdefault(name, len(coder.codes)) for name in one.names] or [0], np.int32)
    codes = np.where(other.present, other.values.astype(np.int32), np.int32(-1))
    codes = np.where(one.present, renamed[one.values], codes)
    values, valid, names = coder.ordered(codes)
    return Column("text", values, valid, names=names)
