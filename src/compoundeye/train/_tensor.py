"""Layers split over processes: attention by heads, feed-forward by hidden units (Megatron-LM, arXiv:1909.08053)."""

from __future__ import annotations

from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from compoundeye.nets import ViT
from compoundeye.records import EyeError

_TOKENS, _HEADS = 1, 1
"""Dimensions of [N, L, D] and of [N, H, L, E]."""


def split_layers(vit: ViT, mesh: DeviceMesh) -> None:
    """Split every block's layers over a 1-d mesh, in place. Between layers tokens are split (`split_sequence`).

    One all-gather and one reduce-scatter each for attention and feed-forward, forward and backward.

    Raises:
        EyeError: hidden units do not divide, or the model has experts.
    """
    config = vit.config
    if config.experts:
        raise EyeError(
            "a mixture of experts is not split by tensor; set tensor to 1 in [plan] and raise expert or shard"
        )
    hidden = config.hidden or 4 * config.width
    if hidden % mesh.size():
        raise EyeError(f"{hidden} hidden units do not divide into tensor {mesh.size()}; change [plan]")
    frozen = [name for name, parameter in vit.named_parameters() if not parameter.requires_grad]
    for block in vit.blocks.values():
        parallelize_module(block, mesh, _plan(block))
    if vit.norm is not None:
        parallelize_module(vit.norm, mesh, _each_token())
    if vit.pool is not None:  # it comes after all tokens are joined
        columns = dict.fromkeys(("query", "key", "value", "mlp.up"), ColwiseParallel())
        parallelize_module(vit.pool, mesh, {**columns, **dict.fromkeys(("out", "mlp.down"), RowwiseParallel())})
    for name in frozen:  # replaced parameters learn
        vit.get_parameter(name).requires_grad_(False)


def _plan(block: nn.Module) -> dict[str, ParallelStyle]:
    """How each layer of a block is split. Parameters of layers that work on each token have gradients to be summed."""
    styles: dict[str, ParallelStyle] = {}
    for name in ("attention", "mlp"):
        styles[name] = PrepareModuleInput(input_layouts=(Shard(_TOKENS),), desired_input_layouts=(Replicate(),))
    for name in ("attention.query", "attention.key", "attention.value", "mlp.up"):
        styles[name] = ColwiseParallel()
    for name in ("attention.out", "mlp.down"):
        styles[name] = RowwiseParallel(output_layouts=Shard(_TOKENS))
    for name in ("norm1", "norm2", "scale1", "scale2"):
        styles[name] = _each_token()
    for name in ("attention.norm_query", "attention.norm_key"):
        styles[name] = SequenceParallel(sequence_dim=_HEADS, use_local_output=True)
    return {name: style for name, style in styles.items() if not isinstance(block.get_submodule(name), nn.Identity)}


def _each_token() -> ParallelStyle:
    return SequenceParallel(sequence_dim=_TOKENS, use_local_output=True)
