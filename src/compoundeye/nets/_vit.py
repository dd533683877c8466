"""The vision transformer (Dosovitskiy et al., 2020, arXiv:2010.11929), with what large ones need.

Query and key normalisation and parallel blocks: Dehghani et al., 2023 (arXiv:2302.05442). Registers: Darcet et al.,
2023 (arXiv:2309.16588). Layer scale and stochastic depth: Touvron et al., 2021 (arXiv:2103.17239) and Huang et al.,
2016 (arXiv:1603.09382). Attention pooling: Zhai et al., 2021 (arXiv:2106.04560).
Shapes: N pictures, L tokens, D width, H heads, E width of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn import functional as F

from compoundeye.nets._experts import Mixture
from compoundeye.nets._positions import sine_positions
from compoundeye.records import EyeError

Pool = Literal["token", "mean", "attention"]
Norm = Literal["layer", "rms"]
Activation = Literal["gelu", "gelu_tanh", "quick_gelu"]
Positions = Literal["normal", "sine"]
_CHOICES = {"pool": Pool, "norm": Norm, "activation": Activation, "positions": Positions}
_COUNTS = ("width", "depth", "heads", "image", "patch", "channels")


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
    pool: Pool = "token"
    """Features are the class token, the mean of the patches' tokens, or what a learnt query finds among them."""
    registers: int = 0
    bias: bool = True
    """Whether linear layers add a constant."""
    qkv_bias: bool | None = None
    """The same for queries, keys and values; as ``bias`` if not given."""
    norm: Norm = "layer"
    """Layer normalisation, or without centring and bias (Zhang and Sennrich, 2019, arXiv:1910.07467)."""
    norm_in: bool = False
    """A normalisation before the first block, as CLIP has it."""
    activation: Activation = "gelu"
    """Of the feed-forward layers: exact, as SigLIP has it, or as CLIP has it."""
    positions: Positions = "normal"
    """What the positions of patches are before training: noise, or waves (Beyer et al., 2022, arXiv:2205.01580), which
    tell near from far at once. They are learnt in either case."""
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
    experts_balance: float = 0.01
    """Weight of the loss that spreads tokens over experts."""
    experts_z: float = 0.001
    """Weight of the loss that keeps a router's logits small."""

    def __post_init__(self) -> None:
        """Refuse what cannot be built.

        Raises:
            EyeError: a number or choice that cannot be, a picture of no whole patches, a width of no whole heads.
        """
        for name in _COUNTS:
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise EyeError(f"{name} of a vision transformer is {value!r}: set a whole number from 1")
        for name, kind in _CHOICES.items():
            if getattr(self, name) not in get_args(kind):
                choices = ", ".join(get_args(kind))
                raise EyeError(f"{name} of a vision transformer is {getattr(self, name)!r}: set one of {choices}")
        if self.image % self.patch:
            raise EyeError(f"a picture of {self.image} pixels is not whole patches of {self.patch}: change one of them")
        if self.width % self.heads:
            raise EyeError(f"a width of {self.width} does not divide into {self.heads} heads: change one of them")
        if self.experts and not 1 <= self.experts_each <= self.experts:
            raise EyeError(f"a token cannot go to {self.experts_each} of {self.experts} experts: change experts_each")

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
    prefix: nn.Parameter | None
    norm: nn.Module | None
    norm_in: nn.Module | None
    pool: nn.Module | None

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = c = config
        self.features = c.width
        self.patch = nn.Conv2d(c.channels, c.width, c.patch, c.patch)
        # Registered also where there is none: a stage of a pipeline registers it anew.
        self.register_parameter("prefix", nn.Parameter(torch.empty(1, c.extra, c.width)) if c.extra else None)
        self.position = nn.Parameter(torch.empty(1, (c.image // c.patch) ** 2 + (c.pool == "token"), c.width))
        self.norm_in = normalisation(c, c.width) if c.norm_in else None
        # Keys are the block's number, so that a stage of a pipeline saves its blocks under the names of the whole.
        self.blocks = nn.ModuleDict({str(i): Block(c, i) for i in range(c.depth)})
        self.norm = normalisation(c, c.width)
        self.pool = AttentionPool(c) if c.pool == "attention" else None
        self.reset()

    def reset(self) -> None:
        """Draw fresh weights: truncated normal of deviation 0.02, as ViT and its successors use."""
        for parameter in (self.prefix, self.position):
            if parameter is not None:
                nn.init.trunc_normal_(parameter, std=0.02)
        if self.config.positions == "sine" and self.position is not None:
            self._wave()
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
                module.reset_parameters()
        for module in self.modules():  # after the layers in them
            if module is not self and callable(reset := getattr(module, "reset", None)):
                reset()

    def _wave(self) -> None:
        c, position = self.config, self.position
        places = sine_positions(c.image // c.patch, c.width, position.device)
        if c.pool == "token":
            places = torch.cat([torch.zeros_like(places[:, :1]), places], 1)
        if isinstance(position, DTensor):  # made without memory, then sharded, and filled last
            places = distribute_tensor(places, position.device_mesh, position.placements)
        with torch.no_grad():
            position.copy_(places)

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """[N, C, S, S] (or [N, L, D] from an earlier stage) to [N, D] (or [N, L, D] for a later stage).

        Args:
            keep: int64 [N, K], the patches that go in (masked training); what comes out is then their tokens,
                [N, extra + K, D].
        """
        x = self.tokens(x, keep)
        return x if self.norm is None or keep is not None else self.pooled(x)

    def tokens(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """[N, C, S, S] to [N, L, D]: class token, registers, then patches row by row."""
        if self.patch is not None:
            x = self.embed(x, keep)
        for block in self.blocks.values():
            x = block(x)
        return x if self.norm is None else self.norm(x)

    def embed(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """[N, C, S, S] to [N, L, D] before the first block."""
        assert self.patch is not None
        x = self.patch(x).flatten(2).transpose(1, 2)
        token = self.config.pool == "token"
        x = x + self.position[:, int(token) :]
        if keep is not None:
            x = x.gather(1, keep[..., None].expand(-1, -1, x.shape[2]))
        if self.prefix is not None:
            prefix: Tensor = self.prefix
            if token:  # registers have no position
                prefix = torch.cat([prefix[:, :1] + self.position[:, :1], prefix[:, 1:]], 1)
            x = torch.cat([prefix.expand(x.shape[0], -1, -1), x], 1)
        return x if self.norm_in is None else self.norm_in(x)

    def pooled(self, x: Tensor) -> Tensor:
        """[N, L, D] to [N, D]."""
        if self.config.pool == "token":
            return x[:, 0]
        x = x[:, self.config.extra :]
        return x.mean(1) if self.pool is None else self.pool(x)


def normalisation(config: ViTConfig, width: int) -> nn.Module:
    """Over the last axis, of the kind that the network has throughout."""
    kind = nn.RMSNorm if config.norm == "rms" else nn.LayerNorm
    return kind(width, eps=config.epsilon)


class Block(nn.Module):
    """Attention and a feed-forward layer, each added to what came in."""

    def __init__(self, config: ViTConfig, index: int) -> None:
        super().__init__()
        c = config
        self.parallel = c.parallel
        self.norm1 = normalisation(c, c.width)
        self.attention = Attention(c)
        self.norm2 = nn.Identity() if c.parallel else normalisation(c, c.width)
        self.mlp = feed_forward(c, index)
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
        bias = c.bias if c.qkv_bias is None else c.qkv_bias
        self.query, self.key, self.value = (nn.Linear(c.width, c.width, bias) for _ in range(3))
        self.norm_query, self.norm_key = (
            (normalisation(c, self.each) if c.qk_norm else nn.Identity()) for _ in range(2)
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


def quick_gelu(x: Tensor) -> Tensor:
    """The sigmoid approximation of GELU (Hendrycks and Gimpel, 2016, arXiv:1606.08415, section 2)."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "quick_gelu": quick_gelu,
}


class FeedForward(nn.Module):
    """Two layers with an activation between."""

    def __init__(self, width: int, hidden: int, bias: bool, activation: str = "gelu") -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.up = nn.Linear(width, hidden, bias)
        self.down = nn.Linear(hidden, width, bias)

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to [..., D]."""
        return self.down(self.activation(self.up(x)))


def feed_forward(config: ViTConfig, index: int) -> nn.Module:
    """A block's feed-forward layer: the last of every ``experts_every`` blocks has a mixture of them."""
    c = config
    hidden = c.hidden or 4 * c.width
    if not c.experts or (index + 1) % c.experts_every:
        return FeedForward(c.width, hidden, c.bias, c.activation)
    return Mixture(
        c.width,
        hidden,
        c.bias,
        ACTIVATIONS[c.activation],
        experts=c.experts,
        each=c.experts_each,
        balance=c.experts_balance,
        z=c.experts_z,
    )


class AttentionPool(nn.Module):
    """A learnt query looks at all tokens (Lee et al., 2019, arXiv:1810.00825), then a feed-forward layer."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        c = config
        self.each = c.width // c.heads
        self.probe = nn.Parameter(torch.empty(1, 1, c.width))
        self.query, self.key, self.value, self.out = (nn.Linear(c.width, c.width) for _ in range(4))
        self.attend = Attend()
        self.norm = normalisation(c, c.width)
        self.mlp = FeedForward(c.width, c.hidden or 4 * c.width, True, c.activation)

    def reset(self) -> None:
        """Draw a fresh query; the network draws the layers."""
        nn.init.trunc_normal_(self.probe, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """[N, L, D] to [N, D]."""
        q, k, v = (
            y.unflatten(-1, (-1, self.each)).transpose(1, 2)  # [N, H, 1 or L, E]
            for y in (self.query(self.probe).expand(x.shape[0], -1, -1), self.key(x), self.value(x))
        )
        y = self.out(self.attend(q, k, v).transpose(1, 2).flatten(2))[:, 0]
        return y + self.mlp(self.norm(y))


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
