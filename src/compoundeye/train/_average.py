"""Averaged weights: smoother than the last ones, and usually better."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of a model's parameters (Polyak and Juditsky, 1992), sharded as they are.

    The statistics of batch norms are averaged with them: those of the last weights do not fit averaged ones. Early
    averages would remember the random start, so the decay grows: min(decay, (1 + t) / (10 + t)).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        learnt = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        live: dict[str, Tensor] = {**learnt, **statistics(model)}
        self._names, self._live = list(live), list(live.values())
        self._mean = [tensor.detach().clone() for tensor in self._live]

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights of now into the mean."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._mean, [tensor.detach() for tensor in self._live], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights within the block, and its own again after it."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for live, mean in zip(self._live, self._mean, strict=True):
            kept = live.detach().clone()
            live.copy_(mean)
            mean.copy_(kept)

    def state_dict(self) -> dict[str, Any]:
        """Means under the names of what they are means of, and how many updates made them."""
        means: dict[str, Tensor] = dict(zip(self._names, self._mean, strict=True))
        return {"mean": means, "updates": self.updates}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for name, mean in zip(self._names, self._mean, strict=True):
            mean.copy_(state["mean"][name])
        self.updates = int(state["updates"])


def statistics(model: nn.Module) -> dict[str, Tensor]:
    """Buffers that belong to the state of a model and are no counters."""
    found = {}
    for prefix, module in model.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_floating_point() and name not in module._non_persistent_buffers_set:
                found[f"{prefix}.{name}" if prefix else name] = buffer
    return found
