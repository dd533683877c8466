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

from compoundeye.nets._margin import MarginSoftmax


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
            self._change(slice(None), gradient)
        for index, gradient in self.head.row_gradients():
            self._change(index, gradient)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, those of sampled classes too."""
        super().zero_grad(set_to_none)
        self.head.forget()

    @abstractmethod
    def _change(self, rows: slice | Tensor, gradient: Tensor) -> None:
        """Apply gradients [m, D] to those rows of the shard."""

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

    def _change(self, rows: slice | Tensor, gradient: Tensor) -> None:
        group = self.param_groups[0]
        weight, momentum = self.head.local(), self._moment("momentum")
        old = weight[rows]
        kept = momentum[rows].mul_(group["momentum"]).add_(gradient).add_(old, alpha=group["weight_decay"])
        momentum[rows] = kept
        weight[rows] = old - group["lr"] * kept


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

    def _change(self, rows: slice | Tensor, gradient: Tensor) -> None:
        group = self.param_groups[0]
        first_beta, second_beta = group["betas"]
        weight, mean, square = self.head.local(), self._moment("mean"), self._moment("square")
        steps = self._moment("steps", 1)
        count = steps[rows] + 1
        steps[rows] = count
        m = mean[rows].lerp(gradient, 1 - first_beta)
        mean[rows] = m
        v = square[rows].mul(second_beta).addcmul_(gradient, gradient, value=1 - second_beta)
        square[rows] = v
        size = (v / (1 - second_beta**count)).sqrt_().add_(group["eps"])
        old = weight[rows]
        left = 1 - group["lr"] * group["weight_decay"]
        weight[rows] = left * old - group["lr"] * m / (1 - first_beta**count) / size
