"""The norm of gradients does not depend on where they are."""

from __future__ import annotations

from math import inf, sqrt

import pytest
import torch
from processes import run
from torch import nn
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

from compoundeye.train import Layout, Plan, clip_gradients, lay_out


def with_gradient(value: torch.Tensor) -> nn.Parameter:
    parameter = nn.Parameter(torch.zeros_like(value))
    parameter.grad = value
    return parameter


@pytest.fixture(scope="module")
def alone() -> Layout:
    return lay_out(Plan(), "cpu")


def test_a_long_gradient_is_shortened_and_a_short_one_is_not(alone: Layout) -> None:
    parameters = [
        with_gradient(torch.tensor([3.0, 0.0])),
        with_gradient(torch.tensor([[4.0]])),
        nn.Parameter(torch.ones(1)),
    ]
    assert float(clip_gradients(parameters, 10.0, alone)) == 5.0
    assert float(clip_gradients(parameters, inf, alone)) == 5.0
    assert float(clip_gradients(parameters, 1.0, alone)) == 5.0
    assert float(clip_gradients(parameters, inf, alone)) == pytest.approx(1.0, rel=1e-5)
    assert parameters[2].grad is None


def test_what_is_not_a_number_is_said(alone: Layout) -> None:
    assert not clip_gradients([with_gradient(torch.tensor([1.0, inf]))], 1.0, alone).isfinite()
    assert float(clip_gradients([], 1.0, alone)) == 0.0


def norms(plan: dict[str, int]) -> tuple[float, float, list[float]]:
    """Norms of shards and copies on all stages, then of the clipped; and all of one clipped gradient."""
    layout = lay_out(Plan(**plan), "cpu")
    assert layout.mesh is not None
    mesh = layout.mesh["replicate", "tensor"]
    stage = float(1 + layout.rank("pipeline"))
    parameters = [
        nn.Parameter(distribute_tensor(torch.zeros(3, 2), mesh, [Replicate(), Shard(0)])),  # 2 rows here, 1 there
        nn.Parameter(distribute_tensor(torch.zeros(4), mesh, [Shard(0), Replicate()])),
        nn.Parameter(distribute_tensor(torch.zeros(4), mesh, [Shard(0), Shard(0)])),
        with_gradient(torch.full((2,), stage)),
    ]
    for parameter in parameters[:3]:
        parameter.grad = torch.full_like(parameter, stage)
    before = float(clip_gradients(parameters, 1.0, layout))
    after = float(clip_gradients(parameters, inf, layout))
    whole = parameters[0].grad
    assert isinstance(whole, DTensor)
    return before, after, whole.full_tensor().flatten().tolist()


def both() -> list[tuple[float, float, list[float]]]:
    return [norms({"replicate": 2, "shard": 1, "tensor": 2}), norms({"pipeline": 2, "shard": 1, "tensor": 2})]


def test_shards_add_up_copies_count_once_and_a_pipeline_is_one_model() -> None:
    numbers = 3 * 2 + 4 + 4 + 2
    copied, staged = sqrt(numbers), sqrt(numbers * 1.0**2 + numbers * 2.0**2)
    for rank, found in enumerate(run(both, 4)):
        assert found[0] == (pytest.approx(copied), pytest.approx(1.0), pytest.approx([1 / copied] * 6))
        stage = 1 + rank // 2
        assert found[1] == (pytest.approx(staged), pytest.approx(1.0), pytest.approx([stage / staged] * 6))
