"""The order of N rows: each row once an epoch, the same however it is asked for, near in time what is near on disk."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from compoundeye.corpus import Shuffle

shuffles = st.builds(
    Shuffle,
    rows=st.integers(1, 600),
    seed=st.integers(-(2**63), 2**64),
    lanes=st.integers(1, 70),
    block_rows=st.integers(1, 300),
    window_blocks=st.integers(1, 9),
)
"""Also with fewer rows than lanes, with one block or none that is full, and with blocks of one row."""


def epoch_of(shuffle: Shuffle, epoch: int) -> np.ndarray:
    return shuffle.at(np.arange(shuffle.rows) + epoch * shuffle.rows)


@settings(deadline=None)
@given(shuffles, st.integers(0, 10**6))
def test_an_epoch_holds_each_row_once(shuffle: Shuffle, epoch: int) -> None:
    assert np.array_equal(np.sort(epoch_of(shuffle, epoch)), np.arange(shuffle.rows))


@settings(deadline=None, max_examples=15)
@given(shuffles, st.integers(0, 9))
def test_all_at_once_is_the_same_as_one_by_one(shuffle: Shuffle, epoch: int) -> None:
    positions = np.arange(shuffle.rows) + epoch * shuffle.rows
    alone = [int(shuffle.at(positions[place : place + 1])[0]) for place in range(shuffle.rows)]
    assert shuffle.at(positions).tolist() == alone


@settings(deadline=None, max_examples=25)
@given(shuffles, st.integers(1, 400), st.integers(1, 9), st.data())
def test_any_batch_world_and_start_see_the_same_order(
    shuffle: Shuffle, batch: int, world: int, data: st.DataObject
) -> None:
    """A run that starts anywhere, on any number of ranks, gets the tail of the whole."""
    end = 2 * shuffle.rows + 7
    start = data.draw(st.integers(0, end - 1))
    whole = shuffle.at(np.arange(end))
    found = np.full(end - start, -1, np.int64)
    for first in range(start, end, max(batch, end // 20)):
        step = np.arange(first, min(first + max(batch, end // 20), end))
        for rank in range(world):
            mine = step[step % world == rank]
            found[mine - start] = shuffle.at(mine)
    assert np.array_equal(found, whole[start:])


@settings(deadline=None, max_examples=15)
@given(shuffles, st.lists(st.integers(0, 10**5), max_size=60))
def test_positions_may_come_in_any_sequence_and_again(shuffle: Shuffle, positions: list[int]) -> None:
    whole = {position: int(shuffle.at(np.array([position]))[0]) for position in positions}
    assert shuffle.at(np.array(positions, np.int64)).tolist() == [whole[position] for position in positions]


@settings(deadline=None)
@given(st.integers(200, 2_000), st.integers(1, 70), st.integers(1, 300), st.integers(1, 9), st.integers(0, 2**40))
def test_seeds_and_epochs_differ(rows: int, lanes: int, block_rows: int, window_blocks: int, seed: int) -> None:
    first = Shuffle(rows, seed, lanes, block_rows, window_blocks)
    second = Shuffle(rows, seed + 1, lanes, block_rows, window_blocks)
    pairs = [(epoch_of(first, 0), epoch_of(second, 0)), (epoch_of(first, 0), epoch_of(first, 1))]
    for one, other in pairs:
        assert not np.array_equal(one, other)


@pytest.mark.parametrize("lanes", [1, 3, 50])
def test_two_shuffles_have_nothing_in_common(lanes: int) -> None:
    """Of 40 pairs of epochs of 5,000 rows each agrees in one place on average; deviation of the sum 6.3."""
    shuffle = Shuffle(5_000, 7, lanes, block_rows=16, window_blocks=16)
    epochs = shuffle.at(np.arange(41 * 5_000)).reshape(41, 5_000)
    assert (epochs[1:] == epochs[:-1]).sum() < 40 + 6 * 6.3
    other = Shuffle(5_000, 8, lanes, block_rows=16, window_blocks=16).at(np.arange(41 * 5_000)).reshape(41, 5_000)
    assert (epochs == other).sum() < 41 + 6 * 6.4


def test_batches_over_many_windows_are_the_same_as_small_ones() -> None:
    shuffle = Shuffle(100_000, 5, lanes=3, block_rows=16, window_blocks=32)
    positions = np.arange(50_000, 250_000)
    small = [shuffle.at(positions[first : first + 100]) for first in range(0, len(positions), 100)]
    assert np.array_equal(shuffle.at(positions), np.concatenate(small))


@pytest.mark.parametrize("lanes", [1, 64, 4096])
def test_ten_thousand_million_rows(lanes: int) -> None:
    shuffle = Shuffle(10**10, 1, lanes)
    for start in (0, 7 * 10**9 + 1, 10**10 - 5_000, 10**14):
        found = shuffle.at(np.arange(start, start + 10_000))
        assert 0 <= found.min() <= found.max() < 10**10
        # An epoch's end and the next one's beginning may share a row.
        assert len(np.unique(found)) >= 9_990
        assert found[1234] == shuffle.at(np.array([start + 1234]))[0]


def test_a_windows_rows_lie_in_few_blocks() -> None:
    """1,000 times 64 consecutive positions of a lane: rows of one window, that is of 16 blocks and two cut ones."""
    shuffle = Shuffle(1_000_000, 3, lanes=4, block_rows=64, window_blocks=16)
    for lane in range(4):
        window = shuffle.at(lane + 4 * np.arange(shuffle.window_rows))
        # The shift cuts each block of the stream into two of the corpus.
        runs = np.count_nonzero(np.diff(np.sort(window)) > 1) + 1
        assert runs <= 16 + 2 + 1


def test_a_rank_whose_number_divides_the_lanes_reads_its_own_part() -> None:
    shuffle = Shuffle(100_000, 3, lanes=4, block_rows=50, window_blocks=10)
    for epoch in range(2):
        start = epoch * shuffle.rows
        blocks = [set(((shuffle.at(np.arange(start, start + 100_000)[rank::2])) // 50).tolist()) for rank in range(2)]
        # The shift cuts the corpus's blocks in two, whose halves may be of two ranks.
        assert all(len(one) < 2000 * 0.8 for one in blocks)


def chi_square(counts: np.ndarray) -> float:
    expected = counts.sum() / len(counts)
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize(("lanes", "row"), [(1, 3), (1, 997), (7, 500)])
def test_a_row_lands_everywhere_equally_often(lanes: int, row: int) -> None:
    """Chi-square, p = 10^-6, over 1,000 epochs: where one row comes, in 20 parts of the epoch."""
    shuffle = Shuffle(1_000, 9, lanes, block_rows=32, window_blocks=4)
    found = shuffle.at(np.arange(1_000 * 1_000)).reshape(1_000, 1_000)
    places = np.nonzero(found == row)[1]
    assert len(places) == 1_000
    assert chi_square(np.bincount(places // 50, minlength=20)) < chi2.isf(1e-6, 19)


def test_every_position_holds_every_row_equally_often() -> None:
    shuffle = Shuffle(50, 2, lanes=3, block_rows=8, window_blocks=2)
    found = shuffle.at(np.arange(1_500 * 50)).reshape(1_500, 50)
    for position in (0, 7, 49):
        assert chi_square(np.bincount(found[:, position], minlength=50)) < chi2.isf(1e-6, 49)


def test_classes_stored_one_after_another_mix_as_documented() -> None:
    """Two neighbours are of one class by chance (1/100), or because they come from one block (1/64)."""
    shuffle = Shuffle(200_000, 4, block_rows=32, window_blocks=64)
    classes = shuffle.at(np.arange(200_000)) // 2_000
    same = float((classes[1:] == classes[:-1]).mean())
    assert abs(same - (1 / 100 + 1 / 64)) < 0.003


def test_one_window_is_a_uniform_shuffle() -> None:
    """Rows fewer than a window: neighbours of a class-sorted corpus are of one class as often as by chance."""
    shuffle = Shuffle(50_000, 4)
    assert shuffle.windows == 1
    classes = shuffle.at(np.arange(50_000)) // 500
    same = float((classes[1:] == classes[:-1]).mean())
    assert abs(same - 499 / 49_999) < 5 * np.sqrt(0.01 / 50_000)


def test_an_order_travels_and_compares() -> None:
    shuffle = Shuffle(1000, 3)
    assert pickle.loads(pickle.dumps(shuffle)) == shuffle
    assert shuffle != Shuffle(1000, 4)


def test_no_positions_give_no_rows() -> None:
    assert Shuffle(0, 1).at(np.empty(0, np.int64)).tolist() == []
    assert Shuffle(5, 1).at(np.empty(0, np.int64)).tolist() == []


@pytest.mark.parametrize("positions", [[-1], [0, -1], [5, 5000, -3]])
def test_negative_positions_are_refused(positions: list[int]) -> None:
    with pytest.raises(ValueError, match="negative"):
        Shuffle(100, 1, 2).at(np.array(positions))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        Shuffle(0, 1).at(np.array([0]))
    with pytest.raises(ValueError, match="at least 1"):
        Shuffle(10, 1, lanes=0)
    with pytest.raises(ValueError, match="too many"):
        Shuffle(10**12, 1, block_rows=1)


def test_threads_that_ask_at_once_get_the_same() -> None:
    """The constants of windows are kept for all threads, and fewer are kept than these ask for."""
    shuffle = Shuffle(100_000, 5, block_rows=4, window_blocks=8)
    whole = shuffle.at(np.arange(100_000))
    starts = np.random.default_rng(0).integers(0, 99_968, 1_000).tolist()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: shuffle.at(np.arange(start, start + 32)), starts))
    assert all(np.array_equal(one, whole[start : start + 32]) for start, one in zip(starts, found, strict=True))


@pytest.mark.parametrize(("lanes", "window_blocks"), [(1, 16), (8, 16), (16, 4)])
def test_samples_of_a_batch_share_a_block_as_rarely_as_promised(lanes: int, window_blocks: int) -> None:
    """Pairs of 64 consecutive positions; rows counted in blocks of the corpus, which the shift only cuts smaller."""
    rows = np.concatenate([_sorted_blocks(Shuffle(2**16, seed, lanes, 16, window_blocks)) for seed in range(4)])
    together = sum((rows[:, later:] == rows[:, :-later]).sum() for later in range(1, 64))
    pairs = len(rows) * 64 * 63 / 2
    assert together / pairs < 1.02 / (lanes * window_blocks)


def _sorted_blocks(shuffle: Shuffle) -> np.ndarray:
    """The block that each row comes from, batches of 64 positions."""
    return np.sort(shuffle.at(np.arange(shuffle.rows)).reshape(-1, 64) // shuffle.block_rows, axis=1)
