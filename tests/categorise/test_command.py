"""`eye categorise` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from compoundeye.cli import app

RUN = CliRunner()


def test_help_teaches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = RUN.invoke(app, ["categorise", "--help"]).output
    for word in ("--examples", "--precision", "--use-corrections", "--categories", "a doubtful tabby is still a cat"):
        assert word in shown


def test_json_is_all_of_stdout(make_corpus: Any, views: Any) -> None:
    corpus = make_corpus([*views("coffee", 4), b"bad"])
    result = RUN.invoke(app, ["categorise", corpus.path, "--workers", "1", "--json"])
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["account"] == {
        "seen": 5,
        "done": 4,
        "duplicate": 0,
        "abstained": 0,
        "failed": 1,
        "reasons": {"not a picture": 1},
    }
    assert found["counts"] == {"espresso": 4}
    assert found["calibration"]["ece"] is None


def test_a_person_reads_what_was_found_and_how_far_to_trust_it(make_corpus: Any, views: Any, tmp_path: Path) -> None:
    for subject in ("cat", "coffee"):
        (tmp_path / "labelled" / subject).mkdir(parents=True)
        for number, data in enumerate(views(subject, 5, seed=1)):
            (tmp_path / "labelled" / subject / f"{number}.jpg").write_bytes(data)
    (tmp_path / "labelled" / "cat" / "notes.txt").write_text("no picture")
    corpus = make_corpus([*views("coffee", 4), b"bad"], views("rocket", 3))
    arguments = ["categorise", corpus.path, "--examples", str(tmp_path / "labelled"), "--precision", "0.95"]
    result = RUN.invoke(app, [*arguments, "--workers", "1"])
    assert result.exit_code == 0, result.output
    assert "coffee" in result.stdout
    assert "unlike every example" in result.stdout
    assert "not a picture" in result.stdout
    assert "10 examples" in result.stderr
    assert "notes.txt: not a picture" in result.stderr
    assert "Precision 0.95 is not shown" in result.stderr
    assert "calibration error" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--precision", "2"], "precision must be at least 0.5 and below 1"),
        (["--examples", "/no/such/folder"], "there is no folder /no/such/folder"),
        (["--categories", "cat,dog"], "cannot read text"),
        (["--name", "width"], "cannot name a result"),
    ],
)
def test_a_mistake_is_one_sentence(make_corpus: Any, views: Any, arguments: list[str], sentence: str) -> None:
    result = RUN.invoke(app, ["categorise", make_corpus(views("cat", 1)).path, "--workers", "1", *arguments])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1
