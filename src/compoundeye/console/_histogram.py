"""How the values of a column are spread: bars between round numbers, between dates, or one for each name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from compoundeye.console._column import Column, Values
from compoundeye.console._snapshot import Rows

_EPOCH = datetime(1970, 1, 1)
_FIRST, _LAST = datetime.min, datetime.max
_MICROSECONDS = timedelta(microseconds=1)
_SAMPLED = 10_000
_WIDE = 100.0
"""Values whose largest is so many times their median are shown between 1, 2, 5, 10, ... if there is room: bytes."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Values from ``low`` on, up to ``high`` or, in the last bar, including it."""

    low: float | datetime | str
    high: float | datetime | str
    count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """All rows of a view: those in bars, those in no bar and those without a value."""

    bars: list[Bar]
    missing: int
    others: int
    """Rows of names beyond the most frequent."""
    distinct: int | None
    """Different names; None for numbers and times, and where there are too many names to keep."""


def histogram(column: Column, rows: Rows | None, bins: int) -> Histogram:
    """Count values of some rows, or of all.

    Args:
        bins: bars at most, but two if need be; there may be fewer, as their edges are round numbers.
    """
    values = column.values if rows is None else column.values[rows]
    valid = column.valid if rows is None or column.valid is None else column.valid[rows]
    missing = 0 if valid is None else len(valid) - int(np.count_nonzero(valid))
    if column.kind == "text":
        return _names(column, values, missing, bins)
    some = values if valid is None else values[valid]
    middle = some[:: max(1, len(some) // _SAMPLED)]
    different, counts = _different(some)
    if column.kind == "time" and len(some):
        return Histogram(_times(column, different, counts, bins), missing, 0, None)
    whole = some.dtype.kind != "f"
    scale, offset = (np.float64(column.scale), column.offset) if whole else (some.dtype.type(1), 0)
    numbers = different * scale + offset
    if not whole and not np.isfinite(numbers).all():
        missing += int(np.count_nonzero(~np.isfinite(numbers)))
        numbers = numbers[np.isfinite(numbers)]
    bars = _numbers(numbers, counts, float(np.median(middle * scale + offset)), bins, whole) if len(numbers) else []
    return Histogram(bars, missing, 0, None)


def _different(values: Values) -> tuple[Values, Values | None]:
    """Values and how often each occurs, where that is few of them; else all as they are."""
    if values.dtype.itemsize > 2 or values.dtype.kind == "f":
        return values, None
    counts = np.bincount(values)
    there = np.flatnonzero(counts)
    return there.astype(values.dtype), counts[there]


def _names(column: Column, codes: Values, missing: int, bins: int) -> Histogram:
    if column.names is None:
        return Histogram([], missing, len(codes) - missing, None)
    counts = np.bincount(codes, minlength=len(column.names))
    if missing:
        counts[0] -= missing  # rows without a value have the first code
    order = np.argsort(-counts, kind="stable")[:bins]
    bars = [Bar(column.names[one], column.names[one], int(counts[one])) for one in order.tolist() if counts[one] > 0]
    others = len(codes) - missing - sum(bar.count for bar in bars)
    return Histogram(bars, missing, others, int(np.count_nonzero(counts[: len(column.names)])))


def _numbers(values: Values, counts: Values | None, middle: float, bins: int, whole: bool) -> list[Bar]:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return [Bar(low, high, len(values) if counts is None else int(counts.sum()))]
    edges = _series(low, high) if low > 0 and high > _WIDE * middle else []
    if 0 < len(edges) - 1 <= bins:
        found, _ = np.histogram(values, np.asarray(edges), weights=counts)
    else:
        edges = _steps(low, high, bins, whole)
        # A count of equal bars instead of their edges: ten times as fast.
        found, _ = np.histogram(values, len(edges) - 1, (edges[0], edges[-1]), weights=counts)
    return [Bar(a, b, int(n)) for a, b, n in zip(edges[:-1], edges[1:], found.tolist(), strict=True)]


def _steps(low: float, high: float, bins: int, whole: bool) -> list[float]:
    """Edges at multiples of 1, 2 or 5 times a power of ten, around all values."""
    step = 10.0 ** np.floor(np.log10((high - low) / bins))
    for times in (1, 2, 5, 10, 20):
        width = max(times * step, 1.0) if whole else times * step
        first, last = np.floor(low / width), np.ceil(high / width)
        if last - first <= max(bins, 2):
            break
    # Multiples first, or 0.1 + 0.2 would be no edge that anybody reads.
    return [float(f"{one * width:.12g}") for one in np.arange(first, last + 1)]


def _series(low: float, high: float) -> list[float]:
    """Edges 1, 2, 5, 10, 20, ... around all values."""
    tens = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 2)
    edges = [float(f"{digit}e{ten}") for ten in tens for digit in (1, 2, 5)]
    first = max(place for place, edge in enumerate(edges) if edge <= low)
    last = min(place for place, edge in enumerate(edges) if edge >= high)
    return edges[first : last + 1]


_UNITS = tuple(timedelta(seconds=one) for one in (1, 60, 600, 3_600, 21_600, 86_400, 604_800))


def _times(column: Column, values: Values, counts: Values | None, bins: int) -> list[Bar]:
    """Between round times: seconds to weeks, then months and years."""
    first, last = (_moment(column, value) for value in (values.min(), values.max()))
    edges = _moments(first, last, bins)
    raw = [(edge - _EPOCH) // _MICROSECONDS - column.offset for edge in edges]
    found, _ = np.histogram(values * np.float64(column.scale), np.asarray(raw, np.float64), weights=counts)
    return [Bar(a, b, int(n)) for a, b, n in zip(edges[:-1], edges[1:], found.tolist(), strict=True)]


def _moment(column: Column, value: np.unsignedinteger) -> datetime:
    microseconds = int(value) * column.scale + column.offset
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:  # beyond what calendars have
        return _FIRST if microseconds < 0 else _LAST


def _moments(first: datetime, last: datetime, bins: int) -> list[datetime]:
    for unit in _UNITS:
        if (last - first) / unit < bins - 1:
            start = _FIRST + (first - _FIRST) // unit * unit
            count = (last - start) // unit + 1
            return [min(number * unit, _LAST - start) + start for number in range(count + 1)]
    for months in (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 12_000):
        begin = (12 * first.year + first.month - 1) // months * months
        end = (12 * last.year + last.month - 1) // months * months + months
        if (end - begin) // months <= max(bins, 1):
            break
    edges = [divmod(month, 12) for month in range(begin, end + 1, months)]
    return [datetime(min(max(year, 1), 9999), month + 1, 1) if year < 10_000 else _LAST for year, month in edges]
