"""From a run to a model of the catalogue: the same answers, and a card that says where they come from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from compoundeye.cli import app
from compoundeye.corpus import Corpus
from compoundeye.models import WeightsError, card, catalogue_rows, load
from compoundeye.records import EyeError
from compoundeye.runs import RunFolder
from compoundeye.train import _export
from compoundeye.train._export import export
from compoundeye.train._recipe import as_json
from compoundeye.train._settings import Model, Settings, Task, Validation
from compoundeye.train._train import train


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without models."""
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COMPOUNDEYE_OFFLINE", "1")
    return tmp_path / "home" / "models"


def test_a_run_becomes_a_model_that_answers_as_its_validation_did(
    settings: Settings, tmp_path: Path, shelf: Path, colours: Path
) -> None:
    done = train(settings, tmp_path / "runs")
    run = RunFolder.open(done.folder)
    given = export(run.path, licence="CC0-1.0", notes="three colours")

    assert card("colours") == given
    assert json.loads((run.path / "export" / "colours.json").read_text()) == json.loads(
        (shelf / "colours" / "card.json").read_text()
    )
    assert (given.licence, given.notes, given.crop, given.input_size) == ("CC0-1.0", "three colours", "whole", 16)

    # Each picture through the model as `eye categorise` would do it, against what validation wrote down.
    model = load("colours")
    assert model.labels is not None
    assert model.labels.names == ("blue", "green", "red")
    answers = run.validation()
    assert answers.num_rows == 30
    ids = answers["id"].to_pylist()
    found = Corpus.open(str(colours)).pictures_by_id(ids, ["id", "image"])
    encoded = dict(zip(found["id"].to_pylist(), found["image"].to_pylist(), strict=True))
    pixels = np.stack([model.prepare(encoded[one]) for one in ids])
    logits = model(pixels).logits
    assert logits is not None
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    assert [model.labels.names[best] for best in shares.argmax(1)] == answers["predicted"].to_pylist()
    np.testing.assert_allclose(shares.max(1), answers["confidence"].to_numpy(), atol=1e-4)

    # And as a user does it.
    own = tmp_path / "own.lance"
    shutil.copytree(colours, own)
    shown = CliRunner().invoke(app, ["categorise", str(own), "--model", "colours", "--workers", "1", "--json"])
    assert shown.exit_code == 0, shown.stderr
    said = Corpus.open(str(own)).pictures_by_id(ids, ["id", "category_best", "category_by"])
    best = dict(zip(said["id"].to_pylist(), said["category_best"].to_pylist(), strict=True))
    assert [best[one] for one in ids] == answers["predicted"].to_pylist()
    assert said["category_by"][0].as_py().startswith(f"colours/1 sha256:{given.sha256[:16]} ")

    # The card.
    right = sum(a == b for a, b in zip(answers["target"].to_pylist(), answers["predicted"].to_pylist(), strict=True))
    assert given.metric.startswith(f"{100 * right / 30:.2f} % top-1 (95 % interval ")
    assert "corpus.lance version" in given.protocol
    assert "source LIKE '%/test/%'" in given.protocol
    assert "source LIKE '%/train/%'" in given.protocol
    assert "all of each picture at 16 pixels" in given.protocol
    assert given.facts["measured"]["right"] == right
    assert given.facts["checkpoint"]["step"] == done.step
    assert given.facts["checkpoint"]["order_key"]
    assert given.facts["check"]["largest_logits_difference"] < 1e-4
    row = next(row for row in catalogue_rows() if row.name == "colours")
    assert (row.yours, row.metric) == (True, given.metric)

    # Again: asked for.
    with pytest.raises(WeightsError, match="already"):
        export(run.path)
    again = export(run.path, replace=True)
    assert again.version == "2"
    assert again.sha256 == given.sha256


def test_a_run_exports_without_its_corpus_once_it_wrote_its_classes(
    settings: Settings, tmp_path: Path, shelf: Path, colours: Path
) -> None:
    own = tmp_path / "own.lance"
    shutil.copytree(colours, own)
    data = settings.data.model_copy(
        update={"corpora": (settings.data.corpora[0].model_copy(update={"path": str(own)}),)}
    )
    short = settings.model_copy(
        update={"data": data, "epochs": 0.25, "validation": Validation(), "model": Model(name="resnet-w8")}
    )
    run = RunFolder.open(train(short, tmp_path / "runs").folder)
    run.write_classes(("blue", "green", "red"))
    shutil.rmtree(own)

    given = export(run.path, "tiny")
    assert shelf.is_dir()
    assert given.name == "tiny"
    assert given.metric == "not measured"
    assert given.facts["measured"] is None
    assert load("tiny").labels.names == ("blue", "green", "red")  # type: ignore[union-attr]
    shown = CliRunner().invoke(
        app, ["runs", str(run.path), "--export", "tiny", "--replace", "--licence", "MIT", "--json"]
    )
    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["version"] == "2"
    assert card("tiny").licence == "MIT"


@pytest.mark.parametrize(("kind", "classes"), [("margin", 3), ("margin", None), ("masked", None)])
def test_other_tasks_than_classifying_can_be_exported(
    kind: str, classes: int | None, settings: Settings, tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not shelf.exists()
    if kind == "margin" and classes is None:
        monkeypatch.setattr(_export, "MOST_LABELS", 2)
    task = Task(kind=kind, dimension=24, decoder={"width": 64, "depth": 1})  # type: ignore[arg-type]
    data = settings.data
    if kind == "masked":
        data = data.model_copy(update={"target": "none"})
    short = settings.model_copy(update={"task": task, "data": data, "epochs": 0.25, "validation": Validation()})
    given = _export.export(train(short, tmp_path / "runs").folder)
    assert given.task == ("embed" if classes is None else "classify")
    model = load("colours")
    assert (None if model.labels is None else len(model.labels)) == classes
    found = model(np.zeros((2, 16, 16, 3), np.uint8))
    assert found.embedding.shape == (2, 24 if kind == "margin" else 32)


def test_a_run_that_saved_nothing_yet_cannot_be_exported(settings: Settings, tmp_path: Path, shelf: Path) -> None:
    run = RunFolder.create(tmp_path, "new")
    run.write_settings(as_json(settings))
    with pytest.raises(EyeError, match="has no checkpoint yet"):
        export(run.path)
    assert not shelf.exists()
