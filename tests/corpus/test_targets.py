"""What pictures are examples of: labels, categories, folders, entries of metadata, captions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from compoundeye.corpus import Corpus, CorpusError, correct, targets
from compoundeye.corpus._targets import folder_of

Write = Callable[..., Corpus]


@pytest.fixture(scope="module")
def corpus(write_rows: Write, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    path = tmp_path_factory.mktemp("targets") / "corpus"
    return write_rows(
        path,
        6,
        source=["/d/cats/1.jpg", "/d/dogs/2.jpg", "s.tar!birds/3.jpg", "cats.tar.gz!4.jpg", "/d/dogs/5.jpg", "6.jpg"],
        metadata=['{"cls": 3}', '{"cls": 10, "deep": {"er": "x"}}', '{"cls": true}', "broken", "[1]", None],
        caption=["a cat", None, "ein Vögel", "", "dog", "no"],
        category=pa.array(["cat", "dog", None, "cat", "dog", "bird"]),
        extra=pa.array(range(6)),
    )


def named(corpus: Corpus, target: str) -> list[str | None]:
    found = targets(corpus, target)
    numbers = found.read(np.arange(corpus.rows))
    assert isinstance(numbers, np.ndarray)
    assert numbers.dtype == np.int64
    assert list(found.names) == sorted(found.names)
    return [found.names[number] if number >= 0 else None for number in numbers]


def test_folders(corpus: Corpus) -> None:
    assert named(corpus, "folder") == ["cats", "dogs", "birds", "cats", "dogs", None]


def test_entries_of_metadata(corpus: Corpus) -> None:
    assert named(corpus, "metadata.cls") == ["3", "10", "true", None, None, None]
    assert named(corpus, "metadata.deep.er") == [None, "x", None, None, None, None]
    assert named(corpus, "metadata.deep") == [None] * 6


def test_a_label_counts_before_the_category(write_rows: Write, tmp_path: Path) -> None:
    store = write_rows(tmp_path / "corpus", 4, category=["cat", "dog", "cat", "cat"])
    assert named(store, "category") == ["cat", "dog", "cat", "cat"]
    ids = store.dataset.to_table(columns=["id"])["id"].to_pylist()
    correct(store, [ids[1]], "fox", by="tester")
    correct(store, [ids[2]], "dog", by="tester")
    store.refresh()
    assert named(store, "category") == ["cat", "fox", "dog", "cat"]
    assert named(store, "label") == [None, "fox", "dog", None]


def test_captions(corpus: Corpus) -> None:
    found = targets(corpus, "caption")
    assert found.names == ()
    assert found.read(np.array([2, 0, 1])) == ["ein Vögel", "a cat", ""]
    assert found.read(np.empty(0, np.int64)) == []


def test_nothing(corpus: Corpus) -> None:
    found = targets(corpus, "none")
    assert found.names == ()
    assert np.asarray(found.read(np.arange(3))).tolist() == [-1, -1, -1]


def test_rows_come_in_any_sequence_and_again(corpus: Corpus) -> None:
    found = targets(corpus, "folder")
    numbers = np.asarray(found.read(np.array([4, 0, 5, 4, 2])))
    assert [found.names[n] if n >= 0 else None for n in numbers] == ["dogs", "cats", None, "dogs", "birds"]
    assert np.asarray(found.read(np.empty(0, np.int64))).shape == (0,)


def test_targets_stay_those_of_their_version(write_rows: Write, tmp_path: Path) -> None:
    store = write_rows(tmp_path / "corpus", 3, category=["a", "b", "a"])
    found = targets(store, "category")
    write_rows(tmp_path / "corpus", 1, first=3, category=["c"])
    ids = store.dataset.to_table(columns=["id"])["id"].to_pylist()
    correct(store, [ids[0]], "c", by="tester")
    store.refresh()
    assert np.asarray(found.read(np.arange(3))).tolist() == [0, 1, 0]


def test_a_scan_gives_every_row_that_fits(corpus: Corpus) -> None:
    found = targets(corpus, "category")
    parts = list(found.scan("extra > 1"))
    assert np.concatenate([rows for rows, _ in parts]).tolist() == [2, 3, 4, 5]
    assert np.concatenate([numbers for _, numbers in parts]).tolist() == [-1, 1, 2, 0]
    assert list(targets(corpus, "caption").scan()) == []


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("/data/cats/1.jpg", "cats"),
        ("cats/1.jpg", "cats"),
        ("1.jpg", None),
        ("/1.jpg", None),
        ("s3://bucket/cats/1.jpg", "cats"),
        (r"C:\data\cats\1.jpg", "cats"),
        ("/data/dogs.tar!7.png", "dogs"),
        ("/data/dogs.tar.gz!7.png", "dogs"),
        ("/data/dogs.tgz!7.png", "dogs"),
        ("/data/all.zip!deep/dogs/7.png", "dogs"),
        ("/data/v1.2.tar!7.png", "v1.2"),
        ("/data/wow!/7.png", "wow!"),
        ("/data/wow!.tar!7!.png", "wow!"),
        ("/data/fish.parquet#17", "fish"),
        ("/data/a#1/fish.jpg", "a#1"),
    ],
)
def test_the_folder_of_a_source(source: str, folder: str | None) -> None:
    assert folder_of(source) == folder


def test_targets_that_are_not_there_are_refused(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match=r"no target label: `eye correct` gives labels; else there are folder"):
        targets(corpus, "label")
    with pytest.raises(CorpusError, match=r"no target species: `eye categorise --name species` makes it"):
        targets(corpus, "species")
    with pytest.raises(CorpusError, match=r"extra of .* holds no names"):
        targets(corpus, "extra")
