"""Which process does what: the plan's degrees laid over the processes that run.

Ranks are counted with tensor fastest, then context, shard, replicate, pipeline: the dimensions that talk most are
neighbours, hence in one machine where machines hold consecutive ranks.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from compoundeye.records import EyeError
from compoundeye.train._plan import Plan

DIMENSIONS = ("pipeline", "replicate", "shard", "context", "tensor")
"""Names of the mesh's dimensions, slowest first."""


@dataclass(frozen=True, eq=False)
class Layout:
    """This process's place. Without other processes all meshes are None and no process group is needed."""

    plan: Plan
    """Fitted to the world size."""
    device: torch.device
    mesh: DeviceMesh | None = None
    """All processes, with ``DIMENSIONS``."""
    sharing: DeviceMesh | None = None
    """Those that hold the same slice of the model or a shard of it: 2-d, replicate by shard x context."""
    seeing: DeviceMesh | None = None
    """Those that see different pictures: 1-d, replicate x shard."""
    experts: DeviceMesh | None = None
    """All processes, with replicate x shard x context cut into ``copies`` by ``expert``; None without experts."""
    splitting: DeviceMesh | None = None
    """Those that split each layer: 1-d, of the same root as ``sharing``; None where tensor is 1."""

    def size(self, dimension: str) -> int:
        """Processes along a dimension, 1 without others."""
        return 1 if self.mesh is None else self.mesh[dimension].size()

    def rank(self, dimension: str) -> int:
        """This process's place along a dimension."""
        return 0 if self.mesh is None else self.mesh.get_local_rank(dimension)

    @property
    def data_size(self) -> int:
        """How many processes see different pictures."""
        return self.size("replicate") * self.size("shard")

    @property
    def data_rank(self) -> int:
        """Which of the pictures are this process's; equal along context, tensor and pipeline.

        Seed randomness on the device with it: processes of one data rank must draw the same numbers.
        """
        return self.rank("replicate") * self.size("shard") + self.rank("shard")

    @property
    def data_group(self) -> dist.ProcessGroup | None:
        """The processes that see different pictures, by data rank: losses and counts are summed over it."""
        return None if self.seeing is None else self.seeing.get_group()

    def autocast(self) -> AbstractContextManager[Any]:
        """In it a process alone computes in the plan's precision; among others FSDP casts and this does nothing."""
        if self.mesh is not None or self.plan.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)


def lay_out(plan: Plan, device_type: str) -> Layout:
    """Lay a plan over the processes that run, joining them first if the environment (torchrun's) says there are others.

    Args:
        device_type: "cpu" or "cuda". Processes talk by gloo and NCCL respectively.

    Raises:
        EyeError: the plan does not fit the number of processes, or there is no such device.
    """
    if device_type == "cuda" and not torch.cuda.is_available():
        raise EyeError("the recipe asks for a GPU but torch sees none; set device to cpu or install torch for this GPU")
    device = _device(device_type)
    if not dist.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("cpu:gloo,cuda:nccl" if device_type == "cuda" else "gloo")
    world_size = dist.get_world_size() if dist.is_initialized() else 1
    plan = plan.fit(world_size)
    if world_size == 1:
        return Layout(plan, device)
    sizes = tuple(getattr(plan, name) for name in DIMENSIONS)
    mesh = init_device_mesh(device_type, sizes, mesh_dim_names=DIMENSIONS)
    pipeline, replicate, shard, context, tensor = sizes
    # Only slices of one mesh can be combined in a parameter, so tensor is taken from the root that sharing has.
    root, both = mesh, "shard"
    if context > 1:
        both = "shard_context"
        names = ("pipeline", "replicate", both, "tensor")
        root = init_device_mesh(device_type, (pipeline, replicate, shard * context, tensor), mesh_dim_names=names)
    data = (pipeline, plan.data, context, tensor)
    return Layout(
        plan=plan,
        device=device,
        mesh=mesh,
        sharing=root["replicate", both],
        seeing=init_device_mesh(device_type, data, mesh_dim_names=("pipeline", "data", "context", "tensor"))["data"],
        experts=_experts(plan, device_type),
        splitting=root["tensor"] if tensor > 1 else None,
    )


def _device(device_type: str) -> torch.device:
    if device_type != "cuda":
        return torch.device(device_type)
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cuda", torch.cuda.current_device())


def _experts(plan: Plan, device_type: str) -> DeviceMesh | None:
    """The view in which ``expert`` neighbours share one set of experts."""
    if plan.expert == 1:
        return None
    together = plan.data * plan.context
    if plan.data % plan.expert:
        raise EyeError(
            f"expert {plan.expert} does not divide the {plan.data} data ranks (replicate {plan.replicate} x shard "
            f"{plan.shard}); change [plan]"
        )
    sizes = (plan.pipeline, together // plan.expert, plan.expert, plan.tensor)
    return init_device_mesh(device_type, sizes, mesh_dim_names=("pipeline", "copies", "expert", "tensor"))
