"""`eye evaluate` on real tracks: the figures of TrackEval, and mistakes that say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from samples import tud
from typer.testing import CliRunner

from compoundeye.cli._app import app

# TrackEval 1.3 on the same files (tests/evaluate/test_tracking.py compares every figure).
STADTMITTE = {"HOTA": 0.3978, "MOTA": 0.5640, "IDF1": 0.6446, "IDSW": 7}


def eye(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_real_tracks_have_trackevals_figures() -> None:
    truth, tracks = tud("TUD-Stadtmitte")
    code, said, _ = eye(tracks, "--truth", truth, "--json")
    assert code == 0
    (figures,) = json.loads(said)
    assert {name: figures[name] for name in STADTMITTE} == pytest.approx(STADTMITTE, abs=1e-4)


def test_sequences_are_measured_one_by_one_and_together() -> None:
    campus, stadtmitte = tud("TUD-Campus"), tud("TUD-Stadtmitte")
    code, said, _ = eye(campus[1], stadtmitte[1], "--truth", campus[0], "--truth", stadtmitte[0])
    assert code == 0
    head, *rows = (line.split() for line in said.splitlines())
    assert [row[0] for row in rows] == [str(campus[1]), str(stadtmitte[1]), "all"]
    switches = [int(row[head.index("IDSW")]) for row in rows]
    assert switches[2] == switches[0] + switches[1]


def test_a_file_without_its_truth_is_a_mistake() -> None:
    truth, tracks = tud("TUD-Campus")
    code, _, said = eye(tracks, tracks, "--truth", truth)
    assert code == 1
    assert "2 files of tracks and 1 of truth: give --truth once for each" in said


def test_an_id_that_is_in_two_places_at_once_is_a_mistake_that_names_the_file(tmp_path: Path) -> None:
    twice = tmp_path / "twice.txt"
    twice.write_text("3,1,0,0,9,9,1\n3,1,5,5,9,9,1\n")
    code, _, said = eye(twice, "--truth", tud("TUD-Campus")[0])
    assert code == 1
    assert "twice.txt beside" in said
    assert "id 1 is twice in frame 3 of the tracks" in said
