"""CSV and Parquet: lists of paths, and pictures in a column, with what stands beside them."""

from __future__ import annotations

import datetime as dt
import json
import os
import pickle
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compoundeye.corpus import CorpusError
from compoundeye.corpus._from_table import PATHS, roles
from compoundeye.corpus._input import Input, UnreadableError
from compoundeye.corpus._inputs import Inputs
from compoundeye.corpus._kept import let_go

LIMIT = 1 << 20


@pytest.fixture(autouse=True)
def _close() -> object:
    yield
    let_go()


def reason(one: Input) -> str:
    with pytest.raises(UnreadableError) as caught:
        one.locator.read(LIMIT)
    return str(caught.value)


def beside(one: Input) -> tuple[str | None, Any]:
    return one.caption, None if one.metadata is None else json.loads(one.metadata)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    (tmp_path / "pics").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "pics" / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_list_of_paths_is_relative_to_itself(album: Path, mark: str) -> None:
    lines = [["Path", "caption", "label", "n"], ["pics/a.jpg", "two, three; four", "cat", "1"]]
    lines += [[str(album / "pics" / "b.jpg"), "", "", ""], ["pics/gone.jpg", "x", "", ""], ["", "no path", "", ""]]
    table = album / ("list.tsv" if mark == "\t" else "list.csv")
    text = "\n".join(mark.join(f'"{cell}"' for cell in line) for line in lines)
    table.write_bytes(b"\xef\xbb\xbf" + text.encode())
    first, second, third = Inputs([table])
    assert first.locator.read(LIMIT) == b"a.jpg"
    assert beside(first) == ("two, three; four", {"label": "cat", "n": "1"})
    assert second.locator.read(LIMIT) == b"b.jpg"
    assert beside(second) == (None, None)
    assert reason(third) == "no such file or directory"
    assert third.source == f"{album}/pics/gone.jpg"


def test_a_listed_file_is_the_same_input_as_the_file_itself(album: Path) -> None:
    (album / "list.csv").write_text("file\npics/a.jpg\npics/../pics/b.jpg\n")
    assert [one.key for one in Inputs([album / "list.csv"])] == [one.key for one in Inputs([album / "pics"])]


def test_paths_that_are_not_text_are_found(album: Path) -> None:
    name = b"caf\xe9.jpg"
    Path(os.fsdecode(os.path.join(os.fsencode(album), name))).write_bytes(b"found")
    (album / "list.csv").write_bytes(b"path,text\n" + name + b",caf\xe9\n")
    (one,) = Inputs([album / "list.csv"])
    assert one.locator.read(LIMIT) == b"found"
    assert one.source.endswith("caf\\xe9.jpg")
    assert one.caption == "caf?"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("http://host/a.jpg", "unknown kind of address"),
        ("pics", "is a folder"),
        ("zero\0.jpg", "no such file or directory"),
    ],
)
def test_a_row_that_names_no_file_is_a_failed_input(album: Path, row: str, why: str) -> None:
    (album / "list.csv").write_text(f"path\n{row}\n")
    (one,) = Inputs([album / "list.csv"])
    assert reason(one) == why


def test_a_list_without_paths_is_a_mistake_that_says_what_it_has(album: Path) -> None:
    (album / "list.csv").write_text("name,size\na,1\n")
    with pytest.raises(CorpusError, match=r"list\.csv has no column with pictures .* it has name, size"):
        list(Inputs([album / "list.csv"]))


def test_a_list_with_a_field_without_end_is_a_failed_input(album: Path) -> None:
    (album / "list.csv").write_text("path\npics/a.jpg\n" + "x" * 2_000_000)
    good, broken = Inputs([album / "list.csv"])
    assert good.locator.read(LIMIT) == b"a.jpg"
    assert reason(broken).startswith("damaged table")


def test_columns_are_told_apart_by_name_whatever_their_case() -> None:
    names = ["id", "FILE_NAME", "image", "Text", "split"]
    found = roles(names, names, PATHS, "table")
    assert (found.picture, found.caption, found.metadata) == ("FILE_NAME", "Text", ("id", "image", "split"))


