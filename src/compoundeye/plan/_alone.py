"""One process that stands for a rank among thousands which are not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.pipelining.schedules import _PipelineSchedule
from torch.distributed.pipelining.stage import InferenceMode
from torch.distributed.tensor import placement_types
from torch.testing._internal.distributed.fake_pg import FakeStore

from compoundeye.records import EyeError


@contextmanager
def alone(rank: int, world_size: int) -> Iterator[None]:
    """Within the block this is that rank: collectives return at once, and what would have come is not there.

    Raises:
        EyeError: this process is one of several that are there.
    """
    if dist.is_initialized():
        raise EyeError("a dry run stands for processes that are not there: start it outside of a distributed run")
    if world_size == 1:
        yield
        return
    dist.init_process_group("fake", store=FakeStore(), rank=rank, world_size=world_size)
    try:
        with (
            patch.object(_PipelineSchedule, "_warmup_p2p", _agreed),
            patch.object(placement_types, "shard_dim_alltoall", _exchanged),
        ):
            yield
    finally:
        dist.destroy_process_group()


def _agreed(schedule: Any, stages: Sequence[Any], *others: Any) -> None:
    """What the stages of a pipeline agree on before their first step: every one of them was told its shapes."""
    del schedule, others
    for stage in stages:
        stage._inference_mode = InferenceMode.STATIC


def _exchanged(x: Tensor, joined: int, cut: int, mesh: DeviceMesh, dimension: int) -> Tensor:
    """What DTensor does on GPUs to change the dimension by which it is cut; on processors it gathers everything."""
    return torch.ops._dtensor.shard_dim_alltoall(x, joined, cut, mesh.get_group(dimension).group_name)
