"""What is erased is in no file of the corpus; the rest is as it was, and the account balances."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest

from compoundeye.corpus import Corpus, CorpusError, account, compact, correct, erase, ingest, pin, unpin
from compoundeye.records import picture_id

JpegMaker = Callable[[int], bytes]
Contents = Callable[[Any], Any]


@pytest.fixture
def store(tmp_path: Path, jpeg: JpegMaker) -> Corpus:
    """Twenty pictures in two fragments, the seventh under two names."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(20):
        (folder / f"name-{number:02d}.jpg").write_bytes(jpeg(number))
        if number in (9, 19):
            ingest(folder, tmp_path / "c.lance", workers=1)
    (folder / "other-name-07.jpg").write_bytes(jpeg(7))
    ingest(folder, tmp_path / "c.lance", workers=1)
    return Corpus.open(tmp_path / "c.lance")


def holding(store: Corpus, needle: bytes) -> list[str]:
    files = sorted(path for path in Path(store.path).rglob("*") if path.is_file())
    return [str(path.relative_to(store.path)) for path in files if needle in path.read_bytes()]


def files_with(store: Corpus, gone: bytes) -> list[Path]:
    """Data files of the fragments, and of the ledger's, that a picture is in: of all versions that are there."""
    found = set[Path]()
    for place in (store.path, f"{store.path}/_inputs.lance"):
        for version in lance.dataset(place).versions():
            for fragment in lance.dataset(place, version=version["version"]).get_fragments():
                if gone in fragment.to_table(columns=["id"])["id"].to_pylist():
                    found |= {Path(place, "data", file.path) for file in fragment.data_files()}
    return sorted(found)


@pytest.mark.parametrize("compacted", [False, True])
def test_no_file_holds_anything_of_what_was_erased(
    store: Corpus, jpeg: JpegMaker, contents: Contents, *, compacted: bool
) -> None:
    gone = picture_id(jpeg(7))
    correct(store, [gone], "a-very-private-label", by="me")
    if compacted:
        compact(store.path)
    pictures, inputs = contents(store.path)
    row = pictures[gone]
    needles = [gone, row["image"][-60:-20], row["thumbnail"][-60:-20]]
    assert all(holding(store, needle) for needle in needles)
    # Text is compressed, so it cannot be looked for: the files that it is in must go.
    old = files_with(store, gone)
    done = erase(store.path, [gone])
    assert (done.pictures, done.inputs) == (1, 2)
    needles.append(gone.hex().encode())  # as the condition of the deletion was written
    assert [holding(store, needle) for needle in needles] == [[]] * len(needles)
    assert old
    assert not [path for path in old if path.exists()]
    left = contents(store.path)
    assert left[0] == {id_: row for id_, row in pictures.items() if id_ != gone}
    assert left[1] == {key: row for key, row in inputs.items() if row["id"] != gone}
    assert account(store.path).done == 19


def test_what_was_learnt_of_a_picture_goes_too_and_indices_still_find_the_rest(store: Corpus, jpeg: JpegMaker) -> None:
    vectors = np.random.default_rng(0).normal(size=(store.rows, 16)).astype(np.float32)
    ids = store.dataset.to_table(columns=["id"])["id"]
    column = pa.FixedSizeListArray.from_arrays(vectors.ravel(), 16)
    store.dataset.merge(pa.table({"key": ids, "vector": column}), left_on="id", right_on="key")
    dataset = lance.dataset(store.path)
    dataset.create_index("vector", "IVF_FLAT", num_partitions=2)
    gone = picture_id(jpeg(3))
    mine = vectors[ids.to_pylist().index(gone)]
    assert len(holding(store, mine.tobytes())) == 2  # the column and its index
    erase(store.path, [gone])
    assert holding(store, mine.tobytes()) == []
    found = lance.dataset(store.path).to_table(nearest={"column": "vector", "q": vectors[0], "k": 3, "nprobes": 2})
    assert found["id"][0].as_py() == ids[0].as_py()


def test_what_was_erased_is_new_when_it_is_ingested_again(store: Corpus, jpeg: JpegMaker, tmp_path: Path) -> None:
    erase(store.path, [picture_id(jpeg(3))])
    again = ingest(tmp_path / "in", store.path, workers=1)
    assert (again.done, again.known) == (1, 20)


def test_an_id_that_is_not_there_erases_nothing(store: Corpus, contents: Contents) -> None:
    before = contents(store.path)
    assert erase(store.path, [b"\0" * 16]).pictures == 0
    assert contents(store.path) == before


def test_all_of_a_corpus_can_go(store: Corpus) -> None:
    ids = store.dataset.to_table(columns=["id"])["id"].to_pylist()
    assert erase(store.path, ids).pictures == 20
    assert account(store.path).done == 0


def test_a_pinned_version_is_not_broken_behind_its_back(store: Corpus, jpeg: JpegMaker) -> None:
    pin(store, "run-1")
    with pytest.raises(CorpusError, match="'run-1' is pinned"):
        erase(store.path, [picture_id(jpeg(3))])
    unpin(store, "run-1")
    assert erase(store.path, [picture_id(jpeg(3))]).pictures == 1


def test_one_that_was_cut_off_between_rows_and_ledger_is_finished_by_the_next(
    store: Corpus, jpeg: JpegMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, real, calls = picture_id(jpeg(3)), lance.LanceDataset.delete, list[str]()

    def once(dataset: lance.LanceDataset, where: str) -> Any:
        if calls:
            raise KeyboardInterrupt
        calls.append(where)
        return real(dataset, where)

    with monkeypatch.context() as patch:
        patch.setattr(lance.LanceDataset, "delete", once)
        with pytest.raises(KeyboardInterrupt):
            erase(store.path, [gone])
    assert erase(store.path, [gone]).inputs == 1
    assert holding(store, gone) == []
    assert account(store.path).done == 19
