"""One step of training: pictures in, weights changed, figures out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch import distributed as dist

from compoundeye.nets import MarginSoftmax
from compoundeye.train._average import Average
from compoundeye.train._clip import clip_gradients
from compoundeye.train._feed import Feed
from compoundeye.train._layout import Layout
from compoundeye.train._learner import Learner
from compoundeye.train._loader import Batch
from compoundeye.train._optimiser import optimisers, set_rate
from compoundeye.train._schedule import rate
from compoundeye.train._settings import Settings
from compoundeye.train._work import Work

_SEED_BITS = 63


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step did, over all processes."""

    pictures: int
    """Those that were learnt from."""
    unread: int
    figures: dict[str, float]
    """Means over the pictures, ``loss`` among them."""
    gradient: float
    """Norm of the gradient before clipping."""
    learning_rate: float
    stop: bool
    """Some process was asked to stop."""


class Stepper:
    """Applies steps to one learner. Chance in a step is a function of (seed, step, data rank): nothing to save."""

    def __init__(
        self,
        learner: Learner,
        work: Work,
        optimisers: list[torch.optim.Optimizer],
        average: Average | None,
        settings: Settings,
        layout: Layout,
        steps: int,
    ) -> None:
        self.learner = learner
        self.work = work
        self.optimisers = optimisers
        self.average = average
        self.settings = settings
        self.layout = layout
        self.steps = steps
        self.feed = Feed(settings, layout, settings.data.batch)
        self._heads = [one for one in learner.modules() if isinstance(one, MarginSoftmax)]
        self._parameters = [p for p in learner.parameters() if p.requires_grad]

    @classmethod
    def of(cls, learner: Learner, work: Work, settings: Settings, layout: Layout, steps: int) -> Self:
        """With the settings' optimisers and average; ``work`` is what `shared` made of the learner."""
        average = Average(learner, settings.optimiser.ema) if settings.optimiser.ema else None
        return cls(learner, work, optimisers(learner, settings.optimiser), average, settings, layout, steps)

    def step(self, number: int, batch: Batch, *, stop: bool) -> Outcome:
        """Do step ``number`` with this process's share of the pictures."""
        settings, layout = self.settings, self.layout
        seed_everything(settings.seed, number, layout.data_rank)
        learning_rate = settings.optimiser.learning_rate * rate(settings.optimiser, number, self.steps)
        set_rate(self.optimisers, learning_rate)
        pixels, targets, valid = self.feed(batch)
        unread = int((~batch.valid).sum())
        pictures, all_unread, asked = summed([int(valid.sum()), unread, int(stop)], layout)
        sums = self.learn(number, pixels, targets, valid, max(pictures, 1))
        norm = float(self.clip())
        totals = summed([float(value) for value in sums.values()], layout)
        figures = {name: total / max(pictures, 1) for name, total in zip(sums, totals, strict=True)}
        if np.isfinite(figures["loss"]) and np.isfinite(norm):  # else the weights stay as they are
            self.update()
        return Outcome(int(pictures), int(all_unread), figures, norm, learning_rate, stop=bool(asked))

    def learn(self, number: int, pixels: Tensor, targets: Tensor, valid: Tensor, pictures: float) -> dict[str, Tensor]:
        """Forward and backward of step ``number``: gradients, and this process's sums of loss and figures.

        Args:
            pictures: valid ones of all processes.
        """
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        self.learner.train()
        for head in self._heads:
            head.begin(number)
        sums: dict[str, Tensor] = {}
        # Gradients are averaged over the data ranks: times their number they are sums again.
        factor = self.layout.data_size / pictures
        for part in _parts(len(pixels), self.settings.plan.accumulate):
            share = (part.stop - part.start) / len(pixels)
            loss, found = self.work.step(pixels[part], targets[part], valid[part], factor=factor, share=share)
            for name, value in {"loss": loss, **found}.items():
                sums[name] = sums[name] + value if name in sums else value
        return sums

    def clip(self) -> Tensor:
        """Norm of all gradients, which are then no longer than the settings let them be."""
        touched = [row for head in self._heads for row in head.touched()]
        most = self.settings.optimiser.clip or float("inf")
        return clip_gradients([*self._parameters, *touched], most, self.layout)

    def update(self) -> None:
        """Let the weights, and their averages, follow the gradients."""
        for optimiser in self.optimisers:
            optimiser.step()
        if self.average is not None:
            self.average.update()


def seed_everything(seed: int, step: int, data_rank: int) -> None:
    """Make every draw of this step a function of where it is."""
    mixed = np.random.SeedSequence([seed, step, data_rank]).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(mixed) >> (64 - _SEED_BITS))


def summed(values: Sequence[float], layout: Layout) -> list[float]:
    """Sums over all processes that see different pictures."""
    if not dist.is_initialized():
        return [float(value) for value in values]
    return [float(value) for value in total_of(values, layout).tolist()]


def total_of(values: Sequence[float], layout: Layout) -> Tensor:
    """The same as a tensor on the device, which is not waited for."""
    total = torch.tensor(values, dtype=torch.float64, device=layout.device)
    dist.all_reduce(total, group=layout.data_group)
    return total


def _parts(rows: int, number: int) -> list[slice]:
    edges = [rows * i // number for i in range(number + 1)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]
