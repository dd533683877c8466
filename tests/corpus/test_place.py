"""Names of files are bytes: shown on one line, told apart, never with a password."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.corpus import CorpusError
from compoundeye.corpus._place import (
    Place,
    UnreadableError,
    bucket,
    children,
    place_of,
    printable,
    read_whole,
    reason_of,
    status,
)

NAMES = st.one_of(st.binary(max_size=12), st.text(max_size=12).map(lambda text: text.encode("utf-8", "ignore")))


@given(NAMES, NAMES)
def test_two_names_are_shown_alike_only_if_they_are_equal(one: bytes, other: bytes) -> None:
    assert (printable(one) == printable(other)) == (one == other)


@given(NAMES)
def test_a_name_is_shown_on_one_line_as_text_that_utf8_can_hold(name: bytes) -> None:
    shown = printable(name)
    assert len(shown.encode().splitlines()) <= 1
    assert not {"\x1b", "\x00", "\n", "\x7f", "\x9b", "\u202e"} & set(shown)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"plain name.jpg", "plain name.jpg"),
        ("Ferien/Bär.jpg".encode(), "Ferien/Bär.jpg"),
        (b"caf\xe9.jpg", "caf\\xe9.jpg"),
        (b"a\nb\x1b[2J.jpg", "a\\x0ab\\x1b[2J.jpg"),
        (b"back\\slash", "back\\\\slash"),
        ("gpj.\u202eexe".encode(), "gpj.\\u202eexe"),
    ],
)
def test_names_as_people_meet_them(name: bytes, shown: str) -> None:
    assert printable(name) == shown


def test_a_place_is_absolute_and_knows_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    assert place_of("a/../b.jpg") == Place(str(tmp_path / "b.jpg"))
    assert place_of("~/Pictures") == Place("/home/someone/Pictures")
    assert place_of(f"file://{tmp_path}/b.jpg") == Place(str(tmp_path / "b.jpg"))


def test_a_place_in_a_bucket_keeps_the_options_but_does_not_show_them() -> None:
    place = place_of("s3://KEY:SECRET@pictures/2024/a%20b.jpg?region=eu-west-1&endpoint_override=localhost:1")
    assert place.path == "pictures/2024/a b.jpg"
    assert str(place) == "s3://pictures/2024/a b.jpg"
    assert place.beside("c.jpg") == Place("pictures/2024/c.jpg", place.base)
    assert "region=eu-west-1" in place.base


def test_an_unknown_kind_of_address_is_refused_without_its_password() -> None:
    with pytest.raises(CorpusError, match=r"cannot use nope://host/x as a source") as caught:
        bucket("nope://user:SECRET@host/x?token=SECRET")
    assert "SECRET" not in str(caught.value)


def test_a_path_in_a_list_is_relative_to_the_list(tmp_path: Path) -> None:
    table = Place(str(tmp_path / "lists" / "a.csv"))
    assert table.beside("../b.jpg") == Place(str(tmp_path / "b.jpg"))
    assert table.beside("/c.jpg") == Place("/c.jpg")


def test_what_stands_at_a_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "pipe")
    kinds = {place.path.rpartition("/")[2]: found.kind for place, found in children(Place(str(tmp_path)))}
    assert kinds == {
        "circle": "broken link",
        "dangling": "broken link",
        "file": "file",
        "folder": "folder",
        "pipe": "not a regular file",
    }
    found = status(Place(str(tmp_path / "file")))
    assert (found.size, found.mtime_ns) == (5, (tmp_path / "file").stat().st_mtime_ns)
    assert status(Place(str(tmp_path / "gone"))).kind == "no such file or directory"
    assert status(Place("zero\0byte")).kind == "no such file or directory"


def test_children_come_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b", "B", "a10", "a2", "ä"):
        (tmp_path / name).touch()
    assert [place.path.rpartition("/")[2] for place, _ in children(Place(str(tmp_path)))] == [
        "B",
        "a10",
        "a2",
        "b",
        "ä",
    ]


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    place = Place(str(tmp_path / "file"))
    assert read_whole(place, 5) == b"12345"
    with pytest.raises(UnreadableError, match="larger than 4 bytes"):
        read_whole(place, 4)
    with pytest.raises(UnreadableError, match="is a directory"):
        read_whole(Place(str(tmp_path)), 5)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied", "/some/file"), "permission denied"),
        (FileNotFoundError("[s3] key x"), "no such file or directory"),
        (OSError("When reading object 'x': AWS Error ACCESS_DENIED during GetObject"), "permission denied"),
        (OSError("AWS Error NETWORK_CONNECTION during HeadObject of key 0815"), "input/output error"),
    ],
)
def test_reasons_do_not_vary_from_file_to_file(error: OSError, reason: str) -> None:
    assert reason_of(error) == reason
