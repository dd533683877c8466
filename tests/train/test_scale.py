"""The real code as one of thousands of ranks: others are not there, tensors have shapes but no numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from absent import one_of
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.tensor import DTensor

from compoundeye.nets import ViT, ViTConfig
from compoundeye.train import Plan, clip_gradients, lay_out, parallelise

WIDTH, HIDDEN, DEPTH, HEADS = 1024, 4096, 2, 16
PLANS: list[dict[str, Any]] = [
    {"shard": 128, "tensor": 8, "activation_checkpointing": "full", "precision": "bf16"},
    {"replicate": 4, "shard": 64, "context": 4, "activation_checkpointing": "selective"},
]


@pytest.fixture
def _one_of_many() -> Iterator[None]:
    with one_of(1024, 0):
        yield


def local(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


@pytest.mark.usefixtures("_one_of_many")
@pytest.mark.parametrize("plan", PLANS, ids=["shard x tensor", "replicate x shard x context"])
def test_a_rank_of_a_thousand_holds_its_share_and_no_more(plan: dict[str, Any]) -> None:
    layout = lay_out(Plan(**plan), "cpu")
    with torch.device("meta"):
        model = ViT(
            ViTConfig(width=WIDTH, depth=DEPTH, heads=HEADS, hidden=HIDDEN, patch=16, qk_norm=True, registers=3)
        )
    parameters = sum(parameter.numel() for parameter in model.parameters())
    blocks = sum(parameter.numel() for parameter in model.blocks.parameters())
    assert blocks > 24e6
    parallelise(model, layout)
    ways = layout.size("shard") * layout.size("context")
    share = blocks / (ways * layout.size("tensor")) + (parameters - blocks) / ways
    with FakeTensorMode(allow_non_fake_inputs=True):
        model.to_empty(device="cpu")
        optimiser = torch.optim.AdamW(model.parameters(), foreach=True)
        features = model(torch.randn(2, 3, 224, 224))
        assert features.shape == (2, WIDTH)
        features.sum().backward()
        assert clip_gradients(model.parameters(), 1.0, layout).shape == ()
        optimiser.step()
        held = sum(local(parameter).numel() for parameter in model.parameters())
        moments = sum(
            local(state[name]).numel() for state in optimiser.state.values() for name in ("exp_avg", "exp_avg_sq")
        )
    # A little of a block is not split by tensor, and what does not divide is rounded up.
    assert share <= held < 1.05 * share
    assert moments == 2 * held
