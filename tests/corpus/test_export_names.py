"""Names of exported files and folders: safe anywhere, distinct, and telling."""

from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.corpus._export_names import LONGEST, file_name, folder_names, safe_name

ANY = st.text(st.characters(codec=None), max_size=120)  # halves of surrogate pairs too
RESERVED = {"con", "prn", "aux", "nul", "com1", "lpt9"}


@given(ANY)
def test_any_text_becomes_one_safe_component(text: str) -> None:
    name = safe_name(text)
    assert PurePosixPath(name).parts == (name,)
    assert PureWindowsPath(name).parts == (name,)
    assert name not in (".", "..")
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert 0 < len(name.encode()) <= LONGEST + 1
    assert name.partition(".")[0].lower() not in RESERVED
    assert "\x00" not in os.fsencode(name).decode()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("tabby cat", "tabby cat"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        ("", "_"),
        ("C:\\x", "C__x"),
        ("nul.txt", "_nul.txt"),
        ("évêque", "évêque"),
        ("猫" * 40, "猫" * 26),
        ("gpj\u202eexe", "gpj_exe"),
        (".hidden", "hidden"),
        ("half \ud800 pair", "half _ pair"),
    ],
)
def test_what_can_be_kept_is_kept(text: str, name: str) -> None:
    assert safe_name(text) == name


@given(st.lists(ANY, max_size=12, unique=True))
def test_categories_have_distinct_folders_even_where_case_does_not_count(categories: list[str]) -> None:
    names = folder_names(categories)
    assert list(names) == categories
    assert len({name.casefold() for name in names.values()}) == len(categories)


def test_a_second_folder_of_one_name_is_numbered() -> None:
    assert folder_names(["a/b", "a:b", "A_B", "c"]) == {"a/b": "a_b", "a:b": "a_b-2", "A_B": "A_B-3", "c": "c"}


@pytest.mark.parametrize(
    ("source", "format_", "name"),
    [
        ("/home/me/Holiday 1.JPG", "JPEG", "Holiday 1-000102030405.jpg"),
        ("s3://bucket/shard.tar/a.b.png", "WEBP", "a.b-000102030405.webp"),
        ("list.parquet#17", "PNG", "list.parquet-17-000102030405.png"),
        ("C:\\x\\y.tiff", "TIFF", "y-000102030405.tif"),
        ("folder/", "GIF", "folder-000102030405.gif"),
        ("x/..", "BMP", "picture-000102030405.bmp"),
        ("v1.0", "AVIF", "v1.0-000102030405.avif"),
        ("", "HEIF", "picture-000102030405.heic"),
        ("a.jpg", "NEW", "a-000102030405.bin"),
    ],
)
def test_a_file_carries_its_name_its_id_and_what_it_really_is(source: str, format_: str, name: str) -> None:
    assert file_name(source, bytes(range(16)), format_) == name
