"""Columns in few bytes hold the same values, and what is kept stays within its bounds."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.console._bounded import Bounded
from compoundeye.console._column import narrow, numbers
from compoundeye.console._texts import Coder, ranks
from compoundeye.console._views import ordered

INTEGERS = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(0, 300), max_size=20)
UNSIGNED = st.lists(st.none() | st.integers(0, 2**64 - 1), max_size=20)
FLOATS = st.lists(st.none() | st.floats(width=32), max_size=20)
TIMES = st.lists(st.none() | st.integers(-(10**9), 10**9).map(lambda one: one * 1_000_000) | st.integers(0, 10**9))


def column(values: list[float | None], type_: pa.DataType, kind: str = "number") -> object:
    wide, valid = numbers(pa.chunked_array([pa.array(values, type_)]), kind)
    return narrow(kind, wide, valid)


@pytest.mark.parametrize(
    ("type_", "kind", "strategy"),
    [(pa.int64(), "number", INTEGERS), (pa.uint64(), "number", UNSIGNED), (pa.timestamp("us"), "time", TIMES)],
)
def test_narrow_columns_hold_what_was_stored(type_: pa.DataType, kind: str, strategy: st.SearchStrategy) -> None:
    @given(strategy)
    def check(values: list[int | None]) -> None:
        found = column(values, type_, kind)
        there = found.present
        assert there.tolist() == [value is not None for value in values]
        assert found.wide(slice(None))[there].tolist() == [value for value in values if value is not None]

    check()


@pytest.mark.parametrize(
    ("type_", "strategy"), [(pa.int64(), INTEGERS), (pa.uint64(), UNSIGNED), (pa.float32(), FLOATS)]
)
def test_order_and_bounds_are_those_of_the_values(type_: pa.DataType, strategy: st.SearchStrategy) -> None:
    @given(strategy, st.booleans(), st.integers(-5, 400), st.integers(-5, 400))
    def check(values: list[float | None], descending: bool, low: int, high: int) -> None:
        found = column(values, type_)
        known = [row for row, value in enumerate(values) if value is not None and value == value]
        expected = sorted(known, key=lambda row: values[row], reverse=descending)
        rows = ordered(found, np.arange(len(values), dtype=np.uint32), descending)
        # Of zeros the negative one may stand first: they are equal to compare, not as bits.
        assert [values[row] for row in rows[: len(known)]] == [values[row] for row in expected]
        assert sorted(rows[len(known) :].tolist()) == [row for row in range(len(values)) if row not in known]
        fits = [row in known and low <= values[row] <= high for row in range(len(values))]
        assert found.between(low, high).tolist() == fits
        assert found.between(None, None).tolist() == [row in known for row in range(len(values))]

    check()


@given(st.lists(st.none() | st.text(max_size=4), max_size=30), st.integers(1, 7))
def test_ranks_order_texts_as_their_bytes_do(texts: list[str | None], size: int) -> None:
    parts = [pa.array(texts[first : first + size], pa.string()) for first in range(0, len(texts), size)]
    found, valid = ranks(parts)
    there = [row for row, text in enumerate(texts) if text is not None]
    assert (np.ones(len(texts), bool) if valid is None else valid).nonzero()[0].tolist() == there
    for one in there:
        for other in there:
            assert (found[one] < found[other]) == (texts[one].encode() < texts[other].encode())


@given(st.lists(st.none() | st.sampled_from(["b", "B", "a", "É", "é", "", "zz"]), max_size=30))
def test_codes_order_names_whatever_the_case(texts: list[str | None]) -> None:
    coder = Coder()
    codes, few = coder.add(pa.array(texts, pa.string()))
    values, valid, names = coder.ordered(codes)
    assert few
    assert names == tuple(sorted(names, key=lambda name: (name.casefold(), name)))
    there = np.ones(len(texts), bool) if valid is None else valid
    assert [names[code] if known else None for code, known in zip(values, there, strict=True)] == texts


def test_what_is_kept_stays_within_its_bound_and_the_used_stays_longest() -> None:
    kept: Bounded[bytes] = Bounded(10, len)
    for key in "abc":
        kept.get(key, lambda: b"1234")
        kept.get("a", lambda: b"1234")
    assert [kept.peek(key) for key in "abc"] == [b"1234", None, b"1234"]
    kept.put("d", b"much more than all")
    assert (kept.peek("d"), kept.held) == (b"much more than all", 18)
    kept.put("d", b"1")
    assert kept.held == 1


def test_of_many_who_ask_one_makes_it_and_an_error_is_everybodys_own() -> None:
    kept: Bounded[int] = Bounded(10, lambda _: 1)
    made, go, got = list[int](), threading.Event(), list[int]()

    def make() -> int:
        go.wait()
        made.append(1)
        return 7

    threads = [threading.Thread(target=lambda: got.append(kept.get("x", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert (made, got) == ([1], [7] * 8)
    with pytest.raises(ZeroDivisionError):
        kept.get("y", lambda: 1 // 0)
    assert kept.get("y", lambda: 3) == 3
