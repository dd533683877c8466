"""Exports: whole or not there, bytes unchanged, readable by others, and by us again with the same ids."""

from __future__ import annotations

import csv
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compoundeye.corpus import FORMATS, Corpus, CorpusError, _export, correct, export, ingest
from compoundeye.corpus._export_row import Order, Row
from compoundeye.records import picture_id

JpegMaker = Callable[[int], bytes]
SOURCES = ["a/one.jpg", "b/one.jpg", "../../up.jpg", "shard.tar/x.jpg", "table.parquet#4", "猫.jpg"]
CATEGORIES = ["cat", "Cat", "../dog", None, "cat", None]


@pytest.fixture
def pictures(jpeg: JpegMaker) -> list[bytes]:
    return [jpeg(number) for number in range(6)]


@pytest.fixture
def store(
    write_rows: Callable[..., Corpus], vectors: Callable[[Any], pa.Array], pictures: list[bytes], tmp_path: Path
) -> Corpus:
    store = write_rows(
        tmp_path / "c",
        6,
        image=pictures,
        id=pa.array([picture_id(one) for one in pictures], pa.binary(16)),
        source=SOURCES,
        width=[48] * 6,
        height=[32] * 6,
        taken_at=[datetime(2024, 5, 17, 9, 30), *[None] * 5],
        caption=['a cat, "asleep"\nin the sun', None, None, None, None, "猫"],
        metadata=['{"licence":"CC0","n":[1]}', "not JSON", None, None, None, None],
        category=CATEGORIES,
        category_confidence=pa.array([0.9, 0.8, 0.7, None, 0.6, None], pa.float32()),
        embedding=vectors(np.ones((6, 4))),
        embedding_by=["m"] * 6,
    )
    correct(store, [picture_id(pictures[4])], "tiger", by="Ada")
    return store


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("to", "again"),
    [("webdataset", "*.tar"), ("imagefolder", "."), ("parquet", "*.parquet"), ("coco", "images")],
)
def test_what_goes_out_comes_in_again_with_the_same_ids(store: Corpus, tmp_path: Path, to: str, again: str) -> None:
    account = export(store, tmp_path / "out", to=to)
    # Two have no label, and an image folder has no place for those.
    expected = 4 if to == "imagefolder" else 6
    assert (account.seen, account.done, account.abstained) == (6, expected, 6 - expected)
    ingest([str(tmp_path / "out" / again)], tmp_path / "again", workers=1)
    found = Corpus.open(tmp_path / "again").dataset.to_table(columns=["id", "image", "caption"]).to_pylist()
    kept = store.dataset.to_table(
        columns=["id", "image", "caption"], filter="category IS NOT NULL" if to == "imagefolder" else None
    )
    assert {row["id"]: row["image"] for row in found} == {row["id"]: row["image"] for row in kept.to_pylist()}
    if to in ("webdataset", "parquet"):
        assert {row["id"]: row["caption"] for row in found} == {row["id"]: row["caption"] for row in kept.to_pylist()}


def test_a_webdataset_has_samples_of_one_name_and_numbers_for_labels(
    store: Corpus, pictures: list[bytes], tmp_path: Path
) -> None:
    export(store, tmp_path / "out", to="webdataset")
    assert sorted(files(tmp_path / "out")) == ["classes.txt", "pictures-000000.tar"]
    classes = (tmp_path / "out" / "classes.txt").read_text().splitlines()
    assert classes == ["../dog", "Cat", "cat", "tiger"]
    held = members(tmp_path / "out" / "pictures-000000.tar")
    first = picture_id(pictures[0]).hex()
    assert list(held)[:4] == [f"{first}.jpg", f"{first}.json", f"{first}.txt", f"{first}.cls"]
    assert held[f"{first}.jpg"] == pictures[0]
    assert held[f"{first}.txt"].decode() == 'a cat, "asleep"\nin the sun'
    assert classes[int(held[f"{first}.cls"])] == "cat"
    facts = json.loads(held[f"{first}.json"])
    assert facts["metadata"] == {"licence": "CC0", "n": [1]}
    assert facts["taken_at"] == "2024-05-17T09:30:00"
    assert (facts["id"], facts["label"], facts["source"], facts["width"]) == (first, "cat", "a/one.jpg", 48)
    assert "embedding" not in facts
    assert held[f"{picture_id(pictures[1]).hex()}.txt"] == b""
    corrected = json.loads(held[f"{picture_id(pictures[4]).hex()}.json"])
    assert (corrected["label"], corrected["category"], corrected["label_by"]) == ("tiger", "cat", "Ada")
    assert json.loads(held[f"{picture_id(pictures[1]).hex()}.json"])["metadata"] == "not JSON"


