"""`eye face evaluate`: figures, files written, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from skimage import data
from sklearn.metrics import roc_curve
from typer.testing import CliRunner

from compoundeye.apps.face import Gallery, Sightings
from compoundeye.cli._face_evaluate import evaluate
from compoundeye.records import EyeError, Faces


def eye(*arguments: object) -> tuple[str, str]:
    """The command alone: the table of commands turns mistakes into one line, which its own tests show."""
    command = typer.Typer(pretty_exceptions_enable=False)
    command.command()(evaluate)
    done = CliRunner().invoke(command, [*map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.stderr
    return done.stdout, done.stderr


def scored(file: Path) -> Path:
    """Scores of 200 people: made up, so that their figures say nothing about any model."""
    rng = np.random.default_rng(0)
    lines = ["path_a,path_b,same,score,group"]
    for one in range(200):
        lines += [f"p{one}_0,p{one}_{k},1,{rng.normal(0.6, 0.15):.4f},{'ab'[one % 2]}" for k in range(1, 4)]
        lines += [f"p{one}_0,p{(one + k) % 200}_0,0,{rng.normal(0, 0.12):.4f},{'ab'[one % 2]}" for k in range(1, 16)]
    file.write_text("\n".join([*lines, "p0_0,lost,1,,a"]) + "\n")
    return file


def test_scores_are_judged_without_a_picture_and_equal_scikit_learns(tmp_path: Path) -> None:
    file = scored(tmp_path / "scores.csv")
    said, _ = eye(file, "--json")
    report = json.loads(said)
    rows = [line.split(",") for line in file.read_text().splitlines()[1:]]
    same = np.array([row[2] == "1" for row in rows])
    scores = np.array([float(row[3] or -1) for row in rows])
    fpr, tpr, _ = roc_curve(same, scores, drop_intermediate=False)
    for row in report["verification"]["at_fmr"]:
        at = int(np.flatnonzero(fpr <= row["fmr"])[-1])
        assert row["fnmr"] == pytest.approx(1 - tpr[at])
    assert report["enrolment"] | {"low": 0, "high": 0, "rate": 0} == {
        "of": "comparisons", "total": 3601, "failed": 1, "rate": 0, "low": 0, "high": 0, "pictures_failed": {},
    }  # fmt: skip
    assert {row["group"] for row in report["groups"]} == {"a", "b"}


def test_what_is_written_as_scores_gives_the_same_figures_again(tmp_path: Path) -> None:
    file = scored(tmp_path / "scores.csv")
    first, _ = eye(file, "--scores", tmp_path / "again.csv", "--json")
    second, _ = eye(tmp_path / "again.csv", "--json")
    one, two = json.loads(first), json.loads(second)
    assert one["protocol"].pop("data") != two["protocol"].pop("data")
    assert one == two


@pytest.mark.parametrize("name", ["det.png", "det.svg"])
def test_the_curve_is_drawn(tmp_path: Path, name: str) -> None:
    said, notes = eye(scored(tmp_path / "scores.csv"), "-o", tmp_path / name)
    assert (tmp_path / name).stat().st_size > 5000
    if name.endswith(".png"):
        pixels = np.asarray(Image.open(tmp_path / name).convert("RGB")).reshape(-1, 3)
        assert (np.abs(pixels - np.array([0x1F, 0x6F, 0x8B])).sum(axis=1) < 20).sum() > 500  # the line
    assert "601 mated and 3,000 non-mated comparisons" in said
    assert "equal error rate" in said
    assert "by group" in said
    assert "cannot be measured" in notes


def test_real_faces_are_found_compared_and_failures_counted(tmp_path: Path) -> None:
    astronaut = Image.fromarray(data.astronaut())
    astronaut.save(tmp_path / "a.png")
    astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "mirrored.png")
    astronaut.convert("L").save(tmp_path / "grey.png")
    Image.fromarray(data.coffee()).save(tmp_path / "coffee.png")
    (tmp_path / "pairs.csv").write_text(
        "path_a,path_b,same\na.png,mirrored.png,1\na.png,grey.png,1\na.png,coffee.png,0\n"
    )
    said, _ = eye(tmp_path / "pairs.csv", "--scores", tmp_path / "out.csv", "--json")
    report = json.loads(said)
    rows = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert rows[0] == ["path_a", "path_b", "same", "score"]
    assert float(rows[1][3]) > 0.8
    assert float(rows[2][3]) > 0.8
    assert rows[3][3] == ""
    assert report["enrolment"]["failed"] == 1
    assert report["enrolment"]["pictures_failed"] == {"no face found": 1}
    assert "sface" in report["model"]["embedder"]


def kept(folder: Path) -> tuple[Path, Path]:
    """A gallery of six people with three faces each, and its key."""
    gallery = Gallery.create(folder / "people.gallery", folder / "key", by="owner")
    rng = np.random.default_rng(0)
    for person in range(6):
        rows = rng.normal(size=32) + 0.2 * rng.normal(size=(3, 32))
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        faces = Faces(np.ones((3, 4), np.float32), np.ones(3, np.float32), np.ones((3, 5, 2), np.float32))
        new = Sightings([f"{person}{number}" for number in range(3)], faces, rows, "double")
        gallery.enrol(f"Person {person}", new, consent=True, purpose="test", by="owner")
    return gallery.path, folder / "key"


def test_a_gallery_is_evaluated_and_its_log_says_so(tmp_path: Path) -> None:
    path, key = kept(tmp_path)
    said, _ = eye(path, "--key", key, "--by", "Anna", "--why", "yearly check", "--json")
    report = json.loads(said)
    assert report["verification"]["mated"] == 6 * 3
    assert report["verification"]["nonmated"] == 18 * 15 // 2
    assert report["identification"][0]["rank"][0]["hit_rate"] == 1
    assert "Person" not in said
    entry = Gallery.open(path, key).audit(newest_first=True, limit=1)[0]
    assert (entry.verb, entry.by, entry.why) == ("evaluate", "Anna", "yearly check")


def test_a_gallery_is_not_looked_into_without_a_reason(tmp_path: Path) -> None:
    path, key = kept(tmp_path)
    with pytest.raises(EyeError, match="say why"):
        eye(path, "--key", key, "--by", "Anna")


def test_mistakes_are_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(EyeError, match=r"ends in \.png, \.svg or \.pdf"):
        eye(scored(tmp_path / "scores.csv"), "-o", tmp_path / "det.jpeg")
    with pytest.raises(EyeError, match="is not there"):
        eye(tmp_path / "nothing.csv")
    with pytest.raises(EyeError, match="cannot write"):
        eye(tmp_path / "scores.csv", "--scores", tmp_path / "no" / "where.csv")
    (tmp_path / "one.csv").write_text("path_a,path_b,same,score\na,b,1,0.5\n")
    with pytest.raises(EyeError, match="one kind is missing"):
        eye(tmp_path / "one.csv", "-o", tmp_path / "det.png")
