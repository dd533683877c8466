"""The order of a corpus: its rows once an epoch, of one version, told apart from every other order by its key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from compoundeye.corpus import Corpus, CorpusError, Samples, balanced, compact, mixture, pin, training_order, unpin

Write = Callable[..., Corpus]


@pytest.fixture(scope="module")
def corpus(write_rows: Write, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    path = tmp_path_factory.mktemp("order") / "corpus"
    write_rows(path, 60, width=list(range(60)))
    return write_rows(path, 40, first=60, width=list(range(60, 100)))


def test_an_epoch_holds_every_picture_once_and_the_next_in_another_sequence(corpus: Corpus) -> None:
    order = training_order(corpus, seed=3, lanes=4, block_rows=5, window_blocks=2)
    assert (order.rows, order.lanes, order.sources) == (100, 4, 1)
    samples = order.at(np.arange(200))
    assert isinstance(samples, Samples)
    assert (samples.source.dtype, samples.row.dtype) == (np.int16, np.int64)
    assert not samples.source.any()
    first, second = samples.row[:100], samples.row[100:]
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(100))
    assert first.tolist() != second.tolist()
    assert np.array_equal(order.at(np.arange(150, 180)).row, samples.row[150:180])


@pytest.mark.parametrize(("lanes", "blocks"), [(1, 4096), (8, 512), (1000, 64)])
def test_windows_are_smaller_where_there_are_more_lanes(corpus: Corpus, lanes: int, blocks: int) -> None:
    by_default = training_order(corpus, lanes=lanes)
    assert by_default.key == training_order(corpus, lanes=lanes, window_blocks=blocks).key
    assert sorted(by_default.at(np.arange(100)).row.tolist()) == list(range(100))


def test_a_condition_leaves_what_fits(corpus: Corpus) -> None:
    order = training_order(corpus.path, where="width % 7 = 0 AND width > 20")
    assert sorted(order.at(np.arange(order.rows)).row.tolist()) == list(range(21, 100, 7))


def test_corpus_order_without_shuffling(corpus: Corpus) -> None:
    assert training_order(corpus, shuffle=False).at(np.arange(98, 102)).row.tolist() == [98, 99, 0, 1]
    some = training_order(corpus, where="width >= 97", shuffle=False)
    assert some.at(np.arange(5)).row.tolist() == [97, 98, 99, 97, 98]


def test_keys_tell_orders_apart_wherever_the_corpus_lies(corpus: Corpus, write_rows: Write, tmp_path: Path) -> None:
    other = write_rows(tmp_path / "other", 100)
    keys = [
        training_order(corpus).key,
        training_order(corpus, seed=1).key,
        training_order(corpus, lanes=2).key,
        training_order(corpus, block_rows=32).key,
        training_order(corpus, window_blocks=32).key,
        training_order(corpus, where="width >= 0").key,
        training_order(corpus, shuffle=False).key,
        training_order(other).key,
        balanced(corpus, "folder").key,
        mixture([(training_order(corpus), 1)], 0).key,
    ]
    assert len(set(keys)) == len(keys)
    assert training_order(corpus).key == keys[0]
    moved = tmp_path / "moved"
    Path(other.path).rename(moved)
    assert training_order(moved).key == keys[7]


def test_without_shuffling_the_key_hangs_on_no_seed(corpus: Corpus) -> None:
    assert training_order(corpus, shuffle=False, seed=1).key == training_order(corpus, shuffle=False, seed=2).key


def test_pictures_that_come_later_change_nothing_and_a_pin_survives_compaction(
    write_rows: Write, tmp_path: Path
) -> None:
    store = write_rows(tmp_path / "corpus", 20)
    order = training_order(store, seed=1)
    version = pin(store, "run-7")
    assert version == store.version
    assert pin(store, "run-7") == version
    rows, before = order.at(np.arange(20)).row.tolist(), order.key
    held = store.dataset.take(rows, columns=["id"])["id"].to_pylist()
    write_rows(tmp_path / "corpus", 5, first=20)
    compact(tmp_path / "corpus")
    assert training_order(tmp_path / "corpus", seed=1).key != before
    pinned = Corpus.open(tmp_path / "corpus", version=version)
    again = training_order(pinned, seed=1)
    assert again.key == before
    assert pinned.dataset.take(again.at(np.arange(20)).row.tolist(), columns=["id"])["id"].to_pylist() == held
    with pytest.raises(CorpusError, match="is pinned as run-7; choose another name"):
        pin(tmp_path / "corpus", "run-7")
    unpin(tmp_path / "corpus", "run-7")
    compact(tmp_path / "corpus")
    with pytest.raises(CorpusError, match=f"no version {version}"):
        Corpus.open(tmp_path / "corpus", version=version)


def test_names_that_cannot_be_pins_are_refused(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match="cannot be the name of a pin"):
        pin(corpus, "a name/with things")
    with pytest.raises(CorpusError, match=r"nothing of .* is pinned as never"):
        unpin(corpus, "never")


def test_an_order_of_nothing_is_empty(corpus: Corpus) -> None:
    for shuffle in (True, False):
        order = training_order(corpus, where="width < 0", shuffle=shuffle)
        assert order.rows == 0
        assert order.at(np.empty(0, np.int64)).row.tolist() == []
        with pytest.raises(ValueError, match="no rows"):
            order.at(np.array([0]))


@pytest.mark.parametrize("shuffle", [True, False])
def test_negative_positions_are_refused(corpus: Corpus, shuffle: bool) -> None:
    with pytest.raises(ValueError, match="negative"):
        training_order(corpus, shuffle=shuffle).at(np.array([3, -1]))


def test_a_condition_that_cannot_be_read_is_refused(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match="no column nonsense"):
        training_order(corpus, where="nonsense > 1")


def test_layouts_that_cannot_be_are_refused(corpus: Corpus) -> None:
    for wrong in ({"lanes": 0}, {"block_rows": 0}, {"window_blocks": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            training_order(corpus, **wrong)
