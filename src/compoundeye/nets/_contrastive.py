"""Learning from pictures and their captions: which caption belongs to which picture of the global batch.

CLIP's softmax: Radford et al., 2021 (arXiv:2103.00020). SigLIP's sigmoid: Zhai et al., 2023 (arXiv:2303.15343).
Shapes: N pairs of this process, G pairs of all processes, D width of an embedding.
"""

from __future__ import annotations

from math import log
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from compoundeye.nets._gather import Group, gathered, passed_on, rank_in, size_of
from compoundeye.nets._text import TextTower

_SHARPEST = log(100)
"""arXiv:2103.00020, section 2.5: logits are not scaled by more than 100, which would be unstable."""
_START = {"softmax": (log(1 / 0.07), 0.0), "sigmoid": (log(10), -10.0)}
"""Logarithm of the scale, and bias: section 2.5 of arXiv:2103.00020 and section 3.2 of arXiv:2303.15343."""


class Contrastive(nn.Module):
    """A text tower and the loss that brings pictures and their captions together.

    **Sum and mean.** ``loss`` is the sum over the valid pairs of *this process*. After every process of the group has
    called ``(loss * R / count).backward()``, count being the valid pairs of all, and gradients have been averaged over
    the group (FSDP and DDP do so), they are those of one process with the whole batch.
    """

    def __init__(
        self,
        features: int,
        text: TextTower,
        *,
        dimension: int = 512,
        kind: Literal["softmax", "sigmoid"] = "softmax",
        group: Group = None,
    ) -> None:
        """Build it, with fresh weights.

        Args:
            features: width of the pictures' features.
            text: the tower that reads captions.
            dimension: D, of the space in which both meet.
            kind: "softmax" is CLIP's loss, "sigmoid" SigLIP's, which never holds more than N x N logits.
            group: the processes that see different pairs; None for a process alone.
        """
        super().__init__()
        self.text = text
        self.kind = kind
        self.group = group
        self.image_projection = nn.Linear(features, dimension, bias=False)
        self.text_projection = nn.Linear(text.features, dimension, bias=False)
        # Of one dimension, since FSDP cuts along the first.
        self.scale = nn.Parameter(torch.empty(1))
        """Natural logarithm of the factor of the cosines."""
        self.bias = nn.Parameter(torch.empty(1)) if kind == "sigmoid" else None
        self.reset()

    def reset(self) -> None:
        """Draw fresh projections and start from the papers' temperature; the tower has a ``reset`` of its own."""
        for layer in (self.image_projection, self.text_projection):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        scale, bias = _START[self.kind]
        nn.init.constant_(self.scale, scale)
        if self.bias is not None:
            nn.init.constant_(self.bias, bias)

    def forward(self, features: Tensor) -> Tensor:
        """Pictures' features [N, F] to embeddings of length 1, float32 [N, D]."""
        return F.normalize(self.image_projection(features).float(), dim=1)

    def embed_text(self, tokens: Tensor) -> Tensor:
        """int64 [N, L] to embeddings of length 1, float32 [N, D]."""
        return F.normalize(self.text_projection(self.text(tokens)).float(), dim=1)

    def loss(self, features: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Sum of this process's losses in nats.

        Every process of the group must call it at once, with the same N: fill up with pairs that are not valid.

        Args:
            features: of the pictures, [N, F].
            targets: captions as tokens, int64 [N, L].
            valid: bool [N]; other pairs count for nothing, whatever they hold.
        """
        images = self(torch.where(valid[:, None], features, 0.0))
        texts = self.embed_text(targets)
        scale = self.scale.float().clamp(max=_SHARPEST).exp()
        with torch.autocast(images.device.type, enabled=False):
            if self.bias is None:
                return softmax_loss(images, texts, valid, scale, self.group)
            return sigmoid_loss(images, texts, valid, scale, self.bias.float(), self.group)


def softmax_loss(images: Tensor, texts: Tensor, valid: Tensor, scale: Tensor, group: Group = None) -> Tensor:
    """CLIP's: each picture picks its caption among all, each caption its picture; the mean of both, summed over pairs.

    Args:
        images: float32 [N, D], of length 1.
        texts: the same of their captions.
        valid: bool [N]; other pairs are nobody's candidates.
        scale: factor of the cosines.
        group: processes with other pairs.
    """
    everyone = gathered(valid, group)
    own = torch.arange(len(images), device=images.device) + rank_in(group) * len(images)
    total = images.new_zeros(())
    for mine, others in ((images, texts), (texts, images)):
        logits = (scale * mine @ gathered(others, group).T).masked_fill(~everyone, -torch.inf)
        # A pair that is not valid is not its own candidate either: any finite row keeps NaN out of the gradient.
        logits = logits.masked_fill(~valid[:, None], 0.0)
        total = total + torch.where(valid, F.cross_entropy(logits, own, reduction="none"), 0.0).sum()
    return total / 2


def sigmoid_loss(
    images: Tensor, texts: Tensor, valid: Tensor, scale: Tensor, bias: Tensor, group: Group = None
) -> Tensor:
    """SigLIP's: whether each caption belongs to each picture, yes or no, summed over all of them.

    Captions go round the processes and a block of [N, N] logits is made at a time, here as in the backward pass:
    section 3.3 of arXiv:2303.15343. Arguments as of ``softmax_loss``; the bias is added to the logits.
    """
    size, rank = size_of(group), rank_in(group)
    everyone = gathered(valid, group).view(size, -1)
    total = images.new_zeros(())
    for step in range(size):
        counts = valid[:, None] & everyone[(rank - step) % size]
        total = total + checkpoint(_block, images, texts, scale, bias, counts, step == 0, use_reentrant=False)
        if step < size - 1:
            texts = passed_on(texts, group)
    return total


def _block(images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor, counts: Tensor, own: bool) -> Tensor:
    """The loss of some captions; with ``own`` they are those of the pictures, in order."""
    logits = scale * images @ texts.T + bias
    sign = -torch.ones_like(logits)
    if own:
        sign.fill_diagonal_(1.0)
    return torch.where(counts, F.softplus(-sign * logits), 0.0).sum()
