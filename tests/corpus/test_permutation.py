"""Keyed bijections: each number once, the same one by one, and no key or neighbour gives another away."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from compoundeye.corpus._permutation import MOST, Permutation, below, key_of, mixed, permuted


@given(st.integers(1, 20_000), st.integers(0, 2**64 - 1))
def test_each_number_once(size: int, key: int) -> None:
    found = permuted(np.arange(size, dtype=np.uint64), size, key_of(key))
    assert np.array_equal(np.sort(found), np.arange(size))


@given(st.integers(2, MOST), st.integers(0, 2**64 - 1), st.data())
def test_large_domains_are_kept_and_nothing_meets(size: int, key: int, data: st.DataObject) -> None:
    some = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=2, unique=True)), np.uint64)
    found = permuted(some, size, key_of(key))
    assert found.max() < size
    assert len(np.unique(found)) == len(some)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 2**20), st.integers(0, 2**64 - 1), st.floats(0, 0.999)), min_size=1))
def test_sizes_and_keys_of_each_element_give_the_same_as_one_by_one(elements: list[tuple[int, int, float]]) -> None:
    """Small and large domains, which take different numbers of rounds, side by side."""
    sizes = np.array([size for size, _, _ in elements], np.uint64)
    keys = np.array([key for _, key, _ in elements], np.uint64)
    places = np.array([int(size * share) for size, _, share in elements], np.uint64)
    together = permuted(places, sizes, keys)
    alone = [int(Permutation(int(sizes[i]), keys[i : i + 1])(places[i : i + 1])[0]) for i in range(len(elements))]
    assert together.tolist() == alone


def test_one_size_with_many_keys_is_the_same_as_many_sizes() -> None:
    keys, places = key_of(np.arange(500, dtype=np.uint64)), np.arange(500, dtype=np.uint64)
    sizes = np.full(500, 700, np.uint64)
    assert permuted(places, 700, keys).tolist() == permuted(places, sizes, keys).tolist()


def test_what_is_given_stays_as_it_is() -> None:
    elements = np.arange(50, dtype=np.uint64)
    permuted(elements, 50, key_of(1))
    assert elements.tolist() == list(range(50))


@pytest.mark.parametrize("size", [5, 64, 1000, 1 << 16])
def test_images_of_neighbours_are_as_far_apart_as_by_chance(size: int) -> None:
    """Chi-square, p = 10^-6, of the distance between images of neighbours over 40,000 keys."""
    keys = key_of(np.arange(40_000, dtype=np.uint64))
    first, second = (permuted(np.full(40_000, place, np.uint64), size, keys).astype(int) for place in (0, 1))
    apart = (second - first) % size - 1
    cells = min(size - 1, 50)
    counts = np.bincount(apart * cells // (size - 1), minlength=cells)
    widths = np.diff(np.ceil(np.arange(cells + 1) * (size - 1) / cells))
    expected = 40_000 * widths / (size - 1)
    assert ((counts - expected) ** 2 / expected).sum() < chi2.isf(1e-6, cells - 1)


@pytest.mark.parametrize("size", [3, 100, 5000, 1 << 14])
def test_an_element_goes_everywhere_equally_often(size: int) -> None:
    keys = key_of(np.arange(40_000, dtype=np.uint64), 7)
    images = permuted(np.full(40_000, size // 2, np.uint64), size, keys).astype(int)
    cells = min(size, 50)
    counts = np.bincount(images * cells // size, minlength=cells)
    expected = 40_000 * np.diff(np.ceil(np.arange(cells + 1) * size / cells)) / size
    assert ((counts - expected) ** 2 / expected).sum() < chi2.isf(1e-6, cells - 1)


def test_keys_hang_on_every_part_and_their_sequence() -> None:
    keys = [int(key_of(*parts)[0]) for parts in ((1,), (1, 0), (0, 1), (1, 1), (2**63 + 1,), (-1,), (1, 2, 3))]
    assert len(set(keys)) == len(keys)
    assert key_of(3, np.array([1, 2], np.uint64)).tolist() == [int(key_of(3, i)[0]) for i in (1, 2)]


def test_a_bit_of_a_word_flips_half_of_the_bits_of_its_mixture() -> None:
    words = np.random.default_rng(0).integers(0, 2**64, 2000, np.uint64)
    for bit in range(64):
        flipped = np.bitwise_count(mixed(words) ^ mixed(words ^ np.uint64(1 << bit))).mean()
        assert 31 < flipped < 33


@given(st.integers(1, 10**10), st.integers(0, 2**64 - 1))
def test_a_number_below(n: int, seed: int) -> None:
    assert 0 <= below(n, seed, 5) < n
    assert below(n, seed, 5) == below(n, seed, 5)
