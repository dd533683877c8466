"""Everything of a plan adds up, and what is not known is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compoundeye.capacity import Cluster, cluster, reliability
from compoundeye.cli._output import plain
from compoundeye.plan import Planned, Wishes, default_settings, layout_of, picture, planned, sizes
from compoundeye.plan._planned import under_repair
from compoundeye.records import EyeError
from compoundeye.train import Plan, Settings, learner, settings_of

FEW = ("model.options.depth=4", "data.batch=256")


@pytest.fixture(scope="module")
def where() -> Cluster:
    return cluster("a100-40", 16, storage="storage-100")


@pytest.fixture(scope="module")
def plan(where: Cluster) -> Planned:
    settings, remarks = default_settings("vit-b/16", FEW)
    return planned(settings, where, Wishes(corpus=1_000_000, epochs=30, price=2.0, remarks=remarks))


def test_what_is_told_adds_up(plan: Planned) -> None:
    assert sum(plan.step_parts.values()) == pytest.approx(plan.step)
    assert sum(plan.chosen.memory.parts.values()) == plan.chosen.memory.peak
    assert plan.budget.pictures == 30_000_000
    assert plan.seconds == pytest.approx(plan.step * plan.budget.steps)
    assert plan.days == pytest.approx(plan.seconds / 86_400 / plan.goodput.fraction)
    assert plan.gpu_hours == pytest.approx(plan.days * 24 * 16)
    assert plan.cost == pytest.approx(2 * plan.gpu_hours)
    assert plan.watts == 2 * plan.cluster.node.watts
    assert plan.goodput.fraction + sum(plan.goodput.lost.values()) == pytest.approx(1)
    assert plan.pictures_per_second * plan.step == pytest.approx(256)


def test_every_figure_has_a_source_and_a_name_of_its_own(plan: Planned) -> None:
    terms = plan.terms()
    keys = [one.key for one in terms]
    assert len(set(keys)) == len(keys)
    assert {"plan.days", "memory.peak", "time.total", "goodput.fraction", "checkpoint.bytes"} <= set(keys)
    assert all(one.source or one.formula for one in terms)
    told = {one.key: one.value for one in terms}
    assert told["plan.days"] == plan.days
    assert told["memory.peak"] == plan.chosen.memory.peak


def test_it_is_json_without_loss(plan: Planned) -> None:
    found = json.loads(json.dumps(plain(plan.as_dict())))
    assert found["chosen"]["memory"]["peak"] == plan.chosen.memory.peak
    assert Plan.model_validate(found["chosen"]["plan"]) == plan.chosen.plan
    assert found["remarks"] == list(plan.remarks)


def test_what_nobody_said_is_told(where: Cluster) -> None:
    settings, remarks = default_settings("vit-b/16", FEW[:1])
    found = planned(settings, where, Wishes(remarks=remarks, layout=Plan(precision="bf16", accumulate=4)))
    told = " ".join(found.remarks)
    for word in ("--classes", "--pictures-total", "4,096 pictures", "task classify"):
        assert word in told
    assert found.search.considered == 1
    quiet = planned(
        settings, where, Wishes(classes=10, pictures=1e6, layout=Plan(precision="bf16", accumulate=4), remarks=())
    )
    assert quiet.remarks == ()


def test_what_does_not_fit_is_one_sentence(where: Cluster) -> None:
    settings, _ = default_settings("vit-200b")
    with pytest.raises(EyeError, match=r"does not fit 16 a100-40: .* GB more than there are; take more GPUs"):
        planned(settings, where, Wishes(layout=Plan(precision="bf16", tensor=8, activation_checkpointing="full")))


def test_pictures_that_come_too_slowly_make_the_step_longer(where: Cluster) -> None:
    settings, _ = default_settings("vit-ti/16", FEW)
    slow = planned(settings, where, Wishes(classes=10, pictures=1e6, picture_bytes=5e6))
    assert slow.step > slow.chosen.time.total
    assert slow.step_parts["waiting for pictures"] > 0
    assert slow.data.input_bound > 0
    assert slow.mfu < slow.chosen.time.mfu
    assert any("too slowly" in one for one in slow.remarks)


def test_processes_of_one_data_rank_decode_as_often(where: Cluster) -> None:
    settings, _ = default_settings("vit-b/16", FEW)
    wishes = {"classes": 10, "pictures": 1e6}
    alone = planned(settings, where, Wishes(**wishes, layout=Plan(precision="bf16")))  # type: ignore[arg-type]
    four = planned(settings, where, Wishes(**wishes, layout=Plan(precision="bf16", tensor=4)))  # type: ignore[arg-type]
    for one, often in ((alone, 1), (four, 4)):
        assert one.data.pictures_per_second == pytest.approx(256 * often / one.chosen.time.total)


def test_nodes_under_repair_follow_from_failures() -> None:
    found = reliability("llama3")
    assert under_repair(found, 8) >= 1
    assert under_repair(found, 16_384) > under_repair(found, 1_024)
    assert under_repair(reliability("llama3", failures=0.0), 16_384) == 0


@pytest.mark.parametrize("task", ["classify", "margin", "contrastive", "masked"])
@pytest.mark.parametrize("optimiser", ["adamw", "sgd", "muon"])
def test_a_checkpoint_holds_what_optimisers_really_keep(task: str, optimiser: str) -> None:
    import torch

    from compoundeye.train._optimiser import optimisers

    target = {"masked": "none", "contrastive": "caption"}.get(task, "folder")
    settings = Settings.model_validate(
        {
            "data": {"corpora": [{"path": "none"}], "target": target, "view": {"size": 16}},
            "model": {"name": "vit-ti/16", "options": {"patch": 4, "width": 32, "depth": 2, "heads": 2}},
            "task": {
                "kind": task,
                "dimension": 8,
                "text": {"width": 8, "depth": 1, "heads": 1, "length": 8},
                "decoder": {"width": 32},
            },
            "optimiser": {"name": optimiser, "ema": 0.9},
        }
    )
    model = learner(settings, 6)
    steppers = optimisers(model, settings.optimiser)
    for one in model.modules():
        if hasattr(one, "begin"):
            one.begin(0)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for stepper in steppers:
        stepper.step()
    kept = [
        value for one in steppers for state in one.state.values() for value in state.values() if torch.is_tensor(value)
    ]
    found = sizes(settings, 6)
    assert found.parameters == sum(one.numel() for one in model.parameters())
    assert found.average == found.parameters
    assert found.moments == sum(one.numel() for one in kept if one.ndim)  # AdamW also counts steps, a scalar each


def test_a_layout_in_a_few_words() -> None:
    found = layout_of(Plan(precision="bf16"), "tensor=8, activation_checkpointing=full,compile=true")
    assert (found.tensor, found.activation_checkpointing, found.compile, found.precision) == (8, "full", True, "bf16")
    for text, said in (("tensr=8", "--layout tensr=8"), ("tensor", "--layout tensor"), ("tensor=x", "tensor")):
        with pytest.raises(EyeError, match=said):
            layout_of(Plan(), text)


def test_recipe_changes_leave_what_they_are_given_alone() -> None:
    values = {"data": {"corpora": [{"path": "c"}]}}
    assert settings_of(values, "here", ("data.batch=7",)).data.batch == 7
    assert values == {"data": {"corpora": [{"path": "c"}]}}


@pytest.mark.parametrize("layout", ["accumulate=2", "pipeline=4,microbatches=8,shard=-1", "tensor=2,context=2"])
def test_it_is_drawn(where: Cluster, tmp_path: Path, layout: str) -> None:
    from PIL import Image

    settings, _ = default_settings("vit-b/16", FEW)
    found = planned(settings, where, Wishes(classes=10, pictures=1e6, layout=layout_of(Plan(precision="bf16"), layout)))
    with Image.open(picture(found, tmp_path / "step.png")) as drawn:
        pixels = drawn.convert("RGB").getcolors(1 << 24) or []
        assert drawn.width > 1000
        assert len(pixels) > 20  # letters, bars and parts, not an empty page
    with pytest.raises(EyeError, match="should end in"):
        picture(found, tmp_path / "step.txt")
