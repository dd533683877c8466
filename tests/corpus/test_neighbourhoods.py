"""Components of hashes equal those of brute force, whatever the hashes look like."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from compoundeye.corpus import _neighbourhoods
from compoundeye.corpus._neighbourhoods import Forest, components

Hashes = npt.NDArray[np.uint64]


def brute(hashes: Hashes, distance: int) -> set[frozenset[int]]:
    near = np.bitwise_count(hashes[:, None] ^ hashes[None]) <= distance
    return sets(connected_components(near)[1])


def sets(labels: npt.NDArray[np.integer]) -> set[frozenset[int]]:
    found: dict[int, list[int]] = {}
    for place, label in enumerate(labels.tolist()):
        found.setdefault(label, []).append(place)
    return {frozenset(members) for members in found.values()}


def flipped(hashes: Hashes, times: int, rng: np.random.Generator) -> Hashes:
    for _ in range(times):
        hashes = hashes ^ (np.uint64(1) << rng.integers(0, 64, len(hashes)).astype(np.uint64))
    return hashes


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=0, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 63), st.integers(0, 63)), max_size=60),
    st.integers(0, 12),
)
def test_equal_to_brute_force(base: list[int], copies: list[tuple[int, int, int]], distance: int) -> None:
    near = [base[place % len(base)] ^ (1 << one) ^ (1 << two) for place, one, two in copies if base]
    hashes = np.array([*base, *near], np.uint64)
    assert sets(components(hashes, distance)) == brute(hashes, distance)


def random(rng: np.random.Generator) -> Hashes:
    return rng.integers(0, 2**64, 3_000, dtype=np.uint64)


def pairs(rng: np.random.Generator) -> Hashes:
    base = rng.integers(0, 2**64, 1_500, dtype=np.uint64)
    return np.concatenate([base, flipped(base, 5, rng)])


def still_camera(rng: np.random.Generator) -> Hashes:
    return flipped(np.repeat(rng.integers(0, 2**64, 3, dtype=np.uint64), 1_000), 5, rng)


def shared_upper_bits(rng: np.random.Generator) -> Hashes:
    return rng.integers(0, 2**26, 3_000, dtype=np.uint64)


def slow_pan(rng: np.random.Generator) -> Hashes:
    steps = np.uint64(1) << rng.integers(0, 64, 3_000).astype(np.uint64)
    return np.bitwise_xor.accumulate(steps)


@pytest.mark.parametrize("kind", [random, pairs, still_camera, shared_upper_bits, slow_pan])
@pytest.mark.parametrize("distance", [1, 4, 9])
@pytest.mark.parametrize("crowd", [None, 20], ids=["", "crowds of 20"])
def test_equal_to_brute_force_on_what_archives_hold(
    kind: object, distance: int, crowd: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if crowd:
        # Small limits and dear comparisons: every branch that ten million hashes take.
        monkeypatch.setattr(_neighbourhoods, "_CROWD", crowd)
        monkeypatch.setattr(_neighbourhoods, "_CHUNK", 64)
        monkeypatch.setattr(_neighbourhoods, "_SORT_NS", 0.1)
    hashes = kind(np.random.default_rng(distance))  # type: ignore[operator]
    assert sets(components(hashes, distance)) == brute(hashes, distance)


def test_labels_count_from_zero_in_the_order_of_the_smallest_hash() -> None:
    hashes = np.array([0xFF00, 0x0, 0xFF01, 0xFFFFFFFF], np.uint64)
    assert components(hashes, 1).tolist() == [1, 0, 1, 2]
    assert components(hashes[:0], 1).tolist() == []


def test_at_distance_zero_only_equal_hashes_hang_together() -> None:
    assert components(np.array([5, 4, 5], np.uint64), 0).tolist() == [1, 0, 1]


def test_a_forest_unites_many_pairs_at_once() -> None:
    forest = Forest(6)
    forest.unite(np.array([5, 5, 4, 1], np.int32), np.array([4, 3, 3, 0], np.int32))
    assert forest.roots(np.arange(6, dtype=np.int32)).tolist() == [0, 0, 2, 3, 3, 3]
