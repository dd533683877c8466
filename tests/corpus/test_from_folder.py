"""A folder as people have them: nested, linked in circles, half unreadable, full of other things."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compoundeye.corpus import _from_folder
from compoundeye.corpus._input import Input, LeftAlone, UnreadableError
from compoundeye.corpus._inputs import Inputs
from compoundeye.corpus._place import Place, Status, children

LIMIT = 1 << 20


def names(folder: Path, listed: Inputs | None = None) -> list[str]:
    return [one.source.removeprefix(f"{folder}/") for one in listed or Inputs([folder])]


def reason(one: Input) -> str:
    with pytest.raises(UnreadableError) as caught:
        one.locator.read(LIMIT)
    return str(caught.value)


def fill(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())


def test_every_picture_below_is_an_input_in_the_order_of_names(tmp_path: Path) -> None:
    fill(tmp_path, "b/2.JPG", "b/1.png", "a.jpeg", "c.webp", ".hidden/x.gif", "b/deep/er/y.heic", "b/.z.bmp")
    assert names(tmp_path) == [
        ".hidden/x.gif",
        "a.jpeg",
        "b/.z.bmp",
        "b/1.png",
        "b/2.JPG",
        "b/deep/er/y.heic",
        "c.webp",
    ]
    assert [one.locator.read(LIMIT).decode() for one in Inputs([tmp_path])] == names(tmp_path)


def test_an_input_is_the_same_as_long_as_its_file_is(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "b.jpg")
    before = {one.source: one.key for one in Inputs([tmp_path])}
    assert {one.source: one.key for one in Inputs([f"{tmp_path}/./"])} == before
    os.utime(tmp_path / "b.jpg", ns=(1, 1))
    after = {one.source: one.key for one in Inputs([tmp_path])}
    assert [source for source in before if before[source] != after[source]] == [f"{tmp_path}/b.jpg"]


def test_other_files_are_left_alone_and_counted(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "a.txt", "b.TXT", "film.mp4", "README", "._a.jpg")
    listed = Inputs([tmp_path])
    assert names(tmp_path, listed) == ["a.jpg"]
    assert listed.left_alone.count == 5
    assert dict(listed.left_alone.endings) == {".txt": 2, ".mp4": 1, ".": 1, ".jpg": 1}


def test_endings_without_end_take_bounded_memory() -> None:
    alone = LeftAlone()
    for number in range(1_000):
        alone.add(f"file.{number}")
    assert alone.count == alone.endings.total() == 1_000
    assert len(alone.endings) <= 101


def test_a_file_that_is_named_is_an_input_whatever_it_is_called(tmp_path: Path) -> None:
    fill(tmp_path, "photo", "notes.txt")
    assert [one.source for one in Inputs([tmp_path / "photo", tmp_path / "notes.txt"])] == [
        f"{tmp_path}/photo",
        f"{tmp_path}/notes.txt",
    ]


def test_names_that_are_not_text_are_told_apart_and_read(tmp_path: Path) -> None:
    strange = [b"caf\xe9.jpg", b"caf\\xe9.jpg", "café.jpg".encode(), b"new\nline.jpg", b"-rf.jpg", b"\xff\xfe.jpg"]
    for name in strange:
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_bytes(name)
    listed = list(Inputs([tmp_path]))
    assert {one.locator.read(LIMIT) for one in listed} == set(strange)
    assert len({one.key for one in listed}) == len({one.source for one in listed}) == len(strange)
    assert all(one.source.isprintable() and one.source.encode() for one in listed)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    fill(tmp_path, "album/a.jpg", "elsewhere.jpg")
    (tmp_path / "album" / "up").symlink_to(tmp_path)
    (tmp_path / "album" / "self").symlink_to(tmp_path / "album")
    (tmp_path / "album" / "b.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    (tmp_path / "twin").symlink_to(tmp_path / "album")
    assert names(tmp_path) == ["album/a.jpg", "album/b.jpg", "elsewhere.jpg", "twin/a.jpg", "twin/b.jpg"]


def test_what_looks_like_a_picture_and_is_no_file_fails_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "dangling.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert {Path(one.source).name: reason(one) for one in Inputs([tmp_path])} == {
        "dangling.jpg": "broken link",
        "pipe.jpg": "not a regular file",
    }


def test_a_folder_that_cannot_be_listed_is_one_failed_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a.jpg", "private/b.jpg", "z.jpg")

    def guarded(folder: Place) -> Iterator[tuple[Place, Status]]:
        if folder.path.endswith("private"):
            raise PermissionError(13, "Permission denied")
        return children(folder)

    # Whoever runs the tests as root may read everything.
    monkeypatch.setattr(_from_folder, "children", guarded)
    listed = list(Inputs([tmp_path]))
    assert [Path(one.source).name for one in listed] == ["a.jpg", "private", "z.jpg"]
    assert reason(listed[1]) == "cannot list folder: permission denied"


def test_where_the_system_does_not_say_what_it_is_it_may_be_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(folder: Place) -> Iterator[tuple[Place, Status]]:
        for name in ("album", "notes.txt", "photo.jpg"):
            yield Place(f"{folder.path}/{name}"), Status("permission denied")

    monkeypatch.setattr(_from_folder, "children", unknown)
    listed = list(Inputs([tmp_path]))
    assert {Path(one.source).name: reason(one) for one in listed} == dict.fromkeys(
        ("album", "photo.jpg"), "permission denied"
    )


def test_a_corpus_inside_its_own_source_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "corpus.lance/data/b.jpg")
    listed = Inputs([tmp_path], skip=Place(str(tmp_path / "corpus.lance")))
    assert names(tmp_path, listed) == ["a.jpg"]


def test_listing_asks_for_no_more_than_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, *(f"{folder}/{file}.jpg" for folder in "abc" for file in "xyz"))
    opened: list[str] = []
    original: Callable[[Place], Iterator[tuple[Place, Status]]] = children

    def noted(folder: Place) -> Iterator[tuple[Place, Status]]:
        opened.append(folder.path.rpartition("/")[2])
        return original(folder)

    monkeypatch.setattr(_from_folder, "children", noted)
    stream = iter(Inputs([tmp_path]))
    for _ in range(4):
        next(stream)
    assert opened == [tmp_path.name, "a", "b"]
