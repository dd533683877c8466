"""The vision transformer (Dosovitskiy et al., 2020, arXiv:2010.11929), with what large ones need.

Query and key normalisation and parallel blocks: Dehghani et al., 2023 (arXiv:2302.05442). Registers: Darcet et al.,
2023 (arXiv:2309.16588). Layer scale and stochastic depth: Touvron et al., 2021 (arXiv:2103.17239) and Huang et al.,
2016 (arXiv:1603.09382). Shapes: N pictures, L tokens, D width, H heads, E width of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class ViTConfig:
    """What a vision transformer is made of."""

    width: int = 192
    depth: int = 12
    heads: int = 3
    hidden: int | None = None
    """Width within the feed-forward layers; four times ``width`` if not given."""
    image: int = 224
    """Side of the square input in pixels."""
    patch: int = 16
    channels: int = 3
    pool: Literal["token", "mean"] = "token"
    """Features are the class token, or the mean of the patches' tokens (which then needs no class token)."""
    registers: int = 0
    bias: bool = True
    qk_norm: bool = False
    parallel: bool = False
    """Attention and feed-forward side by side on one normalisation, rather than one after the other."""
    layer_scale: float | None = None
    """Initial value of a learnt factor for each channel of what a layer adds."""
    drop_path: float = 0.0
    """Probability of skipping the last layer for a picture; linear in depth, from 0."""
    epsilon: float = 1e-6
    experts: int = 0
    """Experts of each mixture; 0 for a dense network."""
    experts_each: int = 2
    """Experts that a token goes to."""
    experts_every: int = 2
    """Every how many blocks the feed-forward layer is a mixture."""

    @property
    def tokens(self) -> int:
        """Length of the sequence."""
        return (self.image // self.patch) ** 2 + self.extra

    @property
    def extra(self) -> int:
        """Tokens before those of the patches: class token, then registers."""
        return (self.pool == "token") + self.registers


class ViT(nn.Module):
    """Pictures [N, C, S, S] to features [N, D]. A pipeline stage holds some of its blocks and maybe no ends."""

    patch: nn.Conv2d | None
    norm: nn.Module | None

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = c = config
        self.features = c.width
        self.patch = nn.Conv2d(c.channels, c.width, c.patch, c.patch)
        self.prefix = nn.Parameter(torch.empty(1, c.extra, c.width)) if c.extra else None
        self.position = nn.Parameter(torch.empty(1, (c.image // c.patch) ** 2 + (c.pool == "token"), c.width))
        # Keys are the block's number, so that a stage of a pipeline saves its blocks under the names of the whole.
        self.blocks = nn.ModuleDict({str(i): Block(c, i) for i in range(c.depth)})
        self.norm = nn.LayerNorm(c.width, c.epsilon)
        self.reset()

    def reset(self) -> None:
        """Draw fresh weights: truncated normal of deviation 0.02, as ViT and its successors use."""
        for parameter in (self.prefix, self.position):
            if parameter is not None:
                nn.init.trunc_normal_(parameter, std=0.02)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.LayerNorm):
                module.reset_parameters()
            elif isinstance(module, LayerScale):
                module.reset()

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, S, S] (or [N, L, D] from an earlier stage) to [N, D] (or [N, L, D] for a later stage)."""
        x = self.tokens(x)
        return x if self.norm is None else self.pooled(x)

    def tokens(self, x: Tensor) -> Tensor:
        """[N, C, S, S] to [N, L, D]: class token, registers, then patches row by row."""
        if self.patch is not None:
            x = self.embed(x)
        for block in self.blocks.values():
            x = block(x)
        return x if self.norm is None else self.norm(x)

    def embed(self, x: Tensor) -> Tensor:
        """[N, C, S, S] to [N, L, D] before the first block."""
        assert self.patch is not None
        x = self.patch(x).flatten(2).transpose(1, 2)
        token = self.config.pool == "token"
        x = x + self.position[:, int(token) :]
        if self.prefix is None:
            return x
        prefix: Tensor = self.prefix
        if token:  # registers have no position
            prefix = torch.cat([prefix[:, :1] + self.position[:, :1], prefix[:, 1:]], 1)
        return torch.cat([prefix.expand(len(x), -1, -1), x], 1)

    def pooled(self, x: Tensor) -> Tensor:
        """[N, L, D] to [N, D]."""
        return x[:, 0] if self.config.pool == "token" else x[:, self.config.extra :].mean(1)


class Block(nn.Module):
    """Attention and a feed-forward layer, each added to what came in."""

    def __init__(self, config: ViTConfig, index: int) -> None:
        super().__init__()
        c = config
        self.parallel = c.parallel
        self.norm1 = nn.LayerNorm(c.width, c.epsilon)
        self.attention = Attention(c)
        self.norm2 = nn.Identity() if c.parallel else nn.LayerNorm(c.width, c.epsilon)
        self.mlp = FeedForward(c.width, c.hidden or 4 * c.width, c.bias)
        self.scale1, self.scale2 = (
            (LayerScale(c.width, c.layer_scale) if c.layer_scale else nn.Identity()) for _ in range(2)
        )
        self.drop = DropPath(c.drop_path * index / max(c.depth - 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[N, L, D] to [N, L, D]."""
        if self.parallel:
            y = self.norm1(x)
            return x + self.drop(self.scale1(self.attention(y)) + self.scale2(self.mlp(y)))
        x = x + self.drop(self.scale1(self.attention(self.norm1(x))))
        return x + self.drop(self.scale2(self.mlp(self.norm2(x))))


class Attention(nn.Module):
    """Multi-head self-attention. Works on however many heads its projections hold, so it can be split by heads."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        c = config
        self.each = c.width // c.heads
        self.query, self.key, self.value = (nn.Linear(c.width, c.width, c.bias) for _ in range(3))
        self.norm_query, self.norm_key = (
            (nn.LayerNorm(self.each, c.epsilon) if c.qk_norm else nn.Identity()) for _ in range(2)
        )
        self.attend = Attend()
        self.out = nn.Linear(c.width, c.width, c.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[N, L, D] to [N, L, D]."""
        q, k, v = (
            project(x).unflatten(-1, (-1, self.each)).transpose(1, 2)  # [N, H, L, E]
            for project in (self.query, self.key, self.value)
        )
        y = self.attend(self.norm_query(q), self.norm_key(k), v)
        return self.out(y.transpose(1, 2).flatten(2))


class Attend(nn.Module):
    """Softmax attention over [N, H, L, E]; a module of its own, so that a parallel plan can replace it."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Three [N, H, L, E] to one."""
        return F.scaled_dot_product_attention(q, k, v)


class FeedForward(nn.Module):
    """Two layers with GELU between."""

    def __init__(self, width: int, hidden: int, bias: bool) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden, bias)
        self.down = nn.Linear(hidden, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to [..., D]."""
        return self.down(F.gelu(self.up(x)))


class LayerScale(nn.Module):
    """A learnt factor for each channel."""

    def __init__(self, width: int, initial: float) -> None:
        super().__init__()
        self.initial = initial
        self.factor = nn.Parameter(torch.empty(width))
        self.reset()

    def reset(self) -> None:
        """Back to the initial value."""
        nn.init.constant_(self.factor, self.initial)

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to [..., D]."""
        return x * self.factor


class DropPath(nn.Module):
    """Skips a layer for a share of the pictures while training, and makes up for it in the others."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """[N, ...] to [N, ...]."""
        if not self.training or not self.probability:
            return x
        keep = 1 - self.probability
        shape = (len(x), *(1,) * (x.ndim - 1))
        return x * torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(keep) / keep
