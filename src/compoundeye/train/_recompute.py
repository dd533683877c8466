"""Activation checkpointing (Chen et al., 2016, arXiv:1604.06174): memory saved by computing twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch import nn
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

_DEAR: frozenset[Any] = frozenset(
    {
        torch.ops.aten.mm.default,
        torch.ops.aten.addmm.default,
        torch.ops.aten.bmm.default,
        torch.ops.aten._scaled_mm.default,
        torch.ops.aten._scaled_dot_product_flash_attention.default,
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default,
        torch.ops.aten._scaled_dot_product_efficient_attention.default,
        torch.ops.aten._scaled_dot_product_cudnn_attention.default,
        torch.ops._c10d_functional.reduce_scatter_tensor.default,
        torch.ops._c10d_functional.all_to_all_single.default,
    }
)
"""What ``selective`` keeps: products, attention and what was talked about; norms, GELU and sums are done again."""


def recompute(block: nn.Module, what: Literal["selective", "full"]) -> None:
    """Let a block keep only its input for the backward pass ("full") or that and dear results ("selective"), in place.

    The block's ``forward`` is replaced rather than the block wrapped, so that names of parameters stay.
    """
    forward = block.forward
    options: dict[str, Any] = {}
    if what == "selective":
        options["context_fn"] = partial(create_selective_checkpoint_contexts, _policy)
    block.forward = _twice(forward, options)


def _twice(forward: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    def once_and_again(*arguments: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*arguments)
        return checkpoint(forward, *arguments, use_reentrant=False, **options)

    return once_and_again


def _policy(context: Any, operator: Any, *arguments: Any, **options: Any) -> CheckpointPolicy:
    del context, arguments, options
    return CheckpointPolicy.MUST_SAVE if operator in _DEAR else CheckpointPolicy.PREFER_RECOMPUTE
