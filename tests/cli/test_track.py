"""`eye track` on real files of the MOTChallenge's format."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from compoundeye.cli._app import app
from compoundeye.video import read_mot

SPEC = find_spec("motmetrics")
assert SPEC is not None
assert SPEC.origin is not None
CLIP = Path(SPEC.origin).parent / "data" / "TUD-Stadtmitte"


def eye(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["track", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_tracks_go_where_they_are_asked_for(tmp_path: Path) -> None:
    code, said, _ = eye(CLIP / "test.txt", "--rate", 25, "-o", tmp_path / "tracks.txt")
    assert (code, said) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["tracks.txt"]
    tracks = read_mot(tmp_path / "tracks.txt")
    assert 700 < len(tracks) < 850  # of 749 detections
    _, printed, _ = eye(CLIP / "test.txt", "--rate", 25)
    assert printed == (tmp_path / "tracks.txt").read_text()


@pytest.mark.parametrize("tracker", ["bytetrack", "ocsort", "sort"])
def test_a_clip_is_followed_as_well_as_its_detections_allow(tracker: str) -> None:
    """The detections are another tracker's boxes; MOTA cannot exceed what their misses leave."""
    code, said, _ = eye(CLIP / "test.txt", "--tracker", tracker, "--rate", 25, "--truth", CLIP / "gt.txt", "--json")
    facts = json.loads(said)
    assert code == 0
    assert facts["frames"] == 179
    assert facts["HOTA"] > 0.37
    assert facts["MOTA"] > 0.55
    assert facts["IDF1"] > 0.55


def test_the_truth_followed_is_the_truth() -> None:
    code, said, _ = eye(CLIP / "gt.txt", "--rate", 25, "--truth", CLIP / "gt.txt")
    assert code == 0
    names, figures = (line.split() for line in said.splitlines())
    found = dict(zip(names, figures, strict=True))
    assert float(found["MOTA"]) > 0.98  # who leaves is told for a moment more
    assert float(found["HOTA"]) > 0.98
    assert found["switches"] == "0"


def test_a_sequence_announces_its_rate(tmp_path: Path) -> None:
    (tmp_path / "det").mkdir()
    source = tmp_path / "det" / "det.txt"
    source.write_text("1,-1,10,10,40,100,0.9\n2,-1,11,10,40,100,0.9\n")
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nname=x\nframeRate=14\n")
    _, said, notes = eye(source, "--json")
    assert json.loads(said)["rate"] == 14
    assert "not known" not in notes
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nname=x\n")
    _, said, notes = eye(source, "--json")
    assert json.loads(said)["rate"] == 30
    assert "30 are taken" in notes


def test_a_setting_changes_what_is_followed(tmp_path: Path) -> None:
    source = tmp_path / "det.txt"
    source.write_text("".join(f"{frame},-1,10,10,40,100,0.55\n" for frame in range(1, 6)))
    assert json.loads(eye(source, "--json")[1])["ids"] == 0
    assert json.loads(eye(source, "--json", "--set", "new_score=0.5")[1])["ids"] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no.txt"], "cannot read no.txt: No such file or directory"),
        ([CLIP / "test.txt", "--tracker", "deepsort"], "no tracker is called 'deepsort'; there are bytetrack,"),
        ([CLIP / "test.txt", "--set", "lost=2"], "lost: no such setting; did you mean lost_s?"),
        ([CLIP / "test.txt", "--set", "lost_s=-1"], "lost_s: -1"),
        ([CLIP / "test.txt", "--set", "lost_s"], "write KEY=VALUE"),
        ([CLIP / "test.txt", "-o", "/no/such/folder/tracks.txt"], "cannot write /no/such/folder/tracks.txt"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[object], sentence: str) -> None:
    code, _, said = eye(*arguments)
    assert code == 1
    assert sentence in said
    assert "Traceback" not in said
