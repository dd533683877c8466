"""Products of bytes are never further from the truth than they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.models import ByteRows, UnprovenError, rounded, rounding
from compoundeye.models import _byte_rows as module


def rows_like(kind: str, count: int, dimension: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((count, dimension)).astype(np.float32)
    if kind == "one large number":
        rows[:, 0] *= 1_000
    if kind == "zeros":
        rows[::2] = 0
    if kind == "tiny":
        rows *= np.float32(1e-20)
    return rows


@pytest.mark.parametrize("kind", ["plain", "one large number", "zeros", "tiny"])
@pytest.mark.parametrize("probes", [1, 3, 33])
@pytest.mark.parametrize("dimension", [128, 512, 7])
def test_no_product_is_further_off_than_its_bound(kind: str, probes: int, dimension: int) -> None:
    rows = rows_like(kind, 1_000, dimension)
    asked = np.random.default_rng(1).standard_normal((probes, dimension)).astype(np.float32)
    byte_rows = ByteRows(rows)
    true = asked.astype(np.float64) @ rows.T.astype(np.float64)
    given = rounded(asked)
    assert (np.abs(byte_rows.products(given) - true) <= byte_rows.error(given)[:, None]).all()


@pytest.mark.parametrize("dimension", [128, 512, 7])
def test_probes_are_rounded_here_and_not_again_by_the_runtime(dimension: int) -> None:
    rows = rows_like("plain", 300, dimension)
    given = rounded(np.random.default_rng(1).standard_normal((3, dimension)).astype(np.float32))
    kept_rows = kept(rows)
    for some in (given, module.Rounded(given.vectors[:1], given.off[:1])):
        true = some.vectors.astype(np.float64) @ kept_rows.T
        length = np.linalg.norm(some.vectors, axis=1)[:, None] * np.linalg.norm(kept_rows, axis=1)
        assert (np.abs(ByteRows(rows).products(some) - true) <= 2 * rounding(dimension) * length).all()


def test_a_probe_along_what_bytes_lost_comes_near_the_bound() -> None:
    rows = rows_like("plain", 50, 128)
    lost = rows.astype(np.float64) - kept(rows)
    worst = int(np.argmax(np.linalg.norm(lost, axis=1)))
    probe = rounded((lost[worst] / np.linalg.norm(lost[worst])).astype(np.float32)[None])
    along = module.Rounded(probe.vectors, np.zeros(1))  # asked for as it is: nothing of it was rounded
    byte_rows = ByteRows(rows)
    off = abs(float(byte_rows.products(along)[0, worst]) - float(along.vectors[0].astype(np.float64) @ rows[worst]))
    bound = float(byte_rows.error(along)[0])
    assert 0.99 * bound < off <= bound


def kept(rows: np.ndarray) -> np.ndarray:
    scale = np.abs(rows).max(axis=1, keepdims=True) / 127
    rows_kept: np.ndarray = np.rint(rows / scale).astype(np.float64) * scale
    return rows_kept


def test_products_given_before_stay_as_they_are() -> None:
    byte_rows = ByteRows(rows_like("plain", 20, 128))
    first = byte_rows.products(rounded(np.ones((1, 128), np.float32)))
    again = first.copy()
    byte_rows.products(rounded(np.zeros((1, 128), np.float32)))
    assert (first == again).all()


def test_coarser_arithmetic_than_asked_for_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    true_compiled = module._compiled

    def coarser(levels: np.ndarray, scale: np.ndarray, threads: int) -> object:
        return true_compiled(levels // 16 * 16, scale, threads)

    monkeypatch.setattr(module, "_compiled", coarser)
    with pytest.raises(UnprovenError):
        ByteRows(rows_like("plain", 1_000, 128))


@given(st.integers(0, 2**32 - 1), st.integers(2, 600))
@settings(max_examples=30, deadline=None)
def test_float32_sums_are_within_the_rounding_that_is_said(seed: int, dimension: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, dimension)).astype(np.float32)
    true = float(a.astype(np.float64) @ b.astype(np.float64))
    one_by_one = np.float32(0)
    for x, y in zip(a, b, strict=True):
        one_by_one += x * y
    length = float(np.linalg.norm(a.astype(np.float64)) * np.linalg.norm(b.astype(np.float64)))
    assert abs(float(one_by_one) - true) <= rounding(dimension) * length
