"""One column of one version as narrow numbers: a tenth of what Arrow's values take, compared and sorted at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Values = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One value a row: ``values * scale + offset`` as stored, or a place in ``names``."""

    kind: str
    """"number", "time" (microseconds since 1970), "flag" or "text"."""
    values: Values
    """[N] unsigned, or floats; of texts, codes in the order of ``names``. Where there is no value, anything."""
    valid: Flags | None
    """[N] False where there is no value; None where all have one."""
    offset: int = 0
    scale: int = 1
    unsigned: bool = False
    """Whether numbers are stored as uint64 rather than int64."""
    names: tuple[str, ...] | None = None
    """Of texts, in order; None where there are too many different ones to keep, and codes only tell the order."""
    files: tuple[str, ...] = field(default=(), repr=False)
    """What the part of each fragment was read from."""
    starts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64), repr=False)
    """[fragments + 1] where those parts begin."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        names = sum(map(len, self.names)) + 64 * len(self.names) if self.names else 0
        return int(self.values.nbytes) + (0 if self.valid is None else int(self.valid.nbytes)) + names

    @property
    def present(self) -> Flags:
        """[N] which rows have a value."""
        return np.ones(len(self), np.bool_) if self.valid is None else self.valid

    def wide(self, part: slice) -> Values:
        """Numbers of some rows as stored: int64, uint64 or floats."""
        values = self.values[part]
        if values.dtype.kind == "f":
            return values
        # Modulo 2^64, as `narrow` took it away.
        whole = values.astype(np.uint64) * np.uint64(self.scale) + np.uint64(self.offset % 2**64)
        return whole if self.unsigned else whole.view(np.int64)

    def between(self, low: float | None, high: float | None) -> Flags:
        """[N] which rows have a value that is at least ``low`` and at most ``high``, both as stored."""
        fits = self.present.copy()
        if self.values.dtype.kind == "f":
            # In the column's own precision, or 0.9 itself would not be at least 0.9.
            to = self.values.dtype.type
            if low is not None:
                fits &= self.values >= to(low)
            if high is not None:
                fits &= self.values <= to(high)
            return fits
        most = int(np.iinfo(self.values.dtype).max)
        if low is not None:
            first = -((self.offset - int(low)) // self.scale)
            fits &= (self.values >= max(0, first)) if first <= most else False
        if high is not None:
            last = (int(high) - self.offset) // self.scale
            fits &= (self.values <= min(most, last)) if last >= 0 else False
        return fits

    def among(self, wanted: set[str]) -> Flags:
        """[N] which rows have a text that is, in lower case, one of these."""
        assert self.names is not None
        table = np.array([name.lower() in wanted for name in self.names] or [False], np.bool_)
        return table[self.values] & self.present

    def keys(self, rows: npt.NDArray[np.uint32]) -> Values:
        """Values of some rows as numbers of the same order: uint32 wherever they fit."""
        values = self.values[rows]
        if values.dtype == np.float32:
            bits = values.view(np.uint32)
            # IEEE 754: as integers, positive floats are in order and negative ones in the opposite.
            return np.where(bits >> np.uint32(31), ~bits, bits | np.uint32(1 << 31))
        return values.astype(np.uint32) if values.dtype.kind == "u" and values.dtype.itemsize < 8 else values


def narrow(kind: str, wide: Values, valid: Flags | None, **more: Any) -> Column:
    """A column of numbers in as few bytes as they allow without loss."""
    if valid is not None and valid.all():
        valid = None
    if wide.dtype.kind == "f":
        known = ~np.isnan(wide)
        missing = not known.all()
        return Column(kind, wide, (known if valid is None else known & valid) if missing else valid, **more)
    some = wide if valid is None else wide[valid]
    if not len(some):
        return Column(kind, np.zeros(len(wide), np.uint8), valid, **more)
    low, high = int(some.min()), int(some.max())
    # Times are mostly whole seconds, stored as microseconds.
    scale = 1_000_000 if kind == "time" and low % 1_000_000 == 0 and not np.any(some % 1_000_000) else 1
    dtype = np.min_scalar_type((high - low) // scale)
    moved = wide.view(np.uint64) - np.uint64(low % 2**64)
    values = moved.astype(dtype) if scale == 1 else (moved // np.uint64(scale)).astype(dtype)
    return Column(kind, values, valid, offset=low, scale=scale, unsigned=wide.dtype == np.uint64, **more)


def numbers(column: pa.ChunkedArray, kind: str) -> tuple[Values, Flags | None]:
    """Arrow's values as int64, uint64, float32 or float64 [N], and which are there (None: all)."""
    if kind == "time":
        column = column.cast(pa.timestamp("us", getattr(column.type, "tz", None))).cast(pa.int64())
    elif kind == "flag":
        column = column.cast(pa.uint8()).cast(pa.int64())
    elif pa.types.is_integer(column.type) and column.type != pa.uint64():
        column = column.cast(pa.int64())
    elif column.type == pa.float16():
        column = column.cast(pa.float32())
    valid = column.is_valid().to_numpy() if column.null_count else None
    filled = column if valid is None else column.fill_null(pa.scalar(0, column.type))
    return filled.to_numpy(), valid