def test_the_same_pictures_give_the_same_bytes(store: Corpus, tmp_path: Path) -> None:
    for to in FORMATS:
        export(store, tmp_path / f"{to} 1", to=to, shard_bytes=2_000)
        export(Corpus.open(store.path), tmp_path / f"{to} 2", to=to, shard_bytes=2_000)
        assert files(tmp_path / f"{to} 1") == files(tmp_path / f"{to} 2")


def test_shards_end_at_their_size(store: Corpus, pictures: list[bytes], tmp_path: Path) -> None:
    size = max(map(len, pictures)) + 1
    export(store, tmp_path / "tars", to="webdataset", shard_bytes=size)
    export(store, tmp_path / "tables", to="parquet", shard_bytes=size)
    assert len(files(tmp_path / "tars")) == 1 + 3
    assert [pq.ParquetFile(path).metadata.num_rows for path in sorted((tmp_path / "tables").iterdir())] == [2, 2, 2]


def test_an_image_folder_keeps_hostile_names_inside_and_apart(
    store: Corpus, pictures: list[bytes], tmp_path: Path
) -> None:
    export(store, tmp_path / "out" / "deep", to="imagefolder")
    digits = [picture_id(one).hex()[:12] for one in pictures]
    assert list(files(tmp_path / "out")) == [
        f"deep/Cat/one-{digits[1]}.jpg",
        f"deep/_dog/up-{digits[2]}.jpg",
        f"deep/cat-2/one-{digits[0]}.jpg",
        f"deep/tiger/table.parquet-4-{digits[4]}.jpg",
    ]
    assert files(tmp_path / "out")[f"deep/cat-2/one-{digits[0]}.jpg"] == pictures[0]


def test_a_label_of_another_result_can_be_taken(store: Corpus, tmp_path: Path) -> None:
    store.ensure_columns(pa.schema([pa.field("kind", pa.string())]))
    account = export(store, tmp_path / "out", to="imagefolder", name="kind")
    assert (account.done, account.abstained) == (1, 5)
    assert next(iter(files(tmp_path / "out"))).startswith("tiger/")


def test_parquet_is_as_hugging_face_reads_it(store: Corpus, pictures: list[bytes], tmp_path: Path) -> None:
    export(store, tmp_path / "all.parquet", to="parquet", columns=["caption", "taken_at", "embedding", "width"])
    table = pq.read_table(tmp_path / "all.parquet")
    assert table.schema.names == ["id", "image", "label", "caption", "taken_at", "embedding", "width"]
    assert table.schema.field("image").type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    assert table["image"][0].as_py() == {"bytes": pictures[0], "path": f"one-{picture_id(pictures[0]).hex()[:12]}.jpg"}
    assert table["label"].to_pylist() == ["cat", "Cat", "../dog", None, "tiger", None]
    assert table["embedding"][0].as_py() == [1, 1, 1, 1]
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"_type": "Value", "dtype": "string"}
    assert features["taken_at"] == {"_type": "Value", "dtype": "timestamp[us]"}
    assert features["embedding"]["feature"] == {"_type": "Value", "dtype": "float16"}
    assert list(features) == table.schema.names


def test_coco_holds_what_its_readers_ask_for(store: Corpus, pictures: list[bytes], tmp_path: Path) -> None:
    export(store, tmp_path / "out", to="coco")
    found = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert set(found) == {"info", "licenses", "images", "annotations", "categories"}
    assert sorted(os.listdir(tmp_path / "out")) == ["annotations.json", "images"]
    images = {image["id"]: image for image in found["images"]}
    categories = {category["id"]: category["name"] for category in found["categories"]}
    assert sorted(images) == [1, 2, 3, 4, 5, 6]
    assert sorted(categories.values()) == ["../dog", "Cat", "cat", "tiger"]
    for image, data in zip(images.values(), pictures, strict=True):
        assert (tmp_path / "out" / "images" / image["file_name"]).read_bytes() == data
        assert (image["width"], image["height"]) == (48, 32)
    assert images[1]["date_captured"] == "2024-05-17T09:30:00"
    assert images[1]["compoundeye"]["id"] == picture_id(pictures[0]).hex()
    named = {one["image_id"]: categories[one["category_id"]] for one in found["annotations"]}
    assert named == {1: "cat", 2: "Cat", 3: "../dog", 5: "tiger"}
    assert [one["id"] for one in found["annotations"]] == [1, 2, 3, 4]
    for one in found["annotations"]:
        assert (one["bbox"], one["area"], one["iscrowd"]) == ([0, 0, 48, 32], 48 * 32, 0)


