"""A pipeline of several processes learns what one process learns, and its checkpoints fit any layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from processes import run
from steps import BATCH, CONFIG, SPARSE, Steps, batch, curve, learner
from torch import Tensor

from compoundeye.nets import ViT, ViTConfig
from compoundeye.records import EyeError
from compoundeye.train import Checkpoints, Pipelined, Plan, lay_out
from compoundeye.train._pipeline import cut, part_of

Job = tuple[dict[str, Any], dict[str, Any], int]
"""Plan, network, chunks of blocks a process."""

TWO: list[Job] = [
    ({"pipeline": 2, "microbatches": 4}, CONFIG, 1),
    ({"pipeline": 2, "microbatches": 2}, {**CONFIG, "pool": "attention", "norm_in": True, "depth": 5}, 1),
    ({"pipeline": 2, "microbatches": 4, "activation_checkpointing": "full"}, SPARSE, 2),
]
FOUR: list[Job] = [
    ({"pipeline": 2, "shard": 2, "microbatches": 2}, CONFIG, 1),
    ({"pipeline": 2, "shard": 2, "expert": 2, "microbatches": 2, "accumulate": 2}, SPARSE, 1),
    ({"pipeline": 2, "tensor": 2, "microbatches": 2}, CONFIG, 2),
]


def points(jobs: list[Job]) -> list[Any]:
    return [curve(plan, config, chunks=chunks) for plan, config, chunks in jobs]


def agree(jobs: list[Job], found: list[list[Any]]) -> None:
    alone = points([(_parts(plan), config, 1) for plan, config, _ in jobs])
    assert alone[0][3][0] < alone[0][1][0] - 0.02  # the same pictures: they are learnt
    for rank, curves in enumerate(found):
        for (plan, _, _), one, many in zip(jobs, alone, curves, strict=True):
            for ours, theirs in zip(one, many, strict=True):
                assert theirs == pytest.approx(ours, rel=1e-5), (rank, plan, one, many)


def _parts(plan: dict[str, Any]) -> dict[str, Any]:
    """What decides which pictures go through a router together: the part of a plan that one process can have."""
    return {name: plan[name] for name in ("microbatches", "accumulate") if name in plan}


def saved(folder: str) -> tuple[dict[str, Tensor], Tensor, float, str]:
    """This stage's parameters after some steps, kept in a checkpoint; answers and a draw in between; a complaint."""
    layout = lay_out(Plan(pipeline=2, microbatches=2), "cpu")
    taken = Steps(learner(CONFIG), layout)
    assert taken.pipelined is not None
    for number in range(2):
        taken.step(number)
    answers = taken.pipelined.predict(batch(0)[0], taken.model.head)
    drawn = float(torch.rand(()))
    taken.step(2)  # an answer in between leaves no trace
    Checkpoints(Path(folder)).save(2, {"model": taken.model, "optimizer": taken.optimiser}, {}, wait=True)
    parameters = {name: one.detach().full_tensor() for name, one in taken.model.named_parameters()}
    try:
        taken.pipelined.step(batch(0)[0][:3], *(part[:3] for part in batch(0)[1:]))
    except EyeError as error:
        return parameters, answers, drawn, str(error)
    return parameters, answers, drawn, ""


def two(folder: str) -> tuple[list[Any], Any]:
    return points(TWO), saved(folder)


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    found = run(two, 2, str(tmp_path))
    agree(TWO, [curves for curves, _ in found])

    alone = Steps(learner(CONFIG), lay_out(Plan(microbatches=2), "cpu"))
    for number in range(2):
        alone.step(number)
    with torch.no_grad():
        expected = alone.model.head(alone.model.backbone(alone.model.normalised(batch(0)[0])))
    alone.step(2)
    first, last = (parameters for _, (parameters, *_) in found)
    assert found[0][1][2] != found[1][1][2]  # their layers do not skip the same pictures
    assert sorted([*first, *last]) == sorted(name for name, _ in alone.model.named_parameters())
    assert {"backbone.patch.weight", "backbone.position", "backbone.blocks.1.norm1.weight"} <= set(first)
    assert {"backbone.norm.weight", "head.weight", "backbone.blocks.2.norm1.weight"} <= set(last)
    for _, (_, answers, _, refusal) in found:
        torch.testing.assert_close(answers, expected, rtol=1e-4, atol=1e-5)
        assert "3 pictures a process do not divide into 2 microbatches" in refusal

    again = Steps(learner(CONFIG), lay_out(Plan(microbatches=2), "cpu"))
    Checkpoints(tmp_path).load({"model": again.model, "optimizer": again.optimiser})
    for name, parameter in again.model.named_parameters():
        assert torch.equal(parameter, {**first, **last}[name])
    assert again.step(3) == pytest.approx(alone.step(3), rel=1e-3)


def test_four_processes_learn_what_one_learns() -> None:
    agree(FOUR, run(points, 4, FOUR))


@pytest.mark.parametrize(
    ("depth", "stages", "lengths"),
    [(12, 4, [3, 3, 3, 3]), (5, 2, [3, 2]), (6, 4, [1, 2, 2, 1]), (7, 4, [2, 2, 2, 1]), (3, 3, [1, 1, 1])],
)
def test_the_ends_have_no_more_blocks_than_the_middle(depth: int, stages: int, lengths: list[int]) -> None:
    cuts = cut(depth, stages)
    assert [len(one) for one in cuts] == lengths
    assert [block for one in cuts for block in one] == list(range(depth))


def test_parts_of_a_network_one_after_the_other_are_the_network() -> None:
    torch.manual_seed(0)
    vit = ViT(ViTConfig(**{**CONFIG, "pool": "attention", "norm_in": True}))
    parts = [part_of(vit, one, first=i == 0, last=i == 2) for i, one in enumerate(cut(4, 3))]
    pictures = torch.randn(2, 3, 12, 12)
    y = pictures
    for part in parts:
        y = part(y)
    assert torch.equal(y, vit(pictures))
    assert sorted(name for part in parts for name in part.state_dict()) == sorted(vit.state_dict())  # none twice


@pytest.mark.parametrize(
    ("microbatches", "chunks", "complaint"),
    [(4, 5, "4 blocks do not make 5 stages"), (0, 1, "1 needs as many microbatches, not 0")],
)
def test_what_makes_no_pipeline_is_refused(microbatches: int, chunks: int, complaint: str) -> None:
    model = learner(CONFIG)
    with pytest.raises(EyeError, match=complaint):
        Pipelined(model, lay_out(Plan(), "cpu"), microbatches, model.judged, chunks=chunks)


def test_only_a_vision_transformer_with_a_head_is_cut() -> None:
    model = learner(CONFIG)
    model.other = torch.nn.Linear(2, 2)
    with pytest.raises(EyeError, match="only a vision transformer with a head"):
        Pipelined(model, lay_out(Plan(), "cpu"), BATCH, model.judged)
