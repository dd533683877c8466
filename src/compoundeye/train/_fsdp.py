"""Parameters shared out by FSDP2 (Zhao et al., 2023, arXiv:2304.11277): gathered block by block as they are needed."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import Shard

from compoundeye.train._layout import Layout

_ALSO_CALLED = ("loss", "predict")
"""Methods that, besides ``forward``, need a module's own parameters whole."""


def let_go(model: nn.Module) -> None:
    """Drop weights that were gathered for an answer: they must not outlive the weights of now."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def share(model: nn.Module, layout: Layout, owned: set[nn.Parameter]) -> None:
    """Cut every parameter over the processes of ``layout.sharing``, copied along its first dimension, in place.

    Units are each block, then what holds blocks (or is called ``backbone``), then the rest. With bf16 the units within
    compute in it, with gradients reduced in float32, and hand float32 to the rest, which stays in float32.

    Args:
        owned: parameters that others have cut already, to be left alone.
    """
    inner = MixedPrecisionPolicy()
    if layout.plan.precision != "fp32":
        inner = MixedPrecisionPolicy(torch.bfloat16, torch.float32)
    outer = MixedPrecisionPolicy(inner.param_dtype, inner.reduce_dtype, torch.float32 if inner.param_dtype else None)
    ways = layout.size("shard") * layout.size("context")
    common: dict[str, Any] = {
        "mesh": layout.sharing,
        "ignored_params": owned,
        "shard_placement_fn": lambda parameter: _placement(parameter, ways),
    }
    towers = towers_of(model)
    for tower in reversed(towers):  # inner ones first
        for block in blocks_of(tower):
            fully_shard(block, mp_policy=inner, **common)
        if isinstance(pool := getattr(tower, "pool", None), nn.Module):
            fully_shard(pool, mp_policy=inner, **common)
    if isinstance(backbone := getattr(model, "backbone", None), nn.Module) and backbone not in towers:
        towers.append(backbone)
    towers = [tower for tower in towers if tower is not model]
    for tower in reversed(towers):
        tower.register_forward_hook(_own_memory)
        fully_shard(tower, mp_policy=outer, **common)
        _also_called(tower)
    model.register_forward_hook(_own_memory)
    fully_shard(model, mp_policy=MixedPrecisionPolicy() if towers else outer, **common)
    _also_called(model)


def towers_of(model: nn.Module) -> list[nn.Module]:
    """What holds a sequence of ``blocks``, maybe the model itself, outer ones first."""
    return [one for one in model.modules() if isinstance(getattr(one, "blocks", None), nn.ModuleDict | nn.ModuleList)]


def blocks_of(tower: nn.Module) -> list[nn.Module]:
    """The blocks of a tower, in order."""
    blocks = tower.blocks
    return list(blocks.values() if isinstance(blocks, nn.ModuleDict) else blocks)  # type: ignore[arg-type]


def _also_called(module: nn.Module) -> None:
    for name in _ALSO_CALLED:
        if hasattr(module, name):
            register_fsdp_forward_method(module, name)


def _placement(parameter: nn.Parameter, ways: int) -> Shard | None:
    """The first dimension, unless it is of size 1 (positions, class token) and the last can be cut instead."""
    shape = parameter.shape
    return Shard(len(shape) - 1) if len(shape) > 1 and shape[0] == 1 and shape[-1] % ways == 0 else None


def _own_memory(module: nn.Module, arguments: object, output: Any) -> Any:
    """Features that are a view of all tokens become their own: FSDP's hooks would get lost on a view."""
    del module, arguments
    return output.clone() if isinstance(output, torch.Tensor) and output._is_view() else output