def test_csv_has_a_line_a_picture(store: Corpus, pictures: list[bytes], tmp_path: Path) -> None:
    account = export(store, tmp_path / "list.csv", to="csv", where="width > 0")
    assert account.done == 6
    with open(tmp_path / "list.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [picture_id(one).hex() for one in pictures]
    assert rows[0]["caption"] == 'a cat, "asleep"\nin the sun'
    assert json.loads(rows[0]["metadata"])["licence"] == "CC0"
    assert [row["label"] for row in rows] == ["cat", "Cat", "../dog", "", "tiger", ""]


def test_a_condition_and_progress(store: Corpus, tmp_path: Path) -> None:
    told = list[tuple[int, int | None]]()
    account = export(
        store,
        tmp_path / "out",
        to="csv",
        where="category = 'cat'",
        progress=lambda done, total: told.append((done, total)),
    )
    assert account.seen == 2
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize("to", FORMATS)
def test_no_pictures_are_an_empty_export(store: Corpus, tmp_path: Path, to: str) -> None:
    assert export(store, tmp_path / "out", to=to, where="width > 1000").seen == 0
    assert (tmp_path / "out").is_dir()
    for path in (tmp_path / "out").glob("*.parquet"):
        assert pq.read_table(path).num_rows == 0
    for path in (tmp_path / "out").glob("*.tar"):
        assert members(path) == {}


def test_bytes_that_are_not_those_of_the_id_are_not_handed_on(
    write_rows: Callable[..., Corpus], tmp_path: Path
) -> None:
    store = write_rows(tmp_path / "c", 2, id=pa.array([picture_id(b"0000"), picture_id(b"other")], pa.binary(16)))
    account = export(store, tmp_path / "out", to="webdataset")
    assert (account.done, account.failed) == (1, 1)
    assert list(account.reasons) == ["the bytes are not those of the id: the storage is damaged"]
    assert len(members(tmp_path / "out" / "pictures-000000.tar")) == 2


@pytest.mark.parametrize("to", FORMATS)
def test_an_export_that_breaks_leaves_nothing(
    store: Corpus, tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = _export.read_rows

    def breaking(*asked: Any) -> Iterator[Row]:
        for number, row in enumerate(rows(*asked)):
            if number == 4:
                raise KeyboardInterrupt
            yield row

    monkeypatch.setattr(_export, "read_rows", breaking)
    with pytest.raises(KeyboardInterrupt):
        export(store, tmp_path / "place" / "out", to=to)
    assert list((tmp_path / "place").iterdir()) == []


def test_what_a_killed_export_left_is_no_hindrance(store: Corpus, tmp_path: Path) -> None:
    left = tmp_path / ".out.part" / "export" / "cat"
    left.mkdir(parents=True)
    (left / "half.jpg").write_bytes(b"half")
    (tmp_path / ".out.part" / "notes").write_bytes(b"x")
    export(store, tmp_path / "out", to="coco")
    assert sorted(os.listdir(tmp_path)) == ["c", "out"]
    assert "half.jpg" not in str(list(files(tmp_path / "out")))


def test_two_exports_to_one_place_at_once_are_refused(
    store: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = list[str]()

    class Impatient:
        def __init__(self, folder: Path, order: Order) -> None:
            del folder, order
            monkeypatch.setitem(FORMATS, "webdataset", real)  # type: ignore[arg-type]
            with pytest.raises(CorpusError, match="another export"):
                export(store, tmp_path / "out", to="webdataset")
            started.append("refused")

        def add(self, row: Row) -> bool:
            return bool(row)

        def close(self) -> None:
            pass

    real = FORMATS["webdataset"]
    monkeypatch.setitem(FORMATS, "webdataset", Impatient)  # type: ignore[arg-type]
    export(store, tmp_path / "out", to="webdataset")
    assert started == ["refused"]
    assert (tmp_path / "out").is_dir()


def test_nothing_that_is_there_is_overwritten(store: Corpus, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export(store, tmp_path / "out", to="csv")  # an empty folder holds nothing to lose
    with pytest.raises(CorpusError, match="out is there already; give another name"):
        export(store, tmp_path / "out", to="csv")
    (tmp_path / "list.csv").write_text("mine")
    with pytest.raises(CorpusError, match=r"list.csv is there already"):
        export(store, tmp_path / "list.csv", to="csv")
    assert (tmp_path / "list.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"to": "tfrecord"},
            "cannot export to 'tfrecord'; the formats are webdataset, imagefolder, parquet, coco, csv",
        ),
        ({"columns": ["colour"]}, "has no column colour; its columns are"),
        ({"where": "colour = 1"}, "has no column colour"),
        ({"shard_bytes": 0}, "at least one byte"),
    ],
)
def test_what_cannot_be_is_said(store: Corpus, tmp_path: Path, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        export(store, tmp_path / "out", **asked)
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_to_is_said(store: Corpus, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CorpusError, match="file is a file, not a folder"):
        export(store, tmp_path / "file" / "out")


def test_folders_need_categories(write_rows: Callable[..., Corpus], tmp_path: Path) -> None:
    store = write_rows(tmp_path / "c", 1)
    with pytest.raises(CorpusError, match="has no category to make folders of; run `eye categorise"):
        export(store, tmp_path / "out", to="imagefolder")
