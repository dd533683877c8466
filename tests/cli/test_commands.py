"""Every command on a real little corpus: pure JSON, tables for people, one sentence for a mistake."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from skimage import data as photographs
from typer.testing import CliRunner

from compoundeye.cli import COMMANDS, app

SUBJECTS = ("chelsea", "coffee", "rocket", "astronaut")


@dataclass(frozen=True)
class Shelf:
    """A folder of pictures, and the corpus made of it."""

    pictures: Path
    corpus: str


def eye(*arguments: object) -> str:
    shown = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert shown.exit_code == 0, shown.stderr
    return shown.stdout


def answer(*arguments: object) -> Any:
    """What a command prints with --json: all of stdout has to be JSON."""
    return json.loads(eye(*arguments, "--json"))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Four photographs, a smaller copy of one, the same file twice, and a wreck with a nasty name."""
    pictures = tmp_path_factory.mktemp("pictures")
    for name in SUBJECTS:
        Image.fromarray(getattr(photographs, name)()).save(pictures / f"{name}.jpg", quality=90)
    with Image.open(pictures / "chelsea.jpg") as cat:
        cat.resize((cat.width // 2, cat.height // 2)).save(pictures / "chelsea small.jpg")
    whole = (pictures / "coffee.jpg").read_bytes()
    (pictures / "coffee again.jpg").write_bytes(whole)
    (pictures / "\x1b[31mwreck.jpg").write_bytes(whole[: len(whole) // 2])
    corpus = str(tmp_path_factory.mktemp("corpus") / "corpus.lance")
    assert answer("ingest", pictures, corpus, "--workers", 1)["done"] == 5
    assert answer("categorise", corpus, "--workers", 1)["account"]["seen"] == 5
    return Shelf(pictures, corpus)


def test_ingest_again_finds_nothing_new(shelf: Shelf) -> None:
    again = answer("ingest", shelf.pictures, shelf.corpus)
    assert again["seen"] == 0
    assert again["known"] == 7


def test_account_balances_and_lists_what_failed(shelf: Shelf) -> None:
    account = answer("account", shelf.corpus, "--failed", 10)
    assert (account["seen"], account["done"], account["duplicate"], account["failed"]) == (7, 5, 1, 1)
    assert [Path(row["source"]).name for row in account["failures"]] == ["\\x1b[31mwreck.jpg"]


def test_a_person_sees_the_name_but_not_its_escape_sequence(shelf: Shelf) -> None:
    shown = eye("account", shelf.corpus, "--failed", 10)
    assert "\\x1b[31mwreck.jpg" in shown
    assert "\x1b" not in shown


def test_categorise_again_has_nothing_to_do(shelf: Shelf) -> None:
    again = answer("categorise", shelf.corpus)
    assert again["new"] == 0
    assert again["account"]["seen"] == 5


def test_search_by_a_picture_finds_it_and_its_copy_first(shelf: Shelf) -> None:
    found = answer("search", shelf.corpus, shelf.pictures / "chelsea.jpg", "--limit", 3)
    assert [Path(row["source"]).name for row in found][:2] == ["chelsea.jpg", "chelsea small.jpg"]
    assert found[0]["similarity"] == pytest.approx(1.0, abs=0.01)


def test_duplicates_are_the_copy_and_the_better_one(shelf: Shelf) -> None:
    found = answer("duplicates", shelf.corpus)
    assert [Path(row["source"]).name for row in found] == ["chelsea.jpg", "chelsea small.jpg"]


def test_models_are_listed_with_whether_they_are_here() -> None:
    listed = {row["name"]: row for row in answer("models")}
    assert listed["efficientnet-lite0"]["licence"] == "Apache-2.0"
    assert {type(row["present"]) for row in listed.values()} == {bool}


def test_a_correction_is_found_again(shelf: Shelf) -> None:
    (rocket,) = [row for row in answer("search", shelf.corpus, "--text", "rocket") if "rocket" in row["source"]]
    answer("correct", shelf.corpus, rocket["id"], "--label", "Falcon 9")
    assert [row["id"] for row in answer("search", shelf.corpus, "--category", "Falcon 9")] == [rocket["id"]]


def test_show_makes_a_sheet(shelf: Shelf, tmp_path: Path) -> None:
    answer("show", shelf.corpus, "-o", tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert min(sheet.size) > 100


def test_gallery_makes_a_page(shelf: Shelf, tmp_path: Path) -> None:
    made = answer("gallery", shelf.corpus, "-o", tmp_path / "page.html", "--like", shelf.pictures / "rocket.jpg")
    assert made == {"page": str(tmp_path / "page.html"), "pictures": 5}
    assert "Most like" in (tmp_path / "page.html").read_text()


def test_export_hands_pictures_over(shelf: Shelf, tmp_path: Path) -> None:
    answer("export", shelf.corpus, tmp_path / "out", "--to", "imagefolder")
    assert list((tmp_path / "out").rglob("*.jpg"))


def test_compact_changes_no_picture(shelf: Shelf) -> None:
    before = answer("account", shelf.corpus)
    answer("compact", shelf.corpus)
    assert answer("account", shelf.corpus) == before


OF_MOTION = {"evaluate", "events", "report", "track", "watch"}
NEEDS_A_CORPUS = sorted(set(COMMANDS) - {"models", "ingest", "runs", "train", "plan", "benchmark", "face"} - OF_MOTION)


@pytest.mark.parametrize("name", NEEDS_A_CORPUS)
def test_a_corpus_that_is_not_there_is_one_sentence(name: str, tmp_path: Path) -> None:
    more = {
        "correct": ["abcdef12", "--label", "cat"],
        "export": [str(tmp_path / "out"), "--to", "parquet"],
        "show": ["-o", str(tmp_path / "sheet.png")],
        "gallery": ["-o", str(tmp_path / "page.html")],
    }
    shown = CliRunner().invoke(app, [name, str(tmp_path / "none.lance"), *more.get(name, [])], catch_exceptions=False)
    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert shown.stderr.startswith("error: no corpus at ")
    assert shown.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "CORPUS", "no such picture.jpg"], "no picture at"),
        (["search", "CORPUS", "--where", "colour = 'red'"], "no column colour"),
        (["search", "CORPUS", "--since", "yesterday"], "no date"),
        (["gallery", "CORPUS", "--where", "width >"], "cannot use the condition"),
        (["categorise", "CORPUS", "--model", "resnet"], "no model"),
        (["correct", "CORPUS", "beef", "--label", "cow"], "no picture id"),
        (["ingest", "no such folder", "CORPUS"], "nothing at"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_one_sentence(shelf: Shelf, arguments: list[str], said: str) -> None:
    shown = CliRunner().invoke(
        app, [shelf.corpus if one == "CORPUS" else one for one in arguments], catch_exceptions=False
    )
    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert shown.stderr.startswith("error: ")
    assert said in shown.stderr
    assert shown.stderr.count("\n") == 1
