"""`eye face` on single pictures: detect, compare, blur, watch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from face_clips import photograph
from face_pictures import FIVE, HAO, SU, eye, frames, mirrored, refused, saved, told
from face_samples import astronaut, sface_file, yunet_file
from PIL import Image

from compoundeye.corpus import ingest
from compoundeye.pixels import decode


def test_every_face_is_told_with_its_place_and_quality_and_shown(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    saved(tmp_path / "in" / "five.png", photograph(FIVE))
    (tmp_path / "in" / "cut.png").write_bytes((tmp_path / "in" / "five.png").read_bytes()[:900])
    sheet = tmp_path / "sheet.png"
    cut, five = told("detect", tmp_path / "in", "-o", sheet)
    assert cut["faces"] == []
    assert cut["reason"] == "truncated PNG"
    assert len(five["faces"]) == 5
    height, width = photograph(FIVE).shape[:2]
    assert (five["width"], five["height"]) == (width, height)
    for face in five["faces"]:
        left, top, right, bottom = face["box"]
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert all(left <= x <= right and top <= y <= bottom for x, y in face["landmarks"])
        assert 0 < face["quality"]["overall"] <= 100
    with Image.open(sheet) as shown:
        assert shown.width > 5 * 112


def test_a_corpus_has_the_faces_of_its_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    saved(folder / "five.png", photograph(FIVE))
    saved(folder / "one.png", astronaut())
    ingest([folder], tmp_path / "corpus.lance")
    of_corpus = {one["picture"]: one["faces"] for one in told("detect", tmp_path / "corpus.lance")}
    assert of_corpus == {one["picture"]: one["faces"] for one in told("detect", folder)}
    assert sorted(map(len, of_corpus.values())) == [1, 5]


def test_a_source_that_is_not_there_or_empty_is_said(tmp_path: Path) -> None:
    assert "there is no" in refused("detect", tmp_path / "nothing.png")
    assert "holds no picture" in refused("detect", tmp_path)


def test_two_pictures_of_one_person_and_of_two(tmp_path: Path) -> None:
    one, other = frames("cap13_edit2.mp4", 0, 400)
    first, second = saved(tmp_path / "a.png", one), saved(tmp_path / "b.png", other)
    stranger = saved(tmp_path / "c.png", photograph(SU))
    same, different = told("compare", first, second), told("compare", first, stranger)
    assert same["pairs"][0]["same"]
    assert same["pairs"][0]["score"] > same["threshold"]["value"] > different["pairs"][0]["score"]
    assert not different["pairs"][0]["same"]
    said, notes = eye("compare", first, second)
    assert "yes" in said
    assert "was not measured" in notes
    everybody = told("compare", first, saved(tmp_path / "five.png", photograph(FIVE)), "--all", "--threshold", -1)
    assert [pair["same"] for pair in everybody["pairs"]] == 5 * [True]


def test_a_picture_without_a_face_cannot_be_compared(tmp_path: Path) -> None:
    empty = saved(tmp_path / "grey.png", np.full((200, 200, 3), 128, np.uint8))
    face = saved(tmp_path / "face.png", astronaut())
    assert "no face found" in refused("compare", face, empty)
    assert "from a gallery's people" in refused("compare", face, face, "--fmr", "1e-4")


def test_faces_are_hidden_but_not_that_of_who_is_kept(tmp_path: Path) -> None:
    left, right = astronaut(), photograph(HAO)
    height = min(len(left), len(right))
    both = np.ascontiguousarray(np.hstack([left[:height], right[:height]]))
    source, target = saved(tmp_path / "both.png", both), tmp_path / "safe.png"
    gallery, enrolled = tmp_path / "g.gallery", saved(tmp_path / "eileen.png", mirrored(left))
    eye("enrol", gallery, "Eileen", enrolled, "--consent", "--purpose", "a test")
    assert "name the gallery" in refused("blur", source, target, "--keep", "Eileen")
    assert "--why" in refused("blur", source, target, "--keep", "Eileen", "--gallery", gallery)
    assert not target.exists()
    done = told("blur", source, target, "--keep", "Eileen", "--gallery", gallery, "--why", "a test")
    assert (done["faces"], done["hidden"], done["kept"]) == (2, 1, ["Eileen"])
    shown = decode(target.read_bytes())
    (found,) = told("detect", source)
    for face in found["faces"]:
        x0, y0, x1, y1 = (int(value) for value in face["box"])
        untouched = np.array_equal(shown[y0:y1, x0:x1], both[y0:y1, x0:x1])
        assert untouched == (x0 < left.shape[1])
    (after,) = told("detect", target)
    assert len(after["faces"]) == 1
    assert told("audit", gallery)["entries"][0]["verb"] == "identify"


def test_watching_follows_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a home of its own, for a watch leaves its state there; with the weights that are here already."""
    folder, home = tmp_path / "frames", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    (home / "weights").symlink_to(Path(yunet_file()).parents[1])
    assert (home / "weights" / Path(sface_file()).parent.name).is_dir()
    for number, rgb in enumerate(frames("cap13_edit2.mp4", 0, 1, 2, 3)):
        saved(folder / f"{number:03}.png", rgb)
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(home))
    lines = [json.loads(line) for line in eye("watch", folder, "--events", "none", "--json")[0].splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2, 3]
    assert {record["track"] for line in lines for record in line["records"]} == {1}
