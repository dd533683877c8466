"""A model made parallel in place, by PyTorch's own means."""

from __future__ import annotations

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from compoundeye.nets import ViT
from compoundeye.train._fsdp import blocks_of, share, towers_of
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
    owned = {parameter for parameter in model.parameters() if isinstance(parameter, DTensor)}
    for vit in [module for module in model.modules() if isinstance(module, ViT)]:
        if layout.splitting is not None:
            split_layers(vit, layout.splitting)
        if plan.context * plan.tensor > 1:
            split_sequence(vit, layout)
    for tower in towers_of(model):
        for block in blocks_of(tower):
            if plan.activation_checkpointing != "none":
                recompute(block, plan.activation_checkpointing)
            if plan.compile:
                # Not the module: FSDP's hooks stay outside.
                block.forward = torch.compile(block.forward)
    if layout.mesh is not None:
        share(model, layout, owned)
