"""Search, duplicates, correct, show and export from the command line: what is theirs beyond the functions they call."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from skimage import data as photographs
from typer.testing import CliRunner, Result

from compoundeye.cli import _search as search_command
from compoundeye.cli import app
from compoundeye.corpus import Corpus, IndexReport, ingest, read_corrections


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cat = Image.fromarray(photographs.chelsea())
    cat.save(pictures / "cat.jpg")
    cat.resize((200, 133)).save(pictures / "cat small.jpg")
    Image.fromarray(photographs.rocket()).save(pictures / "rocket.jpg")
    ingest([pictures], tmp_path / "c.lance", workers=1)
    return str(tmp_path / "c.lance")


def eye(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)


def ids(corpus: str) -> dict[str, str]:
    rows = Corpus.open(corpus).dataset.to_table(columns=["id", "source"]).to_pylist()
    return {Path(row["source"]).name: row["id"].hex() for row in rows}


def test_a_search_draws_what_it_found(corpus: str, tmp_path: Path) -> None:
    shown = eye("search", corpus, "--text", "cat", "--sheet", tmp_path / "found.png")
    assert shown.exit_code == 0
    assert "source holds 'cat'" in shown.stdout
    assert f"drawn: {tmp_path / 'found.png'}" in shown.stderr
    with Image.open(tmp_path / "found.png") as sheet:
        assert sheet.width > sheet.height


def test_nothing_found_is_said_and_draws_nothing(corpus: str, tmp_path: Path) -> None:
    shown = eye("search", corpus, "--text", "unicorn", "--sheet", tmp_path / "found.png")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", "No picture fits.\n")
    assert not (tmp_path / "found.png").exists()
    assert json.loads(eye("search", corpus, "--text", "unicorn", "--json").stdout) == []


def test_an_index_that_was_made_is_said_with_what_it_misses(corpus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    report = IndexReport(
        "IVF_RQ", 10_000_000, recall=0.962, queries=64, search_ms=7.4, seconds=84.2, by="m", built=True
    )
    monkeypatch.setattr(search_command, "ensure_index", lambda _store, **_told: report)
    shown = eye("search", corpus, "abcdef")
    assert "Made an index of 10,000,000 pictures in 84 s: it finds 96.2% of the ten nearest in 7 ms" in shown.stderr
    assert "has no embeddings yet" in shown.stderr


@pytest.mark.parametrize("way", ["table", "json"])
def test_duplicates(corpus: str, tmp_path: Path, way: str) -> None:
    shown = eye("duplicates", corpus, "--sheet", tmp_path / "d.jpg", *(["--json"] if way == "json" else []))
    assert (tmp_path / "d.jpg").is_file()
    if way == "json":
        rows: list[dict[str, Any]] = json.loads(shown.stdout)
        assert [(row["group"], Path(row["source"]).name) for row in rows] == [(0, "cat.jpg"), (0, "cat small.jpg")]
        assert set(rows[0]) == {"group", "id", "distance", "similarity", "width", "height", "bytes", "source"}
    else:
        assert "1 groups of 2 pictures: 1 could go." in shown.stderr


def test_no_duplicates_are_said(corpus: str, tmp_path: Path) -> None:
    shown = eye("duplicates", corpus, "--where", "source LIKE '%rocket%'", "--sheet", tmp_path / "d.jpg")
    assert shown.exit_code == 0
    assert "No near-duplicates." in shown.stderr
    assert not (tmp_path / "d.jpg").exists()


def test_a_label_is_put_and_taken_away(corpus: str) -> None:
    named = ids(corpus)
    assert eye("correct", corpus, "-l", "tabby", named["cat.jpg"][:8]).stdout == "1 pictures labelled tabby\n"
    assert read_corrections(corpus)["label_by"].to_pylist() == [getpass.getuser()]
    everything = ("correct", corpus, "--where", "true", "--by", "Ada", "--json")
    assert json.loads(eye(*everything, "--label", "x").stdout) == {"label": "x", "pictures": 3}
    assert json.loads(eye(*everything, "--remove").stdout) == {"label": None, "pictures": 3}
    assert read_corrections(corpus).num_rows == 0


@pytest.mark.parametrize("both", [[], ["--label", "x", "--remove"]], ids=["neither", "both"])
def test_a_label_or_its_removal_has_to_be_said(corpus: str, both: list[str]) -> None:
    shown = eye("correct", corpus, "abcdef", *both)
    assert shown.exit_code == 1
    assert shown.stderr == "error: give a --label, or --remove to take labels away; one of the two\n"


def test_show_draws_ids_in_their_order(corpus: str, tmp_path: Path) -> None:
    named = ids(corpus)
    shown = eye("show", corpus, named["rocket.jpg"][:6], named["cat.jpg"], "-o", tmp_path / "s.jpg", "--across", 1)
    assert shown.stdout == f"{tmp_path / 's.jpg'}\n"
    with Image.open(tmp_path / "s.jpg") as sheet:
        assert sheet.height > sheet.width


def test_export_says_what_was_written_and_what_has_no_label(corpus: str, tmp_path: Path) -> None:
    eye("correct", corpus, "--label", "cat", "--where", "source LIKE '%cat%'")
    shown = eye("export", corpus, tmp_path / "out", "--to", "imagefolder")
    assert shown.stdout.splitlines()[1].split() == ["3", "2", "1", "0"]
    assert f"written: {tmp_path / 'out'}" in shown.stderr
    again = eye("export", corpus, tmp_path / "out", "--to", "imagefolder")
    assert again.exit_code == 1
    assert again.stderr.endswith("is there already; give another name, or remove it first\n")


def test_an_export_without_a_name_gets_one(corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = json.loads(eye("export", corpus, "--to", "csv", "--column", "width", "--json").stdout)
    assert told["destination"] == str(tmp_path / "c-csv")
    assert (tmp_path / "c-csv" / "pictures.csv").read_text().splitlines()[0] == "id,label,width"
