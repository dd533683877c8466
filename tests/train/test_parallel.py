"""Real processes learn what one process learns, whatever the plan."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.distributed as dist
from processes import run
from torch import Tensor, nn
from torch.nn import functional as F

from compoundeye.nets import ViT, ViTConfig
from compoundeye.train import Layout, Plan, clip_gradients, lay_out, parallelise

Curve = list[tuple[float, float]]
"""Loss and norm of the gradient at each step."""

CONFIG: dict[str, Any] = {
    "width": 24,
    "depth": 2,
    "heads": 4,
    "hidden": 40,
    "image": 12,
    "patch": 4,
    "registers": 3,  # with the class token and 3 x 3 patches: 13 tokens, which no degree divides
    "qk_norm": True,
    "layer_scale": 0.3,
}
HUGE: dict[str, Any] = {
    "parallel": True,
    "qkv_bias": False,
    "norm": "rms",
    "pool": "attention",
    "registers": 0,
    "layer_scale": None,
}
CLASSES, BATCH, STEPS = 5, 8, 5


class Learner(nn.Module):
    """A tower and a head, called with bytes of pixels as the loop does."""

    def __init__(self, backbone: nn.Module, features: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(features, CLASSES)

    def forward(self, pixels: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(self.predict(pixels).float(), targets, reduction="sum")

    def predict(self, pixels: Tensor) -> Tensor:
        return self.head(self.backbone((pixels.permute(0, 3, 1, 2).float() - 127.5) / 64))


def vit_learner(**changes: Any) -> Learner:
    torch.manual_seed(0)
    config = ViTConfig(**{**CONFIG, **changes})
    return Learner(ViT(config), config.width)


def batch(step: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    pixels = torch.randint(256, (BATCH, 12, 12, 3), generator=generator, dtype=torch.uint8)
    return pixels, torch.randint(CLASSES, (BATCH,), generator=generator)


def learn(model: Learner, layout: Layout, optimiser: str = "adamw", clip: float = 1.0, steps: int = STEPS) -> Curve:
    """What the loop does, without all that surrounds it."""
    parallelise(model, layout)
    kind = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[optimiser]
    stepper = kind(model.parameters(), lr={"adamw": 3e-3, "sgd": 0.1}[optimiser], foreach=True)
    curve: Curve = []
    for step in range(steps):
        pixels, targets = (part[layout.data_rank :: layout.data_size] for part in batch(step))
        torch.manual_seed(1000 * step + layout.data_rank)
        with layout.autocast():
            loss = model(pixels, targets)
        (loss * (layout.data_size / BATCH)).backward()
        norm = clip_gradients(model.parameters(), clip, layout)
        stepper.step()
        stepper.zero_grad()
        total = loss.detach().clone()
        if layout.data_group is not None:
            dist.all_reduce(total, group=layout.data_group)
        curve.append((float(total) / BATCH, float(norm)))
    return curve


def curves(jobs: list[tuple[dict[str, Any], dict[str, Any], str]]) -> list[Curve]:
    """A curve for each (plan, changes of the model, optimiser)."""
    return [learn(vit_learner(**changes), lay_out(Plan(**plan), "cpu"), optimiser) for plan, changes, optimiser in jobs]


def agree(world_size: int, jobs: list[tuple[dict[str, Any], dict[str, Any], str]]) -> None:
    alone = curves([({}, changes, optimiser) for _, changes, optimiser in jobs])
    assert len({curve[-1] for curve in alone}) > 1 or len(jobs) == 1  # the jobs differ
    for rank, found in enumerate(run(curves, world_size, jobs)):
        for (plan, changes, optimiser), one, many in zip(jobs, alone, found, strict=True):
            for ours, theirs in zip(one, many, strict=True):
                assert theirs == pytest.approx(ours, rel=1e-4), (rank, plan, changes, optimiser, one, many)


def test_two_processes_learn_what_one_learns() -> None:
    agree(
        2,
        [
            ({"shard": 2}, {}, "adamw"),
            ({"replicate": 2}, {"pool": "mean"}, "sgd"),
            ({"tensor": 2}, {}, "adamw"),
            ({"tensor": 2}, {"bias": False, "qk_norm": False, "layer_scale": None, "drop_path": 0.4}, "sgd"),
            ({"context": 2}, {}, "adamw"),
            ({"context": 2}, {"pool": "mean", "registers": 0}, "sgd"),
            ({"shard": 2, "activation_checkpointing": "selective"}, {}, "sgd"),
        ],
    )


def test_four_processes_learn_what_one_learns() -> None:
    agree(
        4,
        [
            ({"shard": 2, "tensor": 2}, {}, "adamw"),
            ({"replicate": 2, "shard": 2}, {}, "sgd"),
            ({"context": 2, "tensor": 2, "activation_checkpointing": "full"}, {}, "adamw"),
            ({"context": 4}, {"pool": "mean", "registers": 4}, "sgd"),
            ({"replicate": 2, "context": 2}, {}, "adamw"),
            ({"tensor": 2, "context": 2}, HUGE, "adamw"),
        ],
    )
