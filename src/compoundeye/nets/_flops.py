"""Floating-point operations of a network, counted rather than guessed."""

from __future__ import annotations

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode


def forward_flops(module: nn.Module, image: int, *, channels: int = 3) -> int:
    """Floating-point operations of the forward pass of one picture; a multiplication and an addition are two.

    Counted are matrix products, convolutions and attention, as the model FLOPs of a utilisation are (Chowdhery et al.,
    2022, arXiv:2204.02311, appendix B). Nothing is computed and no memory is taken: the module runs on shapes alone.
    Count before a parallel plan changes the module.

    Args:
        module: takes float [1, channels, image, image].
        image: side of the picture in pixels.
    """
    bare = {
        name: torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
    }
    picture = torch.empty(1, channels, image, image, device="meta")
    training = module.training
    module.eval()
    try:
        # Without gradients, recomputation (checkpointing) is not counted: a model's FLOPs are those it needs.
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            functional_call(module, bare, (picture,))
    finally:
        module.train(training)
    return int(counter.get_total_flops())


def training_flops(module: nn.Module, image: int, *, channels: int = 3) -> int:
    """Of one picture in a training step: forward once, and backward twice that, for inputs and for weights."""
    return 3 * forward_flops(module, image, channels=channels)
