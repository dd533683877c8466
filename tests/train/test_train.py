"""Whole runs on a small corpus: learning, stopping, going on, going astray."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import run
from small_runs import settings_for

from compoundeye.records import EyeError
from compoundeye.train import Moment, Settings, train
from compoundeye.train._guard import Verdict, Watch


def losses(folder: Path) -> list[float]:
    """Training losses by step; what was logged later for a step counts."""
    found: dict[int, float] = {}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        values = json.loads(line)
        if values.get("split") == "train":
            found[values["step"]] = values["loss"]
    return [found[step] for step in sorted(found)]


def interrupted_at(step: int) -> Callable[[Moment], None]:
    """Ctrl-C during a step."""

    def tell(moment: Moment) -> None:
        if moment.step == step and moment.doing == "train":
            os.kill(os.getpid(), signal.SIGINT)

    return tell


def test_a_run_learns_and_leaves_what_it_promises(settings: Settings, tmp_path: Path) -> None:
    found = train(settings, tmp_path)
    assert found.finished
    assert (found.step, found.pictures, found.unread) == (24, 360, 0)
    assert found.figures["accuracy"] > 0.9
    assert found.figures["pictures"] == 30
    folder = Path(found.folder)
    for name in ("settings.json", "environment.json", "metrics.jsonl", "samples.png", "status.json"):
        assert (folder / name).stat().st_size, name
    assert json.loads((folder / "status.json").read_text())["state"] == "done"
    curve = losses(folder)
    assert len(curve) == 24
    assert sum(curve[-5:]) < sum(curve[:5])


def test_a_run_stopped_and_gone_on_with_has_the_losses_of_an_unbroken_one(settings: Settings, tmp_path: Path) -> None:
    train(settings, tmp_path / "unbroken")
    first = train(settings, tmp_path / "stopped", tell=interrupted_at(8))
    assert not first.finished
    assert first.step in (8, 9)
    assert json.loads((Path(first.folder) / "status.json").read_text())["state"] == "interrupted"
    second = train(settings, tmp_path / "stopped")
    assert second.finished
    assert second.pictures == 360
    assert losses(Path(second.folder)) == losses(tmp_path / "unbroken" / "colours")


def test_a_finished_run_has_nothing_left_to_do(settings: Settings, tmp_path: Path) -> None:
    train(settings, tmp_path)
    told: list[Moment] = []
    again = train(settings, tmp_path, tell=told.append)
    assert again.finished
    assert not told


def test_a_run_of_other_settings_is_not_touched(settings: Settings, tmp_path: Path) -> None:
    train(settings, tmp_path)
    other = settings.model_copy(update={"seed": 1})
    with pytest.raises(EyeError, match="seed = 0, not 1"):
        train(other, tmp_path)


def test_a_loss_that_is_never_a_number_ends_the_run_with_advice(settings: Settings, tmp_path: Path) -> None:
    wild = settings.model_copy(
        update={"optimiser": settings.optimiser.model_copy(update={"learning_rate": 1e30, "clip": 0.0, "warmup": 0.0})}
    )
    with pytest.raises(EyeError, match=r"lower optimiser\.learning_rate"):
        train(wild, tmp_path)
    assert json.loads((tmp_path / "colours" / "status.json").read_text())["state"] == "failed"


def train_there(corpus: str, runs: str, stop: int) -> bool:
    """A run in one of several processes."""
    return train(settings_for(corpus), runs, tell=interrupted_at(stop)).finished


def test_a_run_goes_on_with_another_number_of_processes(settings: Settings, colours: Path, tmp_path: Path) -> None:
    train(settings, tmp_path / "alone")
    assert run(train_there, 2, str(colours), str(tmp_path / "runs"), 7) == [False, False]
    assert train(settings, tmp_path / "runs", tell=interrupted_at(12)).step in (12, 13)
    assert run(train_there, 3, str(colours), str(tmp_path / "runs"), -1) == [True, True, True]
    assert losses(tmp_path / "runs" / "colours") == pytest.approx(losses(tmp_path / "alone" / "colours"), rel=2e-3)


def test_learning_from_pictures_alone_and_with_captions(settings: Settings, captioned: Path, tmp_path: Path) -> None:
    """Masked pictures, then pictures and captions: both validate by their loss, and have no classes to answer with."""
    options = {"width": 32, "depth": 2, "heads": 2, "patch": 4, "positions": "sine"}
    masked = settings_for(
        str(settings.data.corpora[0].path),
        name="masked",
        data={**settings.data.model_dump(), "target": "none"},
        model={"name": "vit-ti/16", "options": options},
        task={"kind": "masked", "decoder": {"width": 32, "depth": 1}},
    )
    found = train(masked, tmp_path)
    assert found.figures["loss"] < losses(Path(found.folder))[0]
    assert not (Path(found.folder) / "validation.parquet").exists()
    pairs = settings_for(
        str(captioned),
        name="pairs",
        epochs=8,
        data={
            "corpora": [{"path": str(captioned)}],
            "target": "caption",
            "batch": 12,
            "view": {"size": 16, "crop": "whole"},
        },
        validation={"where": "width > 0"},
        task={
            "kind": "contrastive",
            "dimension": 16,
            "text": {"width": 32, "depth": 1, "heads": 2, "length": 12},
        },
        optimiser={"learning_rate": 3e-3},
    )
    found = train(pairs, tmp_path)
    curve = losses(Path(found.folder))
    assert sum(curve[-3:]) < 0.8 * sum(curve[:3])


def test_a_spike_goes_back_to_a_checkpoint_and_passes_over_its_pictures(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[float] = []

    def judge(self: Watch, loss: float, gradient: float) -> Verdict:
        del self, gradient
        judged.append(loss)
        return Verdict.SPIKE if len(judged) == 8 else Verdict.FINE

    monkeypatch.setattr(Watch, "judge", judge)
    found = train(settings, tmp_path)
    assert found.finished
    assert found.pictures == 360 - 15  # the eighth step was never applied
    assert judged[5:7] == judged[8:10]  # from the checkpoint of step 5 the same steps again
    lines = [json.loads(line) for line in (tmp_path / "colours" / "metrics.jsonl").read_text().splitlines()]
    assert next(line["note"] for line in lines if line["split"] == "note").startswith("loss ")
