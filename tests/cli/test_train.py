"""`eye train`: a recipe, its mistakes, and several processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from compoundeye.cli import app
from compoundeye.corpus import ingest

RECIPE = """
name = "shades"
epochs = 2
[data]
corpora = [{{ path = "{corpus}" }}]
target = "folder"
batch = 8
view = {{ size = 8, crop = "whole" }}
threads = 1
[validation]
where = "width > 0"
[model]
name = "resnet"
options = {{ width = 4, blocks = 1 }}
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe for a corpus of 24 pictures, dark and light."""
    place = tmp_path_factory.mktemp("train")
    chance = np.random.default_rng(0)
    for number in range(24):
        folder = place / "pictures" / ("dark" if number % 2 else "light")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = chance.integers(0, 60, (10, 10, 3), np.uint8) + (0 if number % 2 else 180)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    ingest([str(place / "pictures")], str(place / "corpus.lance"), workers=1)
    (place / "shades.toml").write_text(RECIPE.format(corpus=place / "corpus.lance"))
    return place / "shades.toml"


def eye(*words: str) -> subprocess.CompletedProcess[str]:
    """What the command printed, and its exit code."""
    command = [sys.executable, "-m", "compoundeye.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_recipe_becomes_a_run_and_json_is_all_that_is_printed(recipe: Path, tmp_path: Path) -> None:
    done = eye("train", str(recipe), "--runs", str(tmp_path), "--set", "epochs=3", "--name", "mine", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["finished"], found["steps"], found["pictures"]) == (True, 9, 72)
    assert "accuracy" in done.stderr
    assert (tmp_path / "mine" / "validation.parquet").is_file()


def test_several_processes_are_one_run(recipe: Path, tmp_path: Path) -> None:
    done = eye("train", str(recipe), "--runs", str(tmp_path), "--nproc", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("shades") == 1
    status = json.loads((tmp_path / "shades" / "status.json").read_text())
    assert (status["state"], status["processes"], status["step"]) == ("done", 2, 6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "data.bach=1"], "data.bach: no such setting"),
        (["--set", "data.corpora.0.path=nowhere"], "no corpus at"),
        (["--set", "data.target=label"], "eye correct"),
        (["--set", "model.name=resnte"], "resnet"),
        (["--set", "model.options.widht=3"], "widht"),
        (["--nproc", "2", "--set", "plan.tensor=3"], "the plan needs 3 processes"),
        (["--set", "validation.where=widht > 3"], "widht"),
    ],
)
def test_a_mistake_is_one_sentence(recipe: Path, tmp_path: Path, words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["train", str(recipe), "--runs", str(tmp_path), *words], catch_exceptions=False)
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
