"""Floating-point operations of a network, counted rather than guessed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from compoundeye.nets._experts import Mixture
from compoundeye.nets._vit import ViT


def forward_flops(module: nn.Module, image: int, *, channels: int = 3) -> int:
    """Floating-point operations of the forward pass of one picture; a multiplication and an addition are two.

    Counted are matrix products, convolutions and attention, as the model FLOPs of a utilisation are (Chowdhery et al.,
    2022, arXiv:2204.02311, appendix B). Nothing is computed and no memory is taken: the module runs on shapes alone.
    A vision transformer may be counted at any time, another network as long as no parallel plan has changed its parts.

    Args:
        module: takes float [1, channels, image, image].
        image: side of the picture in pixels.
    """
    if isinstance(module, ViT):  # as it was made, whatever a parallel plan has done to it
        with torch.device("meta"):
            module = ViT(module.config)
    whole = _Bare(module)
    bare = {
        name: torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
        for name, tensor in (*whole.named_parameters(), *whole.named_buffers())
    }
    picture = torch.empty(1, channels, image, image, device="meta")
    with _counted(module), torch.no_grad(), FlopCounterMode(display=False) as counter:
        functional_call(whole, bare, (picture,))
    return int(counter.get_total_flops())


def training_flops(module: nn.Module, image: int, *, channels: int = 3) -> int:
    """Of one picture in a training step: forward once, and backward twice that, for inputs and for weights."""
    return 3 * forward_flops(module, image, channels=channels)


class _Bare(nn.Module):
    """A module without what hooks and compilation have put around it as a whole."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.module.forward(x)


@contextmanager
def _counted(module: nn.Module) -> Iterator[None]:
    """The module as it is in evaluation, and able to run on shapes alone; afterwards as it was."""
    training = module.training
    mixtures = [part for part in module.modules() if isinstance(part, Mixture)]
    module.eval()
    for part in mixtures:
        part.__dict__["forward"] = partial(_one_expert, part)
    try:
        yield
    finally:
        module.train(training)
        for part in mixtures:
            del part.__dict__["forward"]


def _one_expert(mixture: Mixture, x: Tensor) -> Tensor:
    """Every token to the first expert, so many times: as much work as to any, whatever the router says."""
    tokens = x.reshape(-1, x.shape[-1])
    F.linear(tokens, mixture.router.weight)
    hidden = F.linear(tokens.repeat(mixture.each, 1), mixture.experts.up.weight[0])
    return F.linear(hidden, mixture.experts.down.weight[0])[: len(tokens)].view_as(x)