def hugging_face(count: int) -> pa.Table:
    """As the datasets library writes them: a struct of bytes and path."""
    images = [{"bytes": random.Random(n).randbytes(500 + n), "path": f"{n}.jpg"} for n in range(count)]
    return pa.table(
        {
            "image": pa.array(images, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            "label": pa.array([n % 3 for n in range(count)], pa.int64()),
            "caption": pa.array([f"number {n}" for n in range(count)]).dictionary_encode(),
            "boxes": pa.array([[n, n + 1] for n in range(count)], pa.list_(pa.int32())),
            "taken": pa.array([dt.datetime(2024, 1, 1) + dt.timedelta(days=n) for n in range(count)]),
            "mask": pa.array([b"binary"] * count, pa.binary()),
        }
    )


@pytest.mark.parametrize("rows_in_group", [7, 1_000])
def test_pictures_in_a_column_are_read_row_by_row(tmp_path: Path, rows_in_group: int) -> None:
    table = hugging_face(60)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=rows_in_group)
    listed = list(Inputs([tmp_path / "a.parquet"]))
    wanted = [row["bytes"] for row in table["image"].to_pylist()]
    assert [pickle.loads(pickle.dumps(one)).locator.read(LIMIT) for one in listed] == wanted
    assert beside(listed[4]) == ("number 4", {"label": 1, "boxes": [4, 5], "taken": "2024-01-05 00:00:00"})
    assert [one.source for one in listed][:2] == [f"{tmp_path}/a.parquet#0", f"{tmp_path}/a.parquet#1"]
    assert len({one.key for one in listed}) == 60
    order = list(range(60))
    random.Random(2).shuffle(order)
    assert [listed[row].locator.read(LIMIT) for row in order] == [wanted[row] for row in order]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_a_plain_column_of_bytes_will_do(tmp_path: Path, kind: pa.DataType) -> None:
    pq.write_table(pa.table({"bytes": pa.array([b"one", None, b"x" * 100], kind)}), tmp_path / "a.parquet")
    first, second, third = Inputs([tmp_path / "a.parquet"])
    assert first.locator.read(LIMIT) == b"one"
    assert beside(first) == (None, None)
    assert reason(second) == "no picture in this row"
    with pytest.raises(UnreadableError, match="larger than 99 bytes"):
        third.locator.read(99)


def test_a_row_without_bytes_may_name_a_file(album: Path) -> None:
    images = [
        {"bytes": None, "path": "pics/a.jpg"},
        {"bytes": None, "path": "http://x/y"},
        {"bytes": None, "path": None},
    ]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(images, kind)}), album / "a.parquet")
    first, second, third = Inputs([album / "a.parquet"])
    assert first.locator.read(LIMIT) == b"a.jpg"
    assert reason(second) == "unknown kind of address"
    assert reason(third) == "no picture in this row"


def test_a_parquet_list_of_paths(album: Path) -> None:
    columns = {"path": ["pics/b.jpg", None, "gone.jpg"], "text": ["b", "none", None], "n": [1.5, 2.5, None]}
    pq.write_table(pa.table(columns), album / "a.parquet")
    first, second = Inputs([album / "a.parquet"])
    assert first.locator.read(LIMIT) == b"b.jpg"
    assert beside(first) == ("b", {"n": 1.5})
    assert reason(second) == "no such file or directory"


def test_a_parquet_file_without_pictures_is_a_mistake(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1], "name": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"a\.parquet has no column with pictures .* it has n, name"):
        list(Inputs([tmp_path / "a.parquet"]))


def test_damaged_parquet_is_one_failed_input(tmp_path: Path) -> None:
    pq.write_table(hugging_face(5), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for data in (b"", b"PAR1 nonsense", whole[:-20]):
        (tmp_path / "a.parquet").write_bytes(data)
        (one,) = Inputs([tmp_path / "a.parquet"])
        assert reason(one) == "damaged Parquet file"


def test_damage_within_is_a_failed_row(tmp_path: Path) -> None:
    pq.write_table(hugging_face(5), tmp_path / "a.parquet", compression="zstd")
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    listed = list(Inputs([tmp_path / "a.parquet"]))
    data[4:60] = b"\xff" * 56  # the header of the first page
    (tmp_path / "a.parquet").write_bytes(data)
    assert {reason(one) for one in listed} == {"damaged Parquet file"}
