"""Real processes learn what one process learns, whatever the plan."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
import torch.distributed as dist
from absent import one_of
from processes import run
from torch import Tensor, nn
from torch.distributed.tensor import Shard, distribute_tensor
from torch.nn import functional as F

from compoundeye.nets import ViT, ViTConfig
from compoundeye.records import EyeError
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
CLASSES, BATCH, STEPS = 5, 8, 4


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


def others() -> dict[str, Any]:
    """What is particular on two processes."""
    layout = lay_out(Plan(shard=2), "cpu")
    found: dict[str, Any] = {"names": {}}
    for plan in ({"shard": 2}, {"tensor": 2, "activation_checkpointing": "full"}):
        model = vit_learner()
        names = [name for name, _ in model.named_parameters()]
        model.backbone.blocks.requires_grad_(False)  # type: ignore[union-attr]
        parallelise(model, lay_out(Plan(**plan), "cpu"))
        found["names"][str(plan)] = [name for name, _ in model.named_parameters()] == names
        learns = {name.split(".")[1] for name, parameter in model.named_parameters() if parameter.requires_grad}
        found["frozen"] = "blocks" not in learns and "patch" in learns
    found["bf16"] = learn(vit_learner(), lay_out(Plan(shard=2, precision="bf16"), "cpu"))
    found["master"] = {parameter.dtype for parameter in model.parameters()} == {torch.float32}

    # Without blocks, and with statistics: those stay each process's own.
    torch.manual_seed(0)
    plain = Learner(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten()), 8)
    parallelise(plain, layout)
    pixels, targets = (part[layout.data_rank :: 2] for part in batch(0))
    plain(pixels, targets).backward()
    found["plain"] = plain.backbone[1].running_mean.tolist()  # type: ignore[index]
    found["predicted"] = plain.predict(pixels).shape

    # A head that has cut itself over the processes is left as it is.
    assert layout.seeing is not None
    owned = vit_learner()
    owned.head.weight = nn.Parameter(distribute_tensor(owned.head.weight.detach(), layout.seeing, [Shard(0)]))
    before = owned.head.weight
    parallelise(owned, layout)
    found["owned"] = owned.head.weight is before
    return found


def test_what_is_particular_stays_so() -> None:
    one, two = run(others, 2)
    assert all(one["names"].values())
    assert one["frozen"]
    assert one["owned"]
    assert one["master"]
    assert one["predicted"] == (4, CLASSES)
    assert one["plain"] != two["plain"]
    exact = learn(vit_learner(), lay_out(Plan(), "cpu"))
    assert one["bf16"] != exact
    for ours, theirs in zip(exact, one["bf16"], strict=True):
        assert theirs == pytest.approx(ours, rel=0.1)


@pytest.mark.filterwarnings("default::UserWarning:torch")  # the compiler looks at gradients it should not
@pytest.mark.parametrize("what", ["selective", "full"])
def test_compiling_changes_nothing(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = lay_out(Plan(), "cpu")
    exact = learn(vit_learner(depth=1), alone, steps=2)
    # All of the compiler but the code it writes, which needs another compiler.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    compiled = lay_out(Plan(compile=True, activation_checkpointing=what), "cpu")  # type: ignore[arg-type]
    assert learn(vit_learner(depth=1), compiled, steps=2) == exact


def one_of_six(plan: dict[str, Any], changes: dict[str, Any]) -> None:
    """Make a model parallel as one of six processes, the others of which are not there."""
    with one_of(6, 0):
        model = vit_learner(**changes)
        parallelise(model, lay_out(Plan(**plan), "cpu"))
        model.backbone(torch.zeros(1, 3, 12, 12), keep=torch.zeros(1, 4, dtype=torch.int64))


@pytest.mark.parametrize(
    ("plan", "changes", "message"),
    [
        ({"tensor": 3}, {"hidden": 42}, "4 heads do not divide into context 1 x tensor 3"),
        ({"tensor": 2}, {"hidden": 41}, "41 hidden units do not divide into tensor 2"),
        ({"tensor": 2}, {"experts": 4}, "mixture of experts is not split by tensor"),
        ({"context": 2}, {"experts": 4}, "13 tokens do not divide into context 2"),
        ({"context": 2}, {}, "8 tokens of masked pictures do not divide"),
        ({"tensor": 2, "compile": True, "activation_checkpointing": "selective"}, {}, "choose full or none"),
        ({"precision": "float8"}, {}, "float8 needs a GPU"),
    ],
)
def test_what_cannot_be_is_said(plan: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EyeError, match=message):
        one_of_six(plan, changes)
