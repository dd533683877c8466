"""`eye face group` and what is said about who is who, on an album of real people."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from face_pictures import album, eye, refused, told
from PIL import Image

PURPOSE = ("--purpose", "our album", "--why", "sort by person")


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A gallery of the album, grouped; what the command told."""
    folder = tmp_path_factory.mktemp("family")
    (album(folder / "album") / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    gallery = folder / "family.gallery"
    return gallery, told("group", gallery, folder / "album", *PURPOSE)


def faces_by_picture(gallery: Path) -> dict[str, list[Any]]:
    """Faces of everybody in groups, by the first part of their picture's name."""
    found = dict[str, list[Any]]()
    for person in told("people", gallery):
        for face in told("people", gallery, person["id"]):
            found.setdefault(Path(face["source"]).stem.rstrip("0123456789"), []).append(face)
    return found


def test_the_people_of_an_album_are_told_apart(grouped: tuple[Path, Any]) -> None:
    gallery, first = grouped
    assert (first["added"], first["faces"]) == (14, 14)
    assert [Path(one["source"]).name for one in first["failed"]] == ["broken.jpg"]
    found = faces_by_picture(gallery)
    assert {name: len(faces) for name, faces in found.items()} == {"anna": 3, "su": 2, "hao": 2, "eileen": 2}
    assert Counter(len({face["person"] for face in faces}) for faces in found.values()) == {1: 4}
    assert first["alone"] == 5  # the five who are seen once, on one picture


def test_a_stopped_job_goes_on_without_looking_at_a_picture_twice(grouped: tuple[Path, Any]) -> None:
    gallery, first = grouped
    again = told("group", gallery, gallery.with_name("album"), *PURPOSE)
    assert (again["added"], again["faces"], again["people"]) == (0, 14, first["people"])


def test_a_sheet_shows_a_face_of_each(grouped: tuple[Path, Any]) -> None:
    gallery, _ = grouped
    sheet = gallery.with_name("groups.png")
    eye("people", gallery, "--unnamed", "-o", sheet)
    with Image.open(sheet) as shown:
        assert shown.width > 4 * 112
    assert ".png or .jpg" in refused("people", gallery, "-o", sheet.with_suffix(".gif"))


def test_reasons_and_purposes_are_asked_for(grouped: tuple[Path, Any]) -> None:
    gallery, _ = grouped
    assert "--why" in refused("group", gallery)
    assert "--purpose" in refused("group", gallery, gallery.with_name("album"), "--why", "x")


def test_what_somebody_says_stays_when_all_is_grouped_again(tmp_path: Path) -> None:
    gallery = tmp_path / "family.gallery"
    told("group", gallery, album(tmp_path / "album"), *PURPOSE)
    found = faces_by_picture(gallery)
    anna, su, hao = (found[name][0]["person"] for name in ("anna", "su", "hao"))
    assert told("name", gallery, anna, "Anna")["name"] == "Anna"
    assert told("merge", gallery, su, hao)["faces"] == 4
    third = found["anna"][2]["id"]
    other = told("split", gallery, "Anna", third, "--to", "Berta")
    assert (other["name"], other["faces"]) == ("Berta", 1)
    left = found["eileen"][0]
    assert told("not-this-person", gallery, left["id"], left["person"])["person"] is None

    told("group", gallery, "--why", "again")
    after = faces_by_picture(gallery)
    who = {person["id"]: person["name"] for person in told("people", gallery)}
    assert sorted(str(who[face["person"]]) for face in after["anna"]) == ["Anna", "Anna", "Berta"]
    assert len({face["person"] for face in [*after["su"], *after["hao"]]}) == 1
    kept = {face["id"]: face["person"] for faces in after.values() for face in faces}
    assert kept.get(left["id"]) != left["person"]
    verbs = Counter(entry["verb"] for entry in told("audit", gallery)["entries"])
    assert verbs >= Counter({"name": 1, "merge": 1, "split": 1, "not-this-person": 1, "group": 2})
    assert "there is no" in refused("name", gallery, 999, "Nobody")
    assert "cannot be merged with itself" in refused("merge", gallery, "Anna", "Anna")
