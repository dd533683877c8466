"""A sparse mixture of feed-forward layers: each token goes to a few of many experts.

Routing is that of V-MoE (Riquelme et al., 2021, arXiv:2106.05974): the best ``each`` of a softmax over all experts,
whose shares are not normalised again, so that the router learns even where a token has one expert. It is dropless: an
expert takes every token that is sent to it. With a capacity it would depend on who shares a batch which tokens are
dropped, and results on how many processes there are. Two losses keep the router healthy: balance (Fedus et al., 2021,
arXiv:2101.03961, equation 4) and the z-loss of its logits (Zoph et al., 2022, arXiv:2202.08906, equation 5).
Shapes: T tokens, D width, H hidden units, E experts, K experts of a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn import functional as F

from compoundeye.nets._counts import told

_ALIGNED = 8
"""Elements of bfloat16 in the 16 bytes that rows have to be aligned to for a grouped product on a GPU."""


class Mixture(nn.Module):
    """Router and experts, in the place of a feed-forward layer.

    In training each forward pass adds the gradient of its router's losses, as if they had been added to the loss that
    is minimised; nothing has to be collected. Where several passes make one step, ``share`` says how much one counts.
    Every row of a batch counts for them, also one that fills it up or could not be read: where plans fill up unequal
    numbers of rows (a batch that does not divide by the processes), routers learn a little differently.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        bias: bool,
        activation: Callable[[Tensor], Tensor],
        *,
        experts: int,
        each: int,
        balance: float,
        z: float,
    ) -> None:
        """Build it, with fresh weights.

        Args:
            each: experts that a token goes to.
            balance: weight of the load-balancing loss, which is 1 when all experts have as much to do.
            z: weight of the mean square of the logits' log-sum-exp.
        """
        super().__init__()
        self.each = each
        self.balance = balance
        self.z = z
        self.share = 1.0
        self.router = nn.Linear(width, experts, bias=False)
        self.experts = Experts(width, hidden, bias, activation, experts)
        # Two modules without weights that a parallel plan replaces: where experts are, and who counts their tokens.
        self.dispatch: nn.Module = Dispatch()
        self.total: nn.Module = nn.Identity()
        self.figures: dict[str, Tensor] = {}
        """Of the last pass: ``balance``, ``z`` and ``busiest`` (load of the busiest expert over the mean load)."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to [..., D]."""
        tokens = x.reshape(-1, x.shape[-1])
        logits = self._logits(tokens)
        share, chosen = logits.softmax(1).topk(self.each)  # [T, K]
        if torch.compiler.is_exporting():
            shares = torch.zeros_like(logits).scatter(1, chosen, share)
            return self.experts.all_of_them(tokens, shares.to(tokens.dtype)).view_as(x)
        counts = torch.zeros(logits.shape[1], dtype=torch.int64, device=x.device)
        counts.scatter_add_(0, chosen.flatten(), torch.ones_like(chosen.flatten()))
        order = chosen.flatten().argsort(stable=True)  # by expert; within one as they came
        inverse = inverted(order)
        copies = tokens[:, None].expand(-1, self.each, -1).reshape(-1, tokens.shape[1])
        y = self.dispatch(permuted(copies, order, inverse), counts, self.experts)
        y = permuted(y, inverse, order).unflatten(0, (-1, self.each))
        y = (y * share[..., None].to(y.dtype)).sum(1)
        return self._judged(y, logits, counts).view_as(x)

    def _logits(self, tokens: Tensor) -> Tensor:
        """[T, D] to float32 [T, E]: a router in less precision is unstable (arXiv:2101.03961, section 2.4)."""
        with torch.autocast(tokens.device.type, enabled=False):
            return F.linear(tokens.float(), self.router.weight.float())

    def _judged(self, y: Tensor, logits: Tensor, counts: Tensor) -> Tensor:
        """What came in, with the router's losses attached.

        Counts are those of all processes, which makes the balance a mean over processes of something linear.
        """
        load = self.total(counts)
        load = load / load.sum() * len(load)  # 1: as much as the mean
        balance = (load * logits.softmax(1).mean(0)).sum()
        z = logits.logsumexp(1).square().mean()
        self.figures = {"balance": balance.detach(), "z": z.detach(), "busiest": load.max().detach()}
        if not self.training or not torch.is_grad_enabled():
            return y
        return _Attached.apply(y, (self.balance * balance + self.z * z) * self.share)


class Dispatch(nn.Module):
    """Brings tokens to experts and back: here all are in one place."""

    def forward(self, tokens: Tensor, counts: Tensor, experts: nn.Module) -> Tensor:
        """[T * K, D], ordered by expert, to [T * K, D]; ``counts`` int64 [E] says how many each gets."""
        return experts(tokens, counts)


