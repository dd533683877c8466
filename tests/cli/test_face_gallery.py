"""`eye face` with a gallery: enrol, identify, people, export, forget, audit; on pictures of real people."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest
from face_clips import photograph
from face_pictures import FIVE, HAO, SU, WOMAN, eye, frames, mirrored, refused, saved, told
from face_samples import astronaut
from PIL import Image
from typer.testing import CliRunner

from compoundeye.apps.face import Gallery
from compoundeye.cli import app

FOR = ("--consent", "--purpose", "opening the door")


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of Anna (two frames of a clip), Su and Hao, in a folder with its key."""
    folder = tmp_path_factory.mktemp("staff")
    first, second = frames(WOMAN, 0, 150)
    gallery = folder / "staff.gallery"
    eye("enrol", gallery, "Anna", saved(folder / "a0.png", first), saved(folder / "a1.png", second), *FOR)
    eye("enrol", gallery, "Su", saved(folder / "su.png", photograph(SU)), *FOR)
    eye("enrol", gallery, "Hao", saved(folder / "hao.png", photograph(HAO)), "--no-consent", "--purpose", "a test")
    return gallery


def test_a_gallery_is_made_with_a_key_beside_it_that_only_its_owner_reads(staff: Path) -> None:
    key = staff.with_name("staff.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [(one["name"], one["faces"]) for one in told("people", staff)] == [("Anna", 2), ("Su", 1), ("Hao", 1)]
    assert "Anna" in eye("people", staff)[0]


def test_another_key_does_not_open_it(staff: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Gallery.create(tmp_path / "other.gallery", tmp_path / "other.key")
    assert "does not open" in refused("people", staff, "--key", tmp_path / "other.key")
    monkeypatch.setenv("EYE_GALLERY_KEY", (tmp_path / "other.key").read_text().strip())
    assert "does not open" in refused("people", staff)
    assert len(told("people", staff, "--key", staff.with_name("staff.key"))) == 3


def test_consent_and_purpose_must_be_said_and_are_kept(staff: Path, tmp_path: Path) -> None:
    picture = saved(tmp_path / "one.png", astronaut())
    new = tmp_path / "new.gallery"
    assert "--consent or --no-consent" in refused("enrol", new, "Eileen", picture, "--purpose", "p")
    assert "--purpose" in refused("enrol", new, "Eileen", picture, "--consent")
    assert not new.exists()
    (face,) = told("people", staff, "Hao")
    assert (face["consent"], face["purpose"]) == (False, "a test")
    assert [(one["consent"], one["purpose"]) for one in told("people", staff, "Anna")] == 2 * [
        (True, "opening the door")
    ]


def test_what_cannot_be_enrolled_is_said_picture_by_picture(staff: Path, tmp_path: Path) -> None:
    five, grey = saved(tmp_path / "five.png", photograph(FIVE)), tmp_path / "grey.png"
    saved(grey, np.full((90, 90, 3), 128, np.uint8))
    answer = told("enrol", staff, "Anna", staff.with_name("a0.png"), five, grey, *FOR)
    assert answer["enrolled"] == 0
    assert answer["person"]["faces"] == 2
    reasons = {Path(one["source"]).name: one["reason"] for one in answer["left_out"]}
    assert reasons["a0.png"] == "enrolled before"
    assert reasons["five.png"].startswith("5 faces")
    assert reasons["grey.png"] == "no face found"
    assert "none of 1 pictures" in refused("enrol", staff, "Nobody", grey, *FOR)
    assert "Nobody" not in eye("people", staff)[0]


def test_a_face_is_found_again_and_a_stranger_is_not(staff: Path, tmp_path: Path) -> None:
    later = saved(tmp_path / "later.png", frames(WOMAN, 300)[0])
    stranger = saved(tmp_path / "stranger.png", astronaut())
    found = told("identify", staff, later, stranger, "--why", "who is at the door", "--by", "porter")
    known, unknown = found["faces"]
    assert [one["name"] for one in known["candidates"]] == ["Anna"]
    assert known["candidates"][0]["score"] >= found["threshold"]["value"]
    assert unknown["candidates"] == []
    newest = told("audit", staff)["entries"][:2]
    assert [(one["by"], one["why"], one["verb"]) for one in newest] == 2 * [
        ("porter", "who is at the door", "identify")
    ]
    anna = next(one["id"] for one in told("people", staff) if one["name"] == "Anna")
    assert [one["people"] for one in newest] == [[], [anna]]
    assert {one["verb"] for one in told("audit", staff, "--person", "Anna")["entries"]} == {"enrol", "identify"}


def test_a_search_without_a_reason_is_refused(staff: Path) -> None:
    before = told("audit", staff)["check"]["entries"]
    assert "--why" in refused("identify", staff, staff.with_name("a0.png"))
    assert told("audit", staff)["check"]["entries"] == before


def test_few_people_cannot_make_a_search_lax(staff: Path) -> None:
    """Four faces of three people give a low threshold, for by chance they are not alike: the published one is kept."""
    answer = told("identify", staff, staff.with_name("su.png"), "--why", "a test", "--fpir", "0.01")
    assert answer["threshold"]["source"] == "FPIR 0.01 among 3, not shown"
    assert "of 3 people only" in answer["threshold"]["warning"]
    assert answer["threshold"]["value"] == 0.363
    assert [one["name"] for one in answer["faces"][0]["candidates"]] == ["Su"]
    assert "one of them" in refused(
        "identify", staff, staff.with_name("su.png"), "--why", "x", "--fpir", "0.01", "--threshold", "0.4"
    )


def test_a_log_that_was_cut_is_found_out_by_the_end_of_an_earlier_look(staff: Path) -> None:
    end = told("audit", staff)["check"]["end"]
    told("export", staff, "Hao", "-o", staff.with_name("hao-export"))
    assert told("audit", staff, "--end", end)["entries"][0]["verb"] == "export"
    assert "does not hold the end" in refused("audit", staff, "--end", "00" * 31 + "01")
    said, notes = eye("audit", staff, "--limit", 1)
    assert len(said.splitlines()) == 2
    assert "none changed or removed" in notes


def test_what_is_kept_of_somebody_is_handed_over(staff: Path, tmp_path: Path) -> None:
    file = Path(told("export", staff, "Anna", "-o", tmp_path / "anna", "--why", "she asked")["file"])
    written = json.loads(file.read_text())
    assert written["name"] == "Anna"
    assert len(written["faces"]) == 2
    for face in written["faces"]:
        assert len(face["template"]) == 128
        with Image.open(file.parent / face["crop"]) as crop:
            assert crop.size == (112, 112)
    assert "not empty" in refused("export", staff, "Anna", "-o", tmp_path / "anna")


def test_forgetting_asks_first_erases_and_shows_that_nothing_is_left(tmp_path: Path) -> None:
    gallery = tmp_path / "g.gallery"
    one, two = saved(tmp_path / "one.png", astronaut()), saved(tmp_path / "two.png", mirrored(astronaut()))
    su = saved(tmp_path / "su.png", photograph(SU))
    eye("enrol", gallery, "Eileen", one, two, *FOR)
    eye("enrol", gallery, "Su", su, *FOR)
    assert "Forget Eileen (2 faces), with their picture files?" in refused("forget", gallery, "Eileen", "--pictures")
    assert len(told("people", gallery)) == 2
    report = told("forget", gallery, "Eileen", "--pictures", "--yes")
    assert (report["faces"], report["crops"], report["traces"]) == (2, 2, 0)
    assert report["looked_for"] > 0
    assert (one.exists(), two.exists(), su.exists()) == (False, False, True)
    assert [person["name"] for person in told("people", gallery)] == ["Su"]
    again = saved(tmp_path / "again.png", astronaut())
    assert told("identify", gallery, again, "--why", "is she gone")["faces"][0]["candidates"] == []
    assert "Eileen" in refused("forget", gallery, "Eileen", "--yes")


def test_a_name_cannot_repaint_the_terminal(tmp_path: Path) -> None:
    gallery = tmp_path / "g.gallery"
    eye("enrol", gallery, "Eileen", saved(tmp_path / "one.png", astronaut()), *FOR)
    name = "Ei\x1b[2Jleen"
    shown = [*eye("name", gallery, 1, name), *eye("people", gallery), refused("forget", gallery, "1")]
    assert not any("\x1b" in text for text in shown)
    assert told("people", gallery)[0]["name"] == name


def test_a_gallery_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    for verb in (["people"], ["identify", "x.png", "--why", "y"], ["audit"], ["forget", "Anna", "--yes"]):
        assert str(tmp_path / "none.gallery") in refused(verb[0], tmp_path / "none.gallery", *verb[1:])
    done = CliRunner().invoke(app, ["face", "people"])
    assert done.exit_code == 2
