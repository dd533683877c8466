"""Optimisers of a margin softmax that change only the classes which took part in a step, moments included.

A class that did not take part neither moves nor decays, and its moments wait, as in An et al., 2020 (arXiv:2010.05222).
With all classes taking part they are torch's SGD and AdamW. Moments are laid out as the weights are, so a checkpoint
of them loads on another number of processes.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from compoundeye.nets._margin_softmax import MarginSoftmax


class _Sampled(torch.optim.Optimizer):
    """What both share: rows and their gradients, taken and put back."""

    def __init__(self, head: MarginSoftmax, defaults: dict[str, Any]) -> None:
        self.head = head
        super().__init__([head.weight], {**defaults, "factor": 1.0})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Update the classes that have a gradient."""
        weight = self.head.weight
        if isinstance(weight.grad, Tensor):
            gradient = weight.grad.to_local() if isinstance(weight.grad, DTensor) else weight.grad
            self._change(None, gradient)
        for index, gradient in self.head.row_gradients():
            self._change(index, gradient)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, those of sampled classes too."""
        super().zero_grad(set_to_none)
        self.head.forget()

    @abstractmethod
    def _change(self, rows: Tensor | None, gradient: Tensor) -> None:
        """Apply gradients [m, D] to those rows of the shard; None: all."""

    def _moment(self, name: str, width: int | None = None) -> Tensor:
        """This process's part of a moment, zeros at first: like the weights, or with ``width`` columns."""
        weight, state = self.head.weight, self.state[self.head.weight]
        if name not in state:
            state[name] = self.head.as_sharded(torch.zeros_like(self.head.local()[:, :width], requires_grad=False))
        moment: Tensor = state[name]
        if isinstance(weight, DTensor) and not isinstance(moment, DTensor):  # whole, as a checkpoint may be read
            moment = state[name] = self.head.as_sharded(moment[self.head.first : self.head.last].contiguous())
        return moment.to_local() if isinstance(moment, DTensor) else moment


class SampledSGD(_Sampled):
    """Stochastic gradient descent with momentum."""

    def __init__(
        self, head: MarginSoftmax, lr: float = 0.1, *, momentum: float = 0.9, weight_decay: float = 0.0
    ) -> None:
        """Set it up.

        Args:
            lr: learning rate; a schedule sets ``param_groups[0]["lr"]``, to its own times ``["factor"]``.
            momentum: share of the last update that is kept.
            weight_decay: added to the gradient, times the weights. Weights are only used by their direction: decay
                keeps their length, hence the step in angle, from shrinking.
        """
        super().__init__(head, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    def _change(self, rows: Tensor | None, gradient: Tensor) -> None:
        group = self.param_groups[0]
        weight, momentum = self.head.local(), self._moment("momentum")
        kept = taken(momentum, rows).mul_(group["momentum"]).add_(gradient)
        if group["weight_decay"]:
            kept.add_(taken(weight, rows), alpha=group["weight_decay"])
        if rows is None:
            weight.add_(kept, alpha=-group["lr"])
        else:
            momentum.index_copy_(0, rows, kept)
            weight.index_add_(0, rows, kept, alpha=-group["lr"])


class SampledAdamW(_Sampled):
    """AdamW (Loshchilov and Hutter, 2017, arXiv:1711.05101); each class counts its own steps."""

    def __init__(
        self,
        head: MarginSoftmax,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        """Set it up.

        Args:
            lr: learning rate; a schedule sets ``param_groups[0]["lr"]``, to its own times ``["factor"]``.
            betas: decay of the two moments.
            eps: added to the root of the second.
            weight_decay: share of the weights, times the learning rate, that a step takes away.
        """
        super().__init__(head, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def _change(self, rows: Tensor | None, gradient: Tensor) -> None:
        group = self.param_groups[0]
        first_beta, second_beta = group["betas"]
        weight, mean, square = self.head.local(), self._moment("mean"), self._moment("square")
        steps = self._moment("steps", 1)
        count = taken(steps, rows).add_(1)
        m = taken(mean, rows).lerp_(gradient, 1 - first_beta)
        v = taken(square, rows).mul_(second_beta).addcmul_(gradient, gradient, value=1 - second_beta)
        size = (v / (1 - second_beta**count)).sqrt_().add_(group["eps"])
        change = m / (1 - first_beta**count) / size
        if group["weight_decay"]:
            change.add_(taken(weight, rows), alpha=group["weight_decay"])
        if rows is None:
            weight.add_(change, alpha=-group["lr"])
            return
        for moment, new in ((steps, count), (mean, m), (square, v)):
            moment.index_copy_(0, rows, new)
        weight.index_add_(0, rows, change, alpha=-group["lr"])


def taken(whole: Tensor, rows: Tensor | None) -> Tensor:
    """A copy of some rows; or all of them, which are then changed where they are."""
    return whole if rows is None else whole.index_select(0, rows)
