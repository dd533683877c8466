"""A run that was really trained lies beside its plan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.checkpoint.metadata import TensorStorageMetadata

from compoundeye.capacity import cluster
from compoundeye.corpus import ingest
from compoundeye.plan import Actual, actual, sizes
from compoundeye.records import EyeError
from compoundeye.runs import RunError, RunFolder
from compoundeye.train import Settings, train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 steps."""
    place = tmp_path_factory.mktemp("actual")
    chance = np.random.default_rng(0)
    for number in range(24):
        folder = place / "pictures" / ("dark" if number % 2 else "light")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = chance.integers(0, 60, (10, 10, 3), np.uint8) + (0 if number % 2 else 180)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    ingest([str(place / "pictures")], str(place / "corpus.lance"), workers=1)
    settings = Settings.model_validate(
        {
            "name": "shades",
            "epochs": 4,
            "data": {
                "corpora": [{"path": str(place / "corpus.lance")}],
                "batch": 8,
                "view": {"size": 8, "crop": "whole"},
                "threads": 1,
            },
            "validation": {"where": "width > 0"},
            "model": {"name": "vit-ti/16", "options": {"width": 16, "depth": 2, "heads": 2, "patch": 4}},
            "saving": {"every": 5},
            "optimiser": {"ema": 0.5},
            "log_every": 2,
        }
    )
    train(settings, place / "runs")
    return place / "runs" / "shades"


@pytest.fixture(scope="module")
def found(run: Path) -> Actual:
    return actual(run)


def measured(found: Actual) -> dict[str, float | None]:
    return {row.key: row.measured for row in found.rows}


def test_it_tells_of_the_run_what_the_run_told(found: Actual, run: Path) -> None:
    assert (found.state, found.step, found.steps, found.processes) == ("done", 12, 12, 1)
    lines = [line.numbers for line in RunFolder.open(run).metrics() if line.split == "train"]
    own = sorted((n["seconds"] - n["waiting"] - n["validating"] - n["saving"]) / 2 for n in lines[1:])
    told = measured(found)
    assert told["time.step"] == pytest.approx((own[2] + own[(len(own) - 1) // 2]) / 2)
    whole = sum(n["seconds"] for n in lines)
    assert told["share.validating"] == pytest.approx(sum(n["validating"] for n in lines) / whole)
    assert told["share.validating"] > 0  # type: ignore[operator]
    assert told["time.whole"] == RunFolder.open(run).status()["seconds"]


def test_each_figure_is_beside_that_of_the_plan(found: Actual) -> None:
    rows = {row.key: row for row in found.rows}
    for key in ("time.step", "pictures", "mfu", "time.whole"):
        row = rows[key]
        assert row.planned is not None
        assert row.planned > 0
        assert row.measured is not None
        assert row.ratio == pytest.approx(row.measured / row.planned)
    assert rows["memory.peak"].planned is not None
    assert rows["memory.peak"].measured is None  # a run on a processor does not tell
    assert any("GPU" in remark for remark in found.remarks)
    assert rows["pictures"].planned == pytest.approx(8 / rows["time.step"].planned)  # type: ignore[operator]


def test_terms_say_where_figures_are_from(found: Actual) -> None:
    told = {one.key: one for one in found.terms()}
    assert told["actual.time.step"].kind == "measured"
    assert told["actual.time.step"].source.startswith("metrics.jsonl")
    assert "memory.peak" in told


def test_a_checkpoint_holds_what_was_planned(run: Path) -> None:
    held = sizes(Settings.model_validate(RunFolder.open(run).settings()), 2)
    newest = max((run / "checkpoints").glob("step-*"))
    listed = FileSystemReader(newest).read_metadata().state_dict_metadata
    whole = {name: one.size.numel() for name, one in listed.items() if isinstance(one, TensorStorageMetadata)}
    # States of random number generators, and AdamW's counts of steps, are beside it.
    beside = [name for name in whole if ".random." in f".{name}" or name.endswith(".step")]
    kept = {name: number for name, number in whole.items() if name not in beside}
    assert 4 * sum(kept.values()) == held.bytes


def test_runs_that_cannot_be_compared_say_why(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run"):
        actual(tmp_path)
    with pytest.raises(EyeError, match="ran on 1 processes, and the plan is for 8"):
        actual(run, cluster("h100", 8))
    fresh = RunFolder.create(tmp_path, "fresh")
    fresh.write_settings(RunFolder.open(run).settings())
    with pytest.raises(EyeError, match="has told of no step yet"):
        actual(fresh.path)
    fresh.log("train", 1, 8, loss=1.0)
    with pytest.raises(EyeError, match="does not say what it ran on: give --gpu"):
        actual(fresh.path)


def test_a_run_of_an_older_version_tells_less_and_is_still_compared(run: Path, tmp_path: Path) -> None:
    old = RunFolder.create(tmp_path, "old")
    old.write_settings(RunFolder.open(run).settings())
    old.write_environment()
    old.write_classes(("dark", "light"))
    for step in (1, 2, 3):
        old.log("train", step, 8 * step, loss=1.0, pictures_per_second=16.0)
    told = measured(actual(old.path, cluster("cpu", 1)))
    assert told["pictures"] == 16
    assert told["time.step"] is None
    assert told["share.saving"] is None


def test_a_network_that_is_not_planned_is_measured_all_the_same(run: Path, tmp_path: Path) -> None:
    other = RunFolder.create(tmp_path, "other")
    settings = RunFolder.open(run).settings()
    other.write_settings({**settings, "model": {"name": "resnet"}})
    for step in (1, 2, 3):
        other.log("train", step, 8 * step, seconds=2.0, waiting=0.5, validating=0.25, saving=0.25)
    found = actual(other.path, cluster("cpu", 1))
    assert any(remark.startswith("nothing is planned") for remark in found.remarks)
    rows = {row.key: row for row in found.rows}
    assert rows["time.step"].planned is None
    assert rows["time.step"].measured == 1.0
    assert rows["time.step"].ratio is None
    assert json.dumps(found.as_dict())
