"""A model made parallel in place, by PyTorch's own means."""

from __future__ import annotations

import torch
from torch import nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

from compoundeye.nets import ViT
from compoundeye.train._layout import Layout
from compoundeye.train._recompute import recompute
from compoundeye.train._sequence import split_sequence
from compoundeye.train._tensor import split_layers


def parallelise(model: nn.Module, layout: Layout) -> None:
    """Give each process its share of a model, in place and under the same parameter names.

    Gradients are then means over the processes that share the model (replicate x shard x context). All processes of a
    pipeline stage must come with equal weights, or with weights on ``meta`` to be filled after.

    Raises:
        EyeError: the plan asks for what this model or machine cannot do.
    """
    plan = layout.plan
    for vit in [module for module in model.modules() if isinstance(module, ViT)]:
        if layout.splitting is not None:
            split_layers(vit, layout.splitting)
        if plan.context * plan.tensor > 1:
            split_sequence(vit, layout)
        for block in vit.blocks.values():
            if plan.activation_checkpointing != "none":
                recompute(block, plan.activation_checkpointing)
            if plan.compile:
                # Not the module: FSDP's hooks stay outside.
                block.forward = torch.compile(block.forward)  # type: ignore[method-assign]
    if layout.mesh is not None:
        _shard(model, layout)


def _shard(model: nn.Module, layout: Layout) -> None:
    """FSDP2: blocks first, then towers, then what is left of the whole."""
    policy = MixedPrecisionPolicy()
    if layout.plan.precision != "fp32":
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for module in _units(model):
        if isinstance(module, ViT):
            module.register_forward_hook(_own_memory)
        fully_shard(module, mesh=layout.sharing, mp_policy=policy)
    for name in ("predict",):  # what is called besides forward and needs whole weights
        if hasattr(model, name):
            register_fsdp_forward_method(model, name)


def _units(model: nn.Module) -> list[nn.Module]:
    """Modules whose weights are gathered together, inner ones first, the whole last."""
    units: list[nn.Module] = []
    for module in model.modules():
        if isinstance(module, ViT):
            units += module.blocks.values()
            units += [module] if module.pool is None else [module.pool, module]
    backbone = getattr(model, "backbone", None)
    if isinstance(backbone, nn.Module) and not any(isinstance(one, ViT) for one in backbone.modules()):
        units.append(backbone)
    return [*(one for one in units if one is not model), model]


def _own_memory(module: nn.Module, arguments: object, output: torch.Tensor) -> torch.Tensor:
    """Features that are a view of all tokens become their own: FSDP's hooks would get lost on a view."""
    del module, arguments
    return output.clone() if output._is_view() else output
