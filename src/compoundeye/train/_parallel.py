"""A model made parallel in place, by PyTorch's own means."""

from __future__ import annotations

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from compoundeye.nets import ViT
from compoundeye.records import EyeError
from compoundeye.train._float8 import convert_to_float8
from compoundeye.train._fsdp import blocks_of, share, towers_of
from compoundeye.train._layout import Layout
from compoundeye.train._plan import Plan
from compoundeye.train._recompute import recompute
from compoundeye.train._sequence import split_sequence
from compoundeye.train._tensor import split_layers

_MOST_BLOCKS = 256
"""That are compiled each by itself, before the compiler gives up."""


def parallelise(model: nn.Module, layout: Layout) -> None:
    """Give each process its share of a model, in place and under the same parameter names.

    Gradients are then means over the processes that share the model (replicate x shard x context). All processes of a
    pipeline stage must come with equal weights, or with weights on ``meta`` to be filled after. Running statistics of
    batch norms stay each process's own. Call `split_experts` before; `Pipelined` calls both.

    Raises:
        EyeError: the plan asks for what this model or machine cannot do.
    """
    plan = layout.plan
    owned: set[nn.Parameter] = {one for one in model.parameters() if isinstance(one, DTensor)}
    if plan.compile and plan.activation_checkpointing == "selective" and plan.tensor > 1:
        raise EyeError(
            "compile and tensor do not go with activation_checkpointing selective in this version of PyTorch; "
            "choose full or none in [plan]"
        )
    towers = towers_of(model)
    for block in (block for tower in towers for block in blocks_of(tower)):
        if plan.precision == "float8":
            convert_to_float8(block, layout.device)
    for vit in [module for module in towers if isinstance(module, ViT)]:
        if layout.splitting is not None:
            split_layers(vit, layout.splitting)
        if plan.context * plan.tensor > 1:
            split_sequence(vit, layout)
    for tower in towers:
        for block in blocks_of(tower):
            _economise(block, plan)
    if layout.mesh is not None:
        share(model, layout, owned)


def _economise(block: nn.Module, plan: Plan) -> None:
    """Save memory by computing twice and time by compiling, as planned."""
    what = plan.activation_checkpointing
    # The compiler chooses better where it sees what is to be computed again, but saves what it cannot with DTensors.
    seen = plan.compile and plan.tensor == 1
    if what != "none" and (seen or not plan.compile):
        recompute(block, what)
    if plan.compile:
        # Blocks may differ in a number (stochastic depth), and each that does is compiled by itself.
        torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, _MOST_BLOCKS)
        block.forward = torch.compile(block.forward)  # not the module: FSDP's hooks stay outside
    if what != "none" and plan.compile and not seen:
        recompute(block, what)
