"""Experts on several processes learn what they learn on one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from processes import run
from steps import SPARSE, Steps, curve, learner
from torch.distributed.tensor import DTensor

from compoundeye.nets import mixtures
from compoundeye.records import EyeError
from compoundeye.train import Checkpoints, Plan, lay_out, split_experts

TWO: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"shard": 2, "expert": 2}, SPARSE),
    ({"shard": 2}, SPARSE),
    ({"shard": 2, "expert": 2, "activation_checkpointing": "selective"}, {**SPARSE, "experts_each": 1}),
    ({"replicate": 2, "expert": 2, "microbatches": 2}, {**SPARSE, "bias": False}),
]
SAVED = {"shard": 4, "expert": 2}
FOUR: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"shard": 4, "expert": 2}, SPARSE),
    ({"replicate": 2, "shard": 2, "expert": 4}, SPARSE),
    ({"shard": 2, "context": 2, "expert": 2}, SPARSE),
]


def points(jobs: list[tuple[dict[str, Any], dict[str, Any]]]) -> list[Any]:
    return [curve(plan, config) for plan, config in jobs]


def held() -> tuple[list[tuple[int, ...]], str]:
    """Shapes of one mixture's parameters on this process, and what is said when experts do not divide."""
    model = learner(SPARSE)
    split_experts(model, layout := lay_out(Plan(expert=2), "cpu"))
    split_experts(model, layout)  # once is enough
    shapes = [
        tuple((one.to_local() if isinstance(one, DTensor) else one).shape) for one in next(mixtures(model)).parameters()
    ]
    try:
        split_experts(learner({**SPARSE, "experts": 3}), layout)
    except EyeError as error:
        return shapes, str(error)
    return shapes, ""


def four(folder: str) -> list[Any]:
    """Points of all plans; and of one more, whose last steps a checkpoint does not have."""
    taken = Steps(learner(SPARSE), lay_out(Plan(**SAVED), "cpu"))
    for number in range(2):
        taken.step(number)
    Checkpoints(Path(folder)).save(2, {"model": taken.model, "optimizer": taken.optimiser}, {}, wait=True)
    return [*points(FOUR), [taken.step(number) for number in range(2, 4)]]


def two() -> tuple[list[Any], Any]:
    return points(TWO), held()


def agree(jobs: list[tuple[dict[str, Any], dict[str, Any]]], found: list[list[Any]]) -> None:
    alone = points([({"microbatches": plan.get("microbatches", 1)}, config) for plan, config in jobs])
    assert alone[0][3][0] < alone[0][1][0] - 0.02  # the same pictures: they are learnt
    for rank, curves in enumerate(found):
        for (plan, _), one, many in zip(jobs, alone, curves, strict=True):
            for ours, theirs in zip(one, many, strict=True):
                assert theirs == pytest.approx(ours, rel=1e-5), (rank, plan, one, many)


def test_two_processes_learn_what_one_learns() -> None:
    found = run(two, 2)
    agree(TWO, [curves for curves, _ in found])
    for _, (shapes, refusal) in found:
        # Router whole; of 4 experts 2, of each both layers whole.
        assert shapes == [(4, 16), (2, 24, 16), (2, 24), (2, 16, 24), (2, 16)]
        assert "3 experts do not divide into expert 2" in refusal


def test_four_processes_learn_what_one_learns_and_one_goes_on_from_their_checkpoint(tmp_path: Path) -> None:
    found = run(four, 4, str(tmp_path))
    agree(FOUR, [curves[:-1] for curves in found])
    alone = Steps(learner(SPARSE), lay_out(Plan(), "cpu"))
    Checkpoints(tmp_path).load({"model": alone.model, "optimizer": alone.optimiser})
    for number, theirs in enumerate(found[0][-1]):
        assert alone.step(2 + number) == pytest.approx(theirs, rel=1e-5)


def test_one_process_keeps_all_experts() -> None:
    model = learner(SPARSE)
    split_experts(model, lay_out(Plan(), "cpu"))
    assert all(torch.equal(mixture.total(counts := torch.arange(4)), counts) for mixture in mixtures(model))
