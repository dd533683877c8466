"""A learner, its pictures and its steps, for tests that compare parallel plans with one process."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from compoundeye.nets import ViT, ViTConfig, share_router_losses
from compoundeye.train import Layout, Pipelined, Plan, clip_gradients, lay_out, parallelise, split_experts

Point = tuple[float, float, float]
"""Loss, correct answers and norm of the gradient of a step."""

CLASSES, BATCH, SIZE = 5, 16, 12
CONFIG: dict[str, Any] = {"width": 16, "depth": 4, "heads": 2, "hidden": 24, "image": SIZE, "patch": 4, "registers": 2}
SPARSE: dict[str, Any] = {**CONFIG, "experts": 4, "experts_balance": 0.5, "experts_z": 0.1}


class Learner(nn.Module):
    """What the loop trains, as far as a parallel plan knows it."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.backbone = ViT(config)
        self.head = nn.Linear(config.width, CLASSES)
        for parameter in self.parameters():  # large enough for routers to have their preferences
            nn.init.normal_(parameter, std=0.15)

    def normalised(self, pixels: Tensor) -> Tensor:
        return (pixels.permute(0, 3, 1, 2).float() - 127.5) / 64

    def judged(self, features: Tensor, targets: Tensor, valid: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        logits = self.head(features).float()
        loss = torch.where(valid, F.cross_entropy(logits, targets, reduction="none"), 0.0).sum()
        return loss, {"right": ((logits.argmax(1) == targets) & valid).sum()}

    def forward(self, pixels: Tensor, targets: Tensor, valid: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return self.judged(self.backbone(self.normalised(pixels)), targets, valid)


def learner(config: dict[str, Any]) -> Learner:
    torch.manual_seed(0)
    return Learner(ViTConfig(**config))


def batch(step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels, targets and which pictures count: not all do, and not as many in each half."""
    generator = torch.Generator().manual_seed(step)
    pixels = torch.randint(256, (BATCH, SIZE, SIZE, 3), generator=generator, dtype=torch.uint8)
    targets = torch.randint(CLASSES, (BATCH,), generator=generator)
    return pixels, targets, torch.arange(BATCH) % 7 != 0


class Steps:
    """A learner under a plan: what the loop does, without all that surrounds it."""

    def __init__(self, model: Learner, layout: Layout, *, chunks: int = 1) -> None:
        self.model = model
        self.layout = layout
        self.pipelined = None
        if layout.plan.pipeline > 1:
            self.pipelined = Pipelined(model, layout, layout.plan.microbatches, model.judged, chunks=chunks)
        else:
            split_experts(model, layout)
            parallelise(model, layout)
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)

    def step(self, number: int) -> Point:
        layout = self.layout
        pixels, targets, valid = batch(number)
        pictures = int(valid.sum())
        mine = [part[layout.data_rank :: layout.data_size] for part in (pixels, targets, valid)]
        factor = layout.data_size / pictures
        self.optimiser.zero_grad()
        plan = layout.plan
        sums = torch.zeros(2)
        if self.pipelined is not None:
            for part in _chunks(mine, plan.accumulate):
                loss, figures = self.pipelined.step(*part, factor=factor, share=1 / plan.accumulate)
                sums += torch.stack([loss, figures["right"]])
        else:
            parts = _chunks(mine, plan.accumulate * plan.microbatches)
            share_router_losses(self.model, 1 / len(parts))
            for part in parts:
                loss, figures = self.model(*part)
                (loss * factor).backward()
                sums += torch.stack([loss.detach(), figures["right"].float()])
        norm = clip_gradients(self.model.parameters(), 1.0, layout)
        self.optimiser.step()
        if layout.data_group is not None:
            dist.all_reduce(sums, group=layout.data_group)
        return float(sums[0] / pictures), float(sums[1]), float(norm)


def _chunks(tensors: list[Tensor], number: int) -> list[tuple[Tensor, ...]]:
    return list(zip(*(one.chunk(number) for one in tensors), strict=True))


def curve(plan: dict[str, Any], config: dict[str, Any], *, chunks: int = 1, steps: int = 4) -> list[Point]:
    """Points of a few steps on two batches under a plan; every process of it has to call this."""
    taken = Steps(learner(config), lay_out(Plan(**plan), "cpu"), chunks=chunks)
    return [taken.step(number % 2) for number in range(steps)]