class Experts(nn.Module):
    """Feed-forward layers side by side, their weights stacked."""

    def __init__(
        self, width: int, hidden: int, bias: bool, activation: Callable[[Tensor], Tensor], experts: int
    ) -> None:
        super().__init__()
        self.activation = activation
        self.up = StackedLinear(experts, width, hidden, bias)
        self.down = StackedLinear(experts, hidden, width, bias)

    def forward(self, tokens: Tensor, counts: Tensor) -> Tensor:
        """[T, D], the first ``counts[0]`` of them for the first expert and so on, to [T, D]."""
        return self.down(self.activation(self.up(tokens, counts)), counts)

    def all_of_them(self, tokens: Tensor, shares: Tensor) -> Tensor:
        """[T, D] to [T, D] by way of every expert, weighted by ``shares`` [T, E], most of them zero.

        Slow, but no shape depends on what is in a picture, so it can be exported.
        """
        hidden = self.activation(self.up.each_to_all(tokens.expand(shares.shape[1], -1, -1)))  # [E, T, H]
        return (self.down.each_to_all(hidden) * shares.T[..., None]).sum(0)


class StackedLinear(nn.Module):
    """E linear layers: slice e of ``weight`` [E, out, in] and ``bias`` [E, out] are those of a ``nn.Linear``."""

    def __init__(self, experts: int, inputs: int, outputs: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(experts, outputs, inputs))
        self.bias = nn.Parameter(torch.empty(experts, outputs)) if bias else None
        self.reset()

    def reset(self) -> None:
        """Draw fresh weights, as the network draws those of its linear layers."""
        nn.init.trunc_normal_(self.weight, std=0.02)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """[T, in], rows of one layer after those of another, to [T, out]; ``counts`` int64 [E] sums to T."""
        weight, bias = _local(self.weight), None if self.bias is None else _local(self.bias)
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
        if x.is_cuda and x.dtype == torch.bfloat16 and not any(size % _ALIGNED for size in weight.shape[1:]):
            return at_once(x, weight, bias, counts)
        return one_by_one(x, weight, bias, counts)

    def each_to_all(self, x: Tensor) -> Tensor:
        """[E, T, in] to [E, T, out]."""
        y = x @ self.weight.transpose(1, 2)
        return y if self.bias is None else y + self.bias[:, None]


def at_once(x: Tensor, weight: Tensor, bias: Tensor | None, counts: Tensor) -> Tensor:
    """All layers in one grouped product, without waiting for the device to tell the counts."""
    ends = counts.cumsum(0)
    y = F.grouped_mm(x, weight.transpose(1, 2), offs=ends.to(torch.int32))
    if bias is None:
        return y
    whose = torch.bucketize(torch.arange(len(x), device=x.device), ends, right=True)
    # A product, not a look-up: its backward is a product too, and not a sum in no fixed order.
    return y + F.one_hot(whose, len(weight)).to(x.dtype) @ bias


def one_by_one(x: Tensor, weight: Tensor, bias: Tensor | None, counts: Tensor) -> Tensor:
    """A product a layer."""
    biases = [None] * len(weight) if bias is None else bias.unbind()
    parts = zip(x.split(told(counts, len(x))), weight.unbind(), biases, strict=True)
    return torch.cat([F.linear(*part) for part in parts])


def inverted(order: Tensor) -> Tensor:
    """The permutation that takes back what ``order`` does, int64 [T]."""
    return torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))


def permuted(x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
    """``x[order]``, whose backward is a look-up as well."""
    return _Permuted.apply(x, order, inverse)


def share_router_losses(model: nn.Module, share: float) -> None:
    """Let each pass from now on count for so much of a step's router losses: 1 / n where n equal passes make a step."""
    for mixture in mixtures(model):
        mixture.share = share


def router_figures(model: nn.Module) -> dict[str, Tensor]:
    """Means over a model's mixtures of what they say of their last pass (see ``Mixture.figures``); empty without any.

    On a process of several they are over its own tokens, but for ``busiest``, which is over those of all.
    """
    found = [mixture.figures for mixture in mixtures(model) if mixture.figures]
    return {name: torch.stack([one[name] for one in found]).mean() for name in (found[0] if found else ())}


def mixtures(model: nn.Module) -> Iterator[Mixture]:
    """All mixtures in a model."""
    return (module for module in model.modules() if isinstance(module, Mixture))


def _local(parameter: Tensor) -> Tensor:
    """This process's experts."""
    return parameter.to_local() if isinstance(parameter, DTensor) else parameter


class _Attached(torch.autograd.Function):
    """Hands a tensor on, and in the backward pass gives a loss the gradient 1.

    The loss need not leave the layer: neither the recomputation of activations nor a pipeline has to know of it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, loss: Tensor) -> Tensor:
        ctx.like = loss.new_ones(())
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0], ctx.like


class _Permuted(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return x[order]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (inverse,) = ctx.saved_tensors
        return gradients[0][inverse], None, None
