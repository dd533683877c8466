"""What a plan says training refuses is what training refuses: its own code is asked."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from absent import one_of

from compoundeye.plan._rules import refusal, shape_of
from compoundeye.records import EyeError
from compoundeye.train import Plan, Settings, lay_out, learner
from compoundeye.train._settings import Settings as Checked
from compoundeye.train._work import shared

PLENTY = 4096
"""Pictures a step: every data rank has some."""


def settings_of(options: dict[str, Any], task: dict[str, Any], batch: int = PLENTY) -> Settings:
    kind = task.get("kind", "classify")
    target = {"masked": "none", "contrastive": "caption"}.get(kind, "folder")
    return Settings.model_validate(
        {
            "data": {
                "corpora": [{"path": "none"}],
                "target": target,
                "batch": batch,
                "view": {"size": options.get("image", 16)},
            },
            "model": {"name": "vit-ti/16", "options": {"patch": 4, "width": 24, "depth": 4, "heads": 4, **options}},
            "task": {**task, "text": {"width": 8, "depth": 1, "heads": 1, "length": 8}, "decoder": {"width": 32}},
        }
    )


def asked(settings: Settings, plan: Plan, world_size: int) -> str | None:
    """What training says of a plan: it builds the model, cuts it as planned and, of masked pictures, the tokens too."""
    try:
        Checked.model_validate({**settings.model_dump(), "plan": plan.model_dump()})
    except ValueError as error:
        return str(error)
    found = (_asked(settings, plan, world_size, stage * world_size // plan.pipeline) for stage in range(plan.pipeline))
    return next(filter(None, found), None)


def _asked(settings: Settings, plan: Plan, world_size: int, rank: int) -> str | None:
    with one_of(world_size, rank):
        try:
            layout = lay_out(plan, "cpu")
            model = learner(settings, 8, layout)
            shared(model, layout)
            if settings.task.kind == "masked":
                head: Any = model.head
                tokens = torch.empty(1, head.backbone.extra + head.visible, head.backbone.width)
                block = next(iter(model.backbone.blocks.values()))  # type: ignore[operator, union-attr]
                for hook in block._forward_pre_hooks.values():
                    if hook.__module__ == "compoundeye.train._sequence":
                        hook(block, (tokens,))
        except EyeError as error:
            return str(error)
    return None


MODELS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"hidden": 36, "heads": 8, "pool": "attention"}, {}),
    ({"depth": 3, "registers": 3}, {"mixup": 0.2}),
    ({"experts": 4, "hidden": 48}, {}),
    ({"experts": 6, "pool": "mean"}, {}),
    ({"experts": 2, "registers": 3}, {"kind": "margin", "dimension": 8}),
    ({"pool": "mean"}, {"kind": "masked", "masked": 0.5}),
    ({}, {"kind": "masked", "masked": 0.75}),
    ({"heads": 6}, {"kind": "contrastive", "dimension": 8}),
]


def drawn(chance: random.Random) -> tuple[Plan, int]:
    """A plan of up to 32 ranks, and how many it is for."""
    degrees = {name: chance.choice([1, 1, 2, 3, 4]) for name in ("tensor", "context", "pipeline", "replicate", "shard")}
    world = 1
    for degree in degrees.values():
        world *= degree
    more = {
        "expert": chance.choice([1, 1, 2, 3, 4]),
        "chunks": chance.choice([1, 1, 2]) if degrees["pipeline"] > 1 else 1,
        "microbatches": chance.choice([1, 2, 4, 6]),
        "compile": chance.random() < 0.2,
        "activation_checkpointing": chance.choice(["none", "selective", "full"]),
    }
    return Plan.model_validate({**degrees, **more}), world


@pytest.mark.parametrize("number", range(len(MODELS)))
@pytest.mark.filterwarnings("ignore")
def test_a_plan_is_refused_just_if_training_refuses_it(number: int) -> None:
    settings = settings_of(*MODELS[number])
    chance = random.Random(number)
    refused = taken = 0
    for _ in range(100):
        plan, world = drawn(chance)
        if not 1 < world <= 32 or (plan.expert > 1 and not settings.model.options.get("experts")):
            continue
        said, why = asked(settings, plan, world), refusal(settings, plan)
        assert (said is None) == (why is None), (plan, said, why)
        refused, taken = refused + (why is not None), taken + (why is None)
    assert refused > 3
    assert taken > 1


def test_ranks_without_work_are_not_sensible() -> None:
    found = refusal(settings_of({}, {}, batch=6), Plan(shard=8))
    assert found == ("ranks have work", "8 data ranks share 6 pictures: some would have none")
    assert refusal(settings_of({}, {}), Plan(shard=4, expert=2)) is not None


def test_only_vision_transformers_are_planned() -> None:
    values = settings_of({}, {}).model_dump()
    with pytest.raises(EyeError, match="vision transformers, and resnet-w32 is none"):
        shape_of(Settings.model_validate({**values, "model": {"name": "resnet-w32"}}))
