"""A tiny vision transformer's training, for tests of plans: as a case, and as a real step."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from compoundeye.plan import Case
from compoundeye.train import Settings, Stepper, lay_out, learner, shared, total_of

WIDTH, DEPTH, HEADS, IMAGE, PATCH, CLASSES = 64, 3, 4, 32, 8, 10
TOKENS = (IMAGE // PATCH) ** 2 + 1
HIDDEN = 4 * WIDTH
TINY = {"hidden": HIDDEN, "width": WIDTH, "depth": DEPTH, "heads": HEADS, "patch": PATCH}


def case(world: int = 1, batch: int = 8, classes: int = CLASSES, **sections: Any) -> Case:
    """A tiny vision transformer, with sections of settings as keywords and ``plan`` among them."""
    task = sections.get("task", {})
    target = {"masked": "none", "contrastive": "caption"}.get(task.get("kind", "classify"), "folder")
    model = {"name": "vit-ti", **sections.pop("model", {})}
    model["options"] = {**TINY, **model.get("options", {})}
    data = {"corpora": [{"path": "nowhere"}], "batch": batch, "view": {"size": IMAGE}, "target": target}
    return Case.of(Settings.model_validate({"data": data, "model": model, **sections}), classes, world)


def steps(of: Case) -> tuple[nn.Module, Stepper, tuple[torch.Tensor, ...]]:
    """The same on real tensors: learner, stepper, and pictures of this data rank."""
    layout = lay_out(of.plan, "cpu")
    model = learner(of.settings, of.classes, layout)
    step = Stepper.of(model, shared(model, layout), of.settings, layout, 2)
    rows = of.rows * of.plan.accumulate
    pictures = torch.zeros(rows, IMAGE, IMAGE, 3, dtype=torch.uint8)
    return model, step, (pictures, torch.arange(rows) % of.classes, torch.ones(rows, dtype=torch.bool))


def do(step: Stepper, number: int, batch: tuple[torch.Tensor, ...]) -> None:
    if step.layout.mesh is not None:
        total_of([1.0, 0.0, 0.0], step.layout)
    sums = step.learn(number, *batch, pictures=step.settings.data.batch)  # type: ignore[misc]
    step.clip()
    if step.layout.mesh is not None:
        total_of([float(value) for value in sums.values()], step.layout)
    step.update()
