"""Every process knows its place."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.distributed as dist
from absent import one_of

from compoundeye.records import EyeError
from compoundeye.train import Plan, lay_out


def test_a_process_alone_needs_no_group() -> None:
    layout = lay_out(Plan(precision="bf16"), "cpu")
    assert not dist.is_initialized()
    assert (layout.mesh, layout.data_group, layout.data_rank, layout.data_size) == (None, None, 0, 1)
    assert [layout.size(name) for name in ("pipeline", "tensor", "context")] == [1, 1, 1]
    with layout.autocast():
        assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype is torch.bfloat16


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(EyeError, match="torch sees none"):
        lay_out(Plan(), "cuda")


def place(plan: dict[str, Any]) -> dict[str, Any]:
    """What a process knows of itself under a plan."""
    layout = lay_out(Plan(**plan), "cpu")
    assert layout.mesh is not None
    assert layout.sharing is not None
    with layout.autocast():  # FSDP casts, so this does not
        assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype is torch.float32
    assert layout.data_group is not None
    return {
        "data": (layout.data_rank, layout.data_size),
        "seeing": dist.get_process_group_ranks(layout.data_group),
        "sharing": layout.sharing.mesh.tolist(),
        "splitting": None if layout.splitting is None else layout.splitting.mesh.tolist(),
        "context": layout.mesh["context"].mesh.tolist(),
        "experts": None if layout.experts is None else layout.experts["expert"].mesh.tolist(),
    }


@pytest.mark.parametrize("rank", range(8))
def test_neighbours_talk_most(rank: int) -> None:
    tensor, above = rank % 2, rank - rank % 2
    with one_of(8, rank):
        assert place({"replicate": 2, "shard": 2, "tensor": 2, "precision": "bf16"}) == {
            "data": (rank // 2, 4),
            "seeing": [tensor, 2 + tensor, 4 + tensor, 6 + tensor],
            "sharing": [[tensor, 2 + tensor], [4 + tensor, 6 + tensor]],
            "splitting": [above, above + 1],
            "context": [rank],
            "experts": None,
        }
        # Along context the model is shared as along shard, but the pictures are the same.
        two = place({"shard": 2, "context": 2, "tensor": 2})
        assert two["data"] == (rank // 4, 2)
        assert two["seeing"] == [rank % 4, 4 + rank % 4]
        assert two["sharing"] == [[tensor, 2 + tensor, 4 + tensor, 6 + tensor]]
        assert two["context"] == [rank // 4 * 4 + tensor, rank // 4 * 4 + 2 + tensor]
        three = place({"pipeline": 2, "shard": 4, "expert": 2})
        assert three["seeing"] == [rank // 4 * 4 + i for i in range(4)]
        assert three["experts"] == [above, above + 1]


@pytest.mark.parametrize("plan", [{"tensor": 3}, {"expert": 2, "tensor": 2, "context": 4}])
def test_degrees_that_do_not_fit_are_refused(plan: dict[str, int]) -> None:
    with one_of(8, 0), pytest.raises(EyeError, match=r"\[plan\]"):
        lay_out(Plan(**plan), "cpu")
