"""Tokens split over processes: by ``context`` throughout, by ``tensor`` wherever a layer works on each token alone.

Within attention heads are split instead: an all-to-all before and after it (DeepSpeed Ulysses, Jacobs et al., 2023,
arXiv:2309.14509) for context, and the all-gather and reduce-scatter of Megatron's sequence parallelism (Korthikanti et
al., 2022, arXiv:2205.05198) for tensor. Where the sequence does not divide, tokens of zeros are added at its end, kept
out of attention and dropped after the last block, so that results are those of one process.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed._functional_collectives import all_to_all_single
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard
from torch.nn import functional as F

from compoundeye.nets import ViT
from compoundeye.records import EyeError
from compoundeye.train._layout import Layout


def split_sequence(vit: ViT, layout: Layout) -> None:
    """Let tokens be split from the first block on until after the last normalisation, in place.

    Raises:
        EyeError: heads or, with experts, tokens do not divide.
    """
    context, tensor = layout.size("context"), layout.size("tensor")
    config = vit.config
    if config.heads % (context * tensor):
        raise EyeError(
            f"{config.heads} heads do not divide into context {context} x tensor {tensor}; "
            "choose degrees of [plan] whose product divides them"
        )
    more = -config.tokens % (context * tensor)
    if more and config.experts:
        raise EyeError(
            f"{config.tokens} tokens do not divide into context {context} x tensor {tensor}, and experts cannot pass "
            "over tokens that fill up; change [plan] or the size of the image"
        )
    assert layout.mesh is not None
    along_context = layout.mesh["context"] if context > 1 else None
    for block in vit.blocks.values():
        attention = block.get_submodule("attention")
        attention.attend = SplitAttend(attention.get_submodule("attend"), along_context, config.tokens, more)
    parts = _Parts(along_context, layout.splitting, config.tokens, more)
    if vit.patch is not None:  # a later stage of a pipeline is given parts
        first = next(iter(vit.blocks.values()))
        first.register_forward_pre_hook(lambda _, arguments: (parts.split(arguments[0]),))
    if vit.norm is not None:
        vit.norm.register_forward_hook(lambda _, __, output: parts.join(output))


class _Parts:
    """From all tokens to this process's, and back.

    Gradients: along context every process has a loss of its own, and parameters' gradients are means over them; along
    tensor all processes work on one loss. Hence the sum in one backward, and the slice in the other.
    """

    def __init__(self, context: DeviceMesh | None, tensor: DeviceMesh | None, tokens: int, more: int) -> None:
        self.context = context
        self.tensor = tensor
        self.tokens = tokens
        self.more = more
        self.degree = (context.size() if context else 1) * (tensor.size() if tensor else 1)

    def split(self, x: Tensor) -> Tensor:
        """[N, L, D] to [N, L', D]."""
        if x.shape[1] != self.tokens and (self.more or x.shape[1] % self.degree):
            raise EyeError(
                f"{x.shape[1]} tokens of masked pictures do not divide into context x tensor = {self.degree}; change "
                "the share that is masked or [plan]"
            )
        x = F.pad(x, (0, 0, 0, self.more)) if self.more else x
        if self.context is not None:
            x = x.chunk(self.context.size(), 1)[self.context.get_local_rank()].contiguous()
        if self.tensor is not None:
            x = DTensor.from_local(x, self.tensor, [Replicate()], run_check=False).redistribute(placements=[Shard(1)])
            x = x.to_local()
        return x

    def join(self, x: Tensor) -> Tensor:
        """[N, L', D] to [N, L, D]."""
        if self.tensor is not None:
            x = DTensor.from_local(x, self.tensor, [Shard(1)], run_check=False).redistribute(placements=[Replicate()])
            x = x.to_local()
        if self.context is not None:
            x = DTensor.from_local(x, self.context, [Shard(1)], run_check=False).redistribute(placements=[Replicate()])
            x = x.to_local(grad_placements=[Partial()])
        return x[:, : self.tokens] if self.more else x


class SplitAttend(nn.Module):
    """Attention over all tokens where each process has some of them, or has tokens that fill up."""

    def __init__(self, attend: nn.Module, context: DeviceMesh | None, tokens: int, more: int) -> None:
        super().__init__()
        self.attend = attend
        self.context = context
        self.tokens = tokens
        self.more = more

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Three [N, H, L', E] to one; within, [N, H / context, L, E]."""
        if self.context is None:
            return self._attend(q, k, v)
        whole = _moved(torch.stack([q, k, v]), self.context, 3, 2)
        return _moved(self._attend(*whole.unbind()), self.context, 1, 2)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if not self.more:
            return self.attend(q, k, v)
        q, k, v = (x[:, :, : self.tokens] for x in (q, k, v))
        return F.pad(self.attend(q, k, v), (0, 0, 0, self.more))


def _moved(x: Tensor, mesh: DeviceMesh, split: int, wanted: int) -> Tensor:
    """All-to-all: what was split along one dimension is split along another."""
    parts = torch.stack(x.chunk(mesh.size(), wanted))
    return all_to_all_single(parts, None, None, mesh).movedim(0, split).flatten(split, split + 1)
