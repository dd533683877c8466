"""From a run to a model of the catalogue, with a card that says what it was made of and how good it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from compoundeye.evaluate import wilson_interval
from compoundeye.models import Card, register
from compoundeye.records import EyeError
from compoundeye.runs import RunFolder, series
from compoundeye.train._average import Average
from compoundeye.train._checkpoint import Checkpoints
from compoundeye.train._data import training
from compoundeye.train._learner import Learner, learner
from compoundeye.train._onnx import Exported, export_onnx
from compoundeye.train._recipe import as_json, settings_of
from compoundeye.train._settings import Settings
from compoundeye.train._view import View

MOST_LABELS = 100_000
"""Identities of a face recogniser are found by their embeddings, not named by logits."""


@dataclass(frozen=True, slots=True)
class _Trained:
    """What a run came to, on the CPU."""

    run: RunFolder
    settings: Settings
    classes: tuple[str, ...]
    learner: Learner
    average: Average | None
    facts: Mapping[str, Any]
    """Of the checkpoint."""


def export(
    run: str | os.PathLike[str],
    name: str | None = None,
    *,
    licence: str = "not stated",
    notes: str = "",
    replace: bool = False,
) -> Card:
    """Put what a run has learnt so far into this machine's catalogue, as ONNX: ``eye categorise --model NAME``.

    The newest whole checkpoint is taken, with its averaged weights if the run has them, since these were validated.
    The graph is compared with the network itself before it is kept. The card is written into the run's folder too.
    With more than 100,000 classes the model embeds and does not name: weights of so many would not fit into a file.

    Args:
        run: the folder of a run; it may still go on.
        name: of the model; the run's if not given.
        licence: of the model, for its card: you know that of the pictures.
        notes: for its card.
        replace: take the place of a model of this name, with the next version number.

    Raises:
        EyeError: no such run, no checkpoint, the name is taken, or the network cannot be written as ONNX.
    """
    folder = RunFolder.open(run)
    trained = _trained(folder)
    settings = trained.settings
    view = (settings.validation.view or settings.data.view).evaluation()
    with trained.average.applied() if trained.average else nullcontext():
        found = export_onnx(trained.learner, view.size, labels=len(trained.classes) <= MOST_LABELS)
    measured = _measured(folder)
    card = register(
        name or folder.name,
        found.onnx,
        input_size=view.size,
        labels=trained.classes if found.labels else None,
        crop="whole" if view.crop == "whole" else "centre",
        crop_fraction=view.fraction,
        licence=licence,
        metric=_metric(measured),
        protocol=_protocol(trained, view, measured),
        notes=notes,
        facts=_facts(trained, found, measured),
        replace=replace,
    )
    place = folder.path / "export"
    place.mkdir(exist_ok=True)
    told = Path(str(card.folder)).parent / "card.json"
    (place / f"{card.name}.json").write_bytes(told.read_bytes())
    return card


def _trained(folder: RunFolder) -> _Trained:
    settings = settings_of(folder.settings(), str(folder.path / "settings.json"))
    checkpoints = Checkpoints(folder.path / "checkpoints")
    if checkpoints.latest() is None:
        raise EyeError(f"{folder.path} has no checkpoint yet: let `eye train` go on until it has saved one")
    classes = folder.classes()
    if classes is None:
        classes = training(settings).names
    # What a pretrained network was made of is in the checkpoint: nothing needs to be fetched.
    fresh = settings.model_copy(update={"model": settings.model.model_copy(update={"pretrained": False})})
    with torch.random.fork_rng(devices=[]):
        made = learner(fresh, len(classes))
        average = Average(made, settings.optimiser.ema) if settings.optimiser.ema else None
        state = {"model": made} if average is None else {"model": made, "average": average}
        facts = checkpoints.load(state)
    return _Trained(folder, settings, classes, made, average, facts)


def _measured(folder: RunFolder) -> dict[str, Any] | None:
    """Accuracy of the last validation with its 95 % interval; None where nothing was validated."""
    try:
        table = folder.validation()
    except EyeError:
        return None
    total = table.num_rows
    if not total:
        return None
    right = sum(a == b for a, b in zip(table["target"].to_pylist(), table["predicted"].to_pylist(), strict=True))
    low, high = wilson_interval(right, total)
    steps, _ = series(folder.metrics(), "validation", "accuracy")
    return {
        "metric": "top-1 accuracy",
        "right": right,
        "pictures": total,
        "value": right / total,
        "low": low,
        "high": high,
        "step": int(steps[-1]) if steps else None,
    }


def _metric(measured: Mapping[str, Any] | None) -> str:
    if measured is None:
        return "not measured"
    low, value, high = (100 * measured[key] for key in ("low", "value", "high"))
    return f"{value:.2f} % top-1 (95 % interval {low:.2f} to {high:.2f}) on {measured['pictures']:,} pictures"


def _protocol(trained: _Trained, view: View, measured: Mapping[str, Any] | None) -> str:
    settings, step = trained.settings, trained.facts["step"]
    looked = "all of each picture" if view.crop == "whole" else f"the central {view.fraction:g} of each picture"
    averaged = f", averaged with decay {settings.optimiser.ema:g}" if settings.optimiser.ema else ""
    weights = f"the weights of step {step:,}{averaged}"
    learnt = f"learnt from {_sources(settings.data.corpora, settings.data.where)}; target {settings.data.target}"
    if measured is None:
        return f"{weights}; {looked} at {view.size} pixels; {learnt}"
    held = _sources(settings.validation.corpora or settings.data.corpora, settings.validation.where)
    at = measured["step"]
    other = "" if at in (None, step) else f" (measured at step {at:,})"
    return f"one view, {looked} at {view.size} pixels, of every picture of {held}; {weights}{other}; {learnt}"


def _sources(sources: Any, where: str | None) -> str:
    told = []
    for source in sources:
        condition = " AND ".join(f"({one})" for one in (where, source.where) if one)
        told.append(f"{Path(source.path).name} version {source.version}" + (f" where {condition}" if condition else ""))
    return ", ".join(told)


def _facts(trained: _Trained, found: Exported, measured: Mapping[str, Any] | None) -> dict[str, Any]:
    settings = as_json(trained.settings)
    canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return {
        "run": str(trained.run.path.resolve()),
        "network": {"name": trained.settings.model.name, "options": settings["model"]["options"]},
        "data": settings["data"]["corpora"],
        "target": trained.settings.data.target,
        "validation": settings["validation"]["corpora"],
        "measured": dict(measured) if measured else None,
        "checkpoint": {key: trained.facts.get(key) for key in ("step", "position", "order_key", "pictures", "unread")},
        "settings_sha256": hashlib.sha256(canonical.encode()).hexdigest(),
        "check": {
            "against": f"PyTorch {torch.__version__}",
            "runtime": found.runtime,
            "random_pictures": found.pictures,
            "largest_embedding_difference": found.embedding_difference,
            "largest_logits_difference": found.logits_difference,
        },
    }
