"""`eye plan`: one page, its files, and mistakes in one sentence."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from compoundeye.cli import app
from compoundeye.runs import RunFolder
from compoundeye.train import read_recipe

SMALL = ("--model", "vit-b/16", "--gpu", "a100-40", "--set", "data.batch=256", "--set", "model.options.depth=4")
RECIPE = """
epochs = 3
[data]
corpora = [{ path = "nowhere.lance" }]
target = "folder"
batch = 64
[model]
name = "vit-s/16"
[plan]
precision = "bf16"
"""


def eye(*words: str) -> Result:
    return CliRunner().invoke(app, ["plan", *words], catch_exceptions=False)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "small.toml").write_text(RECIPE)
    return tmp_path / "small.toml"


def test_the_page_says_what_a_person_signs_for() -> None:
    done = eye(*SMALL, "--gpus", "16", "--pictures-total", "1e8", "--price", "2")
    assert done.exit_code == 0, done.stderr
    for word in ("layout", "memory of a GPU", "one step", "training", "failures", "data", "days", "GPU-hours", "power"):
        assert word in done.stdout
    assert "cost" in done.stdout
    assert "eye plan --model vit-b/16 --gpus 16" in done.stdout
    command = shlex.split(done.stdout.splitlines()[-1].partition("go on with: ")[2])
    for word in ("data.batch=256", "model.options.depth=4", "a100-40", "1e+08", "plan.toml"):
        assert word in command


def test_the_files_are_what_training_and_people_take(tmp_path: Path) -> None:
    toml, png = tmp_path / "plan.toml", tmp_path / "plan.png"
    done = eye(*SMALL, "--gpus", "16", "--classes", "10", "-o", str(toml), "-o", str(png), "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    settings = read_recipe(str(toml))
    assert settings.plan.model_dump(mode="json") == found["chosen"]["plan"]
    assert settings.plan.fit(16) == settings.plan
    assert settings.saving.every == found["save_every"]
    assert settings.data.batch == 256
    assert png.read_bytes().startswith(b"\x89PNG")


def test_a_recipe_is_planned_though_its_corpus_is_elsewhere(recipe: Path) -> None:
    done = eye(str(recipe), "--gpus", "8", "--pictures", "1000000", "--classes", "100", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["budget"]["pictures"] == 3_000_000
    assert found["classes"] == 100
    untold = json.loads(eye(str(recipe), "--gpus", "8", "--json").stdout)
    assert any("the corpus was not looked at" in remark for remark in untold["remarks"])


def test_numbers_of_gpus_are_compared() -> None:
    words = (*SMALL, "--classes", "10", "--pictures-total", "1e9", "--gpus", "8", "--gpus", "16", "--json")
    fast, cheap = (json.loads(eye(*words, "--by", by).stdout) for by in ("time", "cost"))
    assert [one["gpus"] for one in fast["compared"]] == [8, 16]
    assert fast["days"] == min(one["days"] for one in fast["compared"])
    assert cheap["gpu_hours"] == min(one["gpu_hours"] for one in cheap["compared"])


def test_one_layout_is_judged_and_every_number_explained() -> None:
    done = eye(*SMALL, "--gpus", "8", "--layout", "tensor=2,accumulate=2", "--explain")
    assert done.exit_code == 0, done.stderr
    assert "shard 4, tensor 2, accumulate 2" in done.stdout
    for word in ("time.total", "memory.peak", "goodput.fraction", "accelerator.peak.bf16", "data sheet"):
        assert word in done.stdout


def test_a_rank_is_really_run_without_its_hardware() -> None:
    words = (*SMALL, "--gpus", "8", "--layout", "tensor=2,shard=4", "--set", "model.options.depth=2", "--dry-run")
    done = eye(*words, "--rank", "3")
    assert done.exit_code == 0, done.stderr
    assert "rank 3 of 8" in done.stdout
    for word in ("peak memory, bytes", "forward, FLOPs", "forward all_gather shard, bytes"):
        assert word in done.stdout


def test_a_run_is_laid_beside_its_plan(tmp_path: Path, recipe: Path) -> None:
    run = RunFolder.create(tmp_path, "small")
    run.write_settings(read_recipe(str(recipe)).model_dump(mode="json"))
    run.write_classes(("cat", "dog"))
    for step in (10, 20, 30):
        told = {"seconds": 5.0, "waiting": 1.0, "validating": 0.0, "saving": 0.5, "memory": 3e9}
        run.log("train", step, 64 * step, loss=1.0, **told)
    run.set_status("done", step=30, steps=30, processes=8)
    done = eye("--run", str(run.path), "--gpu", "h100", "--json")
    assert done.exit_code == 0, done.stderr
    rows = {row["key"]: row for row in json.loads(done.stdout)["rows"]}
    assert rows["time.step"]["measured"] == pytest.approx(0.35)
    assert rows["memory.peak"]["ratio"] == pytest.approx(3e9 / rows["memory.peak"]["planned"])
    page = eye("--run", str(run.path), "--gpu", "h100", "--explain").stdout
    for word in ("small: done, step 30 of 30, 8 x h100", "measured / planned", "share.waiting", "time.total"):
        assert word in page


def test_an_archive_is_planned() -> None:
    done = eye("--categorise", "1000000000", "--machines", "4", "--cores", "64", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["pictures"] == 1_000_000_000
    assert "categorise" in eye("--categorise", "1000000000").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say what is planned"),
        (("recipe.toml", "--model", "vit-b/16"), "say what is planned"),
        (("--model", "vit-x"), "there is no"),
        (("--model", "resnet"), "vision transformers"),
        (("--model", "vit-b/16", "--gpu", "h1000"), "h100"),
        (("--model", "vit-b/16", "--network", "ib-nrd"), "ib-ndr"),
        (("--model", "vit-b/16", "--set", "data.bach=1"), "data.bach: no such setting"),
        (("--model", "vit-b/16", "--layout", "tensr=2"), "--layout tensr=2"),
        (("--model", "vit-b/16", "--layout", "tensor=3"), "the plan needs"),
        (("--model", "vit-b/16", "--layout", "tensor=8"), "12 heads do not divide"),
        (("--model", "vit-200b", "--gpus", "8"), "does not fit 8 h100"),
        (("--model", "vit-b/16", "--epochs", "3"), "epochs of how many pictures"),
        (("--model", "vit-b/16", "--reliability", "llama"), "llama3"),
        (("--run", "nowhere"), "is not a run"),
        (("nowhere.toml",), "cannot read the recipe"),
        (("--categorise", "10", "--model", "nothing"), "nothing"),
    ],
)
def test_a_mistake_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    done = eye(*words)
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = eye(*SMALL, "--gpus", "8", "-o", str(tmp_path / "no" / "plan.toml"))
    assert done.exit_code == 1
    assert "cannot write" in done.stderr
