"""Mixtures: exact shares in every round, each order's own epochs, the same for any number of processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compoundeye.corpus import Corpus, CorpusError, Order, Samples, mixture, training_order

Write = Callable[..., Corpus]


@dataclass(frozen=True)
class Counting:
    """An order whose row is the position, so that a mixture shows what it asks for."""

    rows: int
    lanes: int = 1
    sources: int = 1
    key: str = "counting"

    def at(self, positions: np.ndarray) -> Samples:
        return Samples((positions % self.sources).astype(np.int16), positions)


weights = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@settings(deadline=None)
@given(weights, st.integers(1, 6), st.integers(0, 2**40))
def test_every_round_of_every_lane_holds_the_exact_shares(shares: list[int], lanes: int, seed: int) -> None:
    mixed = mixture([(Counting(50, lanes), share) for share in shares], seed)
    assert mixed.lanes == lanes
    divisor = int(np.gcd.reduce(shares))
    length = sum(shares) // divisor
    found = mixed.at(np.arange(length * lanes * 5))
    rounds = found.source.reshape(5, length, lanes).swapaxes(1, 2).reshape(-1, length)
    for one in rounds:
        assert np.bincount(one, minlength=len(shares)).tolist() == [share // divisor for share in shares]


@settings(deadline=None)
@given(weights, st.integers(1, 6), st.integers(0, 2**40))
def test_each_order_is_asked_for_each_position_once(shares: list[int], lanes: int, seed: int) -> None:
    mixed = mixture([(Counting(50, lanes), share) for share in shares], seed)
    divisor = int(np.gcd.reduce(shares))
    turns = 7
    found = mixed.at(np.arange(sum(shares) // divisor * lanes * turns))
    for source, share in enumerate(shares):
        theirs = found.row[found.source == source]
        assert np.array_equal(np.sort(theirs), np.arange(share // divisor * lanes * turns))


@settings(deadline=None, max_examples=15)
@given(weights, st.integers(1, 6), st.integers(1, 50), st.integers(1, 8), st.integers(0, 500))
def test_any_batch_world_and_start_see_the_same(
    shares: list[int], lanes: int, batch: int, world: int, start: int
) -> None:
    mixed = mixture([(Counting(50, lanes), share) for share in shares], 3)
    whole = mixed.at(np.arange(700))
    for first in range(start, 700, batch):
        step = np.arange(first, min(first + batch, 700))
        for rank in range(world):
            mine = step[step % world == rank]
            found = mixed.at(mine)
            assert np.array_equal(found.row, whole.row[mine])
            assert np.array_equal(found.source, whole.source[mine])


def test_a_rank_meets_its_own_lanes_of_every_order() -> None:
    mixed = mixture([(Counting(80, 4), 1), (Counting(120, 8), 2)], 1)
    assert mixed.lanes == 4
    for rank in range(4):
        assert set((mixed.at(np.arange(rank, 400, 4)).row % 4).tolist()) == {rank}


def test_lanes_that_have_nothing_in_common_are_one() -> None:
    assert mixture([(Counting(80, 4), 1), (Counting(120, 3), 1)]).lanes == 1


@pytest.mark.parametrize(
    ("shares", "length", "counts"),
    [
        ([0.7, 0.3], 10, [7, 3]),
        ([0.1, 0.2], 3, [1, 2]),
        ([1, 1, 1], 3, [1, 1, 1]),
        ([0.123, 0.877], 1000, [123, 877]),
        ([3.14159, 2.71828], 10_000, [5361, 4639]),  # of 585,987: rounded
        ([1e-3, 2], 2001, [1, 2000]),
    ],
)
def test_decimal_weights_are_kept_as_written(shares: list[float], length: int, counts: list[int]) -> None:
    mixed = mixture([(Counting(5), share) for share in shares])
    for first in (0, 3 * length):
        found = mixed.at(np.arange(first, first + length)).source
        assert np.bincount(found).tolist() == counts


def test_sources_count_on_through_nested_mixtures() -> None:
    inner = mixture([(Counting(10), 1), (Counting(10, sources=2), 1)])
    assert inner.sources == 3
    outer = mixture([(Counting(10), 1), (inner, 1)])
    assert outer.sources == 4
    assert set(outer.at(np.arange(100)).source.tolist()) == {0, 1, 2, 3}


def test_a_mixture_of_corpora_takes_every_picture_once_before_any_again(write_rows: Write, tmp_path: Path) -> None:
    orders = [training_order(write_rows(f"{tmp_path}/{count}", count), seed=4) for count in (6, 9)]
    mixed = mixture([(orders[0], 2), (orders[1], 1)], 5)
    assert mixed.rows == 15
    found = mixed.at(np.arange(27))
    small, large = (found.row[found.source == source] for source in (0, 1))
    # Two of the small corpus a round: its epoch of six ends with a round. The large one's nine come one by one.
    assert [sorted(small[first : first + 6].tolist()) for first in (0, 6, 12)] == [list(range(6))] * 3
    assert sorted(large.tolist()) == list(range(9))


def test_keys_hang_on_seed_weights_and_orders() -> None:
    one, two = Counting(5, key="one"), Counting(5, key="two")
    asked: list[tuple[list[tuple[Order, float]], int]] = [
        ([(one, 1), (two, 1)], 0),
        ([(one, 1), (two, 1)], 1),
        ([(one, 2), (two, 1)], 0),
        ([(two, 1), (one, 1)], 0),
        ([(one, 1)], 0),
    ]
    assert len({mixture(orders, seed).key for orders, seed in asked}) == len(asked)
    assert mixture([(one, 2), (two, 2)]).key == mixture([(one, 0.5), (two, 0.5)]).key


def test_seeds_give_other_sequences() -> None:
    first, second = (mixture([(Counting(50), 1), (Counting(50), 1)], seed).at(np.arange(200)) for seed in (1, 2))
    assert first.source.tolist() != second.source.tolist()


@pytest.mark.parametrize(
    ("orders", "message"),
    [
        ([], "needs orders"),
        ([(Counting(0), 1.0)], "hold pictures"),
        ([(Counting(5), 0.0)], "weights above 0"),
        ([(Counting(5), float("nan"))], "weights above 0"),
        ([(Counting(5), float("inf"))], "weights above 0"),
        ([(Counting(5), 1e-7), (Counting(5), 1.0)], "less than one picture in 10,000"),
    ],
)
def test_mixtures_that_cannot_be_are_refused(orders: list[tuple[Order, float]], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        mixture(orders)


def test_negative_positions_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        mixture([(Counting(5), 1)]).at(np.array([4, -1]))
