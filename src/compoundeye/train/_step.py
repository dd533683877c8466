"""One step of training: pictures in, weights changed, figures out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

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
from compoundeye.train._optimiser import set_rate
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

    def step(self, number: int, batch: Batch, *, stop: bool) -> Outcome:
        """Do step ``number`` with this process's share of the pictures."""
        settings, layout = self.settings, self.layout
        seed_everything(settings.seed, number, layout.data_rank)
        learning_rate = settings.optimiser.learning_rate * rate(settings.optimiser, number, self.steps)
        set_rate(self.optimisers, learning_rate)
        pixels, targets, valid = self.feed(batch)
        unread = int((~batch.valid).sum())
        pictures, all_unread, asked = summed([int(valid.sum()), unread, int(stop)], layout)
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        self.learner.train()
        for head in self._heads:
            head.begin(number)
        sums: dict[str, Tensor] = {}
        # Gradients are averaged over the data ranks: times their number they are sums again.
        factor = layout.data_size / max(pictures, 1)
        for part in _parts(len(pixels), settings.plan.accumulate):
            share = (part.stop - part.start) / len(pixels)
            loss, found = self.work.step(pixels[part], targets[part], valid[part], factor=factor, share=share)
            for name, value in {"loss": loss, **found}.items():
                sums[name] = sums[name] + value if name in sums else value
        touched = [row for head in self._heads for row in head.touched()]
        norm = float(clip_gradients([*self._parameters, *touched], settings.optimiser.clip or float("inf"), layout))
        totals = summed([float(value) for value in sums.values()], layout)
        figures = {name: total / max(pictures, 1) for name, total in zip(sums, totals, strict=True)}
        if np.isfinite(figures["loss"]) and np.isfinite(norm):  # else the weights stay as they are
            for optimiser in self.optimisers:
                optimiser.step()
            if self.average is not None:
                self.average.update()
        return Outcome(int(pictures), int(all_unread), figures, norm, learning_rate, stop=bool(asked))


def seed_everything(seed: int, step: int, data_rank: int) -> None:
    """Make every draw of this step a function of where it is."""
    mixed = np.random.SeedSequence([seed, step, data_rank]).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(mixed) >> (64 - _SEED_BITS))


def summed(values: Sequence[float], layout: Layout) -> list[float]:
    """Sums over all processes that see different pictures."""
    if not dist.is_initialized():
        return [float(value) for value in values]
    total = torch.tensor(values, dtype=torch.float64, device=layout.device)
    dist.all_reduce(total, group=layout.data_group)
    return [float(value) for value in total.tolist()]


def _parts(rows: int, number: int) -> list[slice]:
    edges = [rows * i // number for i in range(number + 1)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]
