"""A margin softmax is the dense one, on any number of processes, sampled or not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn import functional as F

from compoundeye.nets import Margin, MarginSoftmax, SampledAdamW, SampledSGD
from compoundeye.nets._partial import sampled
from compoundeye.records import EyeError

FEATURES, CLASSES, BATCH, STEPS, SCALE = 6, 5, 24, 4, 16.0
"""Five classes are shards of 3 and 2, of 2, 2 and 1, of 2, 2, 1 and none."""
MARGIN = Margin(multiple=1.1, angle=0.3, cosine=0.1)


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[..., list[Any]]]:
    """Calls a function on every rank of a gloo group."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "train"))
    from processes import run as start

    yield start
    sys.path.pop(0)


def pictures(step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Features, classes and which are valid, of a global batch; ones that are not valid hold what would do harm."""
    chance = torch.Generator().manual_seed(step)
    features = torch.randn(BATCH, FEATURES, generator=chance)
    targets = (torch.randint(2, (BATCH,), generator=chance) + step) % CLASSES
    valid = torch.ones(BATCH, dtype=torch.bool)
    targets[2], valid[7] = -1, False
    features[7] = torch.nan
    return features, targets, valid


def dense_loss(features: Tensor, weight: Tensor, targets: Tensor, margin: Margin, classes: Tensor) -> Tensor:
    """The textbook: all cosines, the margin on one, cross-entropy. Classes, bool [K], are those that take part."""
    cosines = F.linear(F.normalize(features), F.normalize(weight))
    own = F.one_hot(targets, len(weight)).bool()
    angle = margin.multiple * cosines.clamp(-1 + 1e-6, 1 - 1e-6).acos() + margin.angle
    hard = torch.where(angle < pi, angle.cos(), -angle.cos() - 2) - margin.cosine
    logits = SCALE * torch.where(own, hard, cosines).masked_fill(~(classes | own.any(0)), -torch.inf)
    return F.cross_entropy(logits, targets, reduction="sum")


def head(mesh: Any = None, **options: Any) -> MarginSoftmax:
    torch.manual_seed(99)  # must not matter
    return MarginSoftmax(FEATURES, CLASSES, margin=MARGIN, scale=SCALE, seed=1, mesh=mesh, **options)


def whole(x: Tensor) -> Tensor:
    return (x.full_tensor() if isinstance(x, DTensor) else x).detach().clone()


def learn(made: MarginSoftmax, optimiser: torch.optim.Optimizer, steps: range, parts: int = 1) -> dict[str, list[Any]]:
    """Steps as the loop does them; loss, gradient of all features and weights after each step, on every rank."""
    size, rank = (1, 0) if made.mesh is None else (made.mesh.size(), made.mesh.get_local_rank())
    found: dict[str, list[Any]] = {"loss": [], "right": [], "features": [], "weight": []}
    for step in steps:
        features, targets, valid = (part[rank::size] for part in pictures(step))
        features.requires_grad_()
        count = int((pictures(step)[1] >= 0).sum()) - 1
        optimiser.zero_grad()
        made.begin(step)
        loss, right = torch.zeros(()), torch.zeros(())
        for part in torch.arange(len(features)).chunk(parts):
            one, hit = made.loss_and_right(features[part], targets[part], valid[part])
            (one * size / count).backward()
            loss, right = loss + one.detach(), right + hit
        optimiser.step()
        gradient = torch.zeros(BATCH, FEATURES)
        gradient[rank::size] = features.grad / size  # as an average over the processes does
        for figure in (loss, right, gradient):
            if size > 1:
                dist.all_reduce(figure, group=made.group)
        found["loss"].append(loss)
        found["right"].append(right)
        found["features"].append(gradient)
        found["weight"].append(whole(made.weight))
    return found


def joined(first: dict[str, list[Any]], second: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: first[name] + second[name] for name in first}


CASES: dict[str, tuple[dict[str, Any], type[Any], dict[str, Any]]] = {
    "all": ({}, SampledSGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}),
    "blocks": ({"memory": 1}, SampledAdamW, {"lr": 0.01, "weight_decay": 0.1}),
    "sampled": ({"rate": 0.4}, SampledSGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}),
    "sampled_adamw": ({"rate": 0.4}, SampledAdamW, {"lr": 0.01, "weight_decay": 0.1}),
}


def start(case: str, mesh: DeviceMesh | None = None) -> tuple[MarginSoftmax, torch.optim.Optimizer]:
    options, kind, settings = CASES[case]
    made = head(mesh, **options)
    return made, kind(made, **settings)


def on_ranks(folder: str) -> dict[str, dict[int, Any]]:
    """Each case on 2 and 4 processes, and the last steps after loading a checkpoint of 4 on 2 and 3."""
    meshes = {size: DeviceMesh("cpu", list(range(size))) for size in (4, 3, 2)}
    found: dict[str, dict[int, Any]] = {"unbroken": {}, "resumed": {}}
    for size, mesh in meshes.items():
        if dist.get_rank() < size:
            if size != 3:
                found["unbroken"][size] = {case: unbroken(case, mesh, folder) for case in CASES}
            if size != 4:
                found["resumed"][size] = {case: resumed(case, mesh, folder) for case in CASES}
    clipping_reaches_sampled_rows(meshes[4])
    imprints_are_shared(meshes[4])
    the_nearest_is_found_over_shards(meshes[4])
    found["fsdp"] = {size: beside_fsdp(meshes[size]) for size in meshes if dist.get_rank() < size}
    return found


def unbroken(case: str, mesh: DeviceMesh, folder: str) -> dict[str, list[Any]]:
    made, optimiser = start(case, mesh)
    first = learn(made, optimiser, range(2))
    if mesh.size() == 4:
        dcp.save(parts(made, optimiser), checkpoint_id=f"{folder}/{case}")
    return joined(first, learn(made, optimiser, range(2, STEPS), parts=2))


def resumed(case: str, mesh: DeviceMesh, folder: str) -> dict[str, list[Any]]:
    made, optimiser = start(case, mesh)
    learn(made, optimiser, range(7, 8))  # other weights and moments, to be replaced
    dcp.load(parts(made, optimiser), checkpoint_id=f"{folder}/{case}", process_group=made.group)
    return learn(made, optimiser, range(2, STEPS), parts=2)


def clipping_reaches_sampled_rows(mesh: DeviceMesh) -> None:
    made, _ = start("sampled", mesh)
    made.begin(0)
    made.loss(*(part[dist.get_rank() :: dist.get_world_size()] for part in pictures(0))).backward()
    (touched,) = made.touched()
    assert isinstance(touched.grad, DTensor)
    touched.grad.to_local().zero_()
    assert all(not gradient.any() for _, gradient in made.row_gradients())


def imprints_are_shared(mesh: DeviceMesh) -> None:
    made, alone = head(mesh), head()
    features, targets = pictures(0)[0].nan_to_num(), pictures(0)[1]
    alone.imprint(features, targets)
    made.imprint(features[dist.get_rank() :: dist.get_world_size()], targets[dist.get_rank() :: dist.get_world_size()])
    torch.testing.assert_close(whole(made.weight), whole(alone.weight))


def the_nearest_is_found_over_shards(mesh: DeviceMesh) -> None:
    features = pictures(0)[0].nan_to_num()
    found = head(mesh).nearest(features[dist.get_rank() :: dist.get_world_size()])
    wanted = head().nearest(features)
    for mine, whole in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, whole[dist.get_rank() :: dist.get_world_size()])


class Recogniser(nn.Module):
    """A backbone that FSDP shards and averages, and a head that it must leave alone."""

    def __init__(self, mesh: DeviceMesh | None) -> None:
        super().__init__()
        self.head = head(mesh, rate=0.4)
        torch.manual_seed(3)
        self.backbone = nn.Linear(FEATURES, FEATURES)
        if mesh is not None:
            fully_shard(self, mesh=mesh, ignored_params={self.head.weight})

    def forward(self, features: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        return self.head.loss(self.backbone(features.nan_to_num()), targets, valid)


def beside_fsdp(mesh: DeviceMesh | None) -> list[Tensor]:
    """Weights of backbone and head after some steps as the loop does them."""
    model = Recogniser(mesh)
    size, rank = (1, 0) if mesh is None else (mesh.size(), mesh.get_local_rank())
    optimisers = [torch.optim.SGD(model.backbone.parameters(), 0.1), SampledSGD(model.head, 0.05)]
    for step in range(3):
        for optimiser in optimisers:
            optimiser.zero_grad()
        model.head.begin(step)
        loss = model(*(part[rank::size] for part in pictures(step)))
        (loss * size / BATCH).backward()
        for optimiser in optimisers:
            optimiser.step()
    return [whole(parameter) for parameter in model.parameters()]


def parts(made: MarginSoftmax, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Weights and moments by name; what is read is put where these are."""
    return {"weight": made.weight.detach(), **optimiser.state[made.weight]}


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    """Every case in this process."""
    found: dict[str, Any] = {}
    for case in CASES:
        made, optimiser = start(case)
        first = learn(made, optimiser, range(2))
        found[case] = joined(first, learn(made, optimiser, range(2, STEPS), parts=2))
    return found


def same(found: dict[str, Any], wanted: dict[str, Any], steps: slice = slice(None)) -> bool:
    assert set(found) == set(wanted) == set(CASES)
    for case, figures in wanted.items():
        for name, values in figures.items():
            for mine, theirs in zip(found[case][name], values[steps], strict=True):
                torch.testing.assert_close(
                    mine, theirs, rtol=2e-4, atol=2e-6, msg=lambda text, at=(case, name): f"{at} {text}"
                )
    return True


@pytest.mark.parametrize("case", CASES)
def test_a_head_alone_is_the_dense_softmax_with_the_classes_that_take_part(case: str, alone: dict[str, Any]) -> None:
    options, kind, settings = CASES[case]
    rate = options.get("rate", 1.0)
    weight = head().weight.detach().clone().requires_grad_()
    dense: torch.optim.Optimizer
    dense = (torch.optim.AdamW if kind is SampledAdamW else torch.optim.SGD)([weight], **settings)
    for step in range(STEPS):
        features, targets, valid = pictures(step)
        valid &= targets >= 0
        features = torch.where(valid[:, None], features, 0.0).requires_grad_()
        taking_part = sampled(0, CLASSES, rate, 1, step, weight.device)
        loss = torch.zeros(())
        for part in torch.arange(BATCH).chunk(1 if step < 2 else 2):
            seen = part[valid[part]]
            loss = loss + dense_loss(features[seen], weight, targets[seen], MARGIN, taking_part)
        gradient = torch.autograd.grad(loss / int(valid.sum()), [features, weight])
        torch.testing.assert_close(alone[case]["loss"][step], loss.detach(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(alone[case]["features"][step], gradient[0], rtol=1e-3, atol=1e-5)
        if rate < 1:  # a dense optimiser would move the others too
            taking_part[targets[valid]] = True
            before = head().weight.detach() if step == 0 else alone[case]["weight"][step - 1]
            moved = (alone[case]["weight"][step] != before).any(1)
            assert torch.equal(moved, taking_part)
            weight = alone[case]["weight"][step].clone().requires_grad_()
        else:
            weight.grad = gradient[1]
            dense.step()
            torch.testing.assert_close(alone[case]["weight"][step], weight.detach(), rtol=1e-4, atol=1e-6)


def test_heads_on_several_ranks_learn_what_one_learns_also_after_a_change_of_their_number(
    run: Callable[..., list[Any]], alone: dict[str, Any], tmp_path: Path
) -> None:
    for found in run(on_ranks, 4, str(tmp_path)):
        for size, learnt in found["unbroken"].items():
            assert same(learnt, alone), size
        for size, learnt in found["resumed"].items():
            assert same(learnt, alone, slice(2, None)), size
        for weights in found["fsdp"].values():
            torch.testing.assert_close(weights, beside_fsdp(None), rtol=1e-3, atol=1e-6)


def test_sampling_at_rate_one_is_no_sampling() -> None:
    made, every = head(rate=1 - 1e-12), head()
    optimisers = [SampledSGD(one, 0.05) for one in (made, every)]
    results = [learn(one, optimiser, range(3)) for one, optimiser in zip((made, every), optimisers, strict=True)]
    for name in results[0]:
        for mine, theirs in zip(results[0][name], results[1][name], strict=True):
            torch.testing.assert_close(mine, theirs)


def test_momentum_of_a_class_waits_until_it_takes_part_again() -> None:
    made = MarginSoftmax(FEATURES, 1000, rate=0.2, scale=SCALE)
    optimiser = SampledSGD(made, 0.1)
    features, targets, valid = pictures(0)
    steps = []
    for step in range(3):
        before = made.weight.detach().clone()
        kept = optimiser.state[made.weight].get("momentum", torch.zeros_like(before)).clone()
        made.begin(step)
        made.loss(features, targets, valid).backward()
        assert made.weight.grad is None
        ((index, gradient),) = made.row_gradients()
        optimiser.step()
        optimiser.zero_grad()
        kept[index] = 0.9 * kept[index] + gradient
        torch.testing.assert_close(optimiser.state[made.weight]["momentum"], kept)
        away = torch.ones(1000, dtype=torch.bool)
        away[index] = False
        assert torch.equal(made.weight[away], before[away])
        steps.append(set(index.tolist()))
    assert steps[0] != steps[1] != steps[2]
    assert made.row_gradients() == []


def test_products_of_lower_precision_give_almost_the_same() -> None:
    exact, rounded = (MarginSoftmax(FEATURES, 1000, precision=one) for one in (torch.float32, torch.bfloat16))
    found = []
    for made in (exact, rounded):
        features, targets, valid = pictures(0)
        loss = made.loss(features.requires_grad_(), targets, valid)
        loss.backward()
        assert loss.dtype == features.grad.dtype == made.weight.grad.dtype == torch.float32
        found.append((loss.detach(), F.normalize(features.grad), made.weight.grad))
    for one, other in zip(*found, strict=True):
        assert not torch.equal(one, other)
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.02 * one.abs().max().item())


def test_the_sample_is_a_function_of_seed_and_step_whatever_the_shards() -> None:
    device = torch.device("cpu")
    whole_range = sampled(0, 100_000, 0.1, 3, 5, device)
    parts = [sampled(first, first + 25_000, 0.1, 3, 5, device) for first in range(0, 100_000, 25_000)]
    assert torch.equal(torch.cat(parts), whole_range)
    assert not torch.equal(whole_range, sampled(0, 100_000, 0.1, 3, 6, device))
    assert not torch.equal(whole_range, sampled(0, 100_000, 0.1, 4, 5, device))


def test_samples_are_of_the_asked_size_and_independent_of_each_other() -> None:
    draws = np.stack([sampled(0, 20_000, 0.1, 0, step, torch.device("cpu")).numpy() for step in range(200)])
    # Within 5 standard deviations of what independent draws of probability 0.1 give.
    assert abs(draws.mean() - 0.1) < 5 * (0.09 / draws.size) ** 0.5
    assert abs(draws.mean(0) - 0.1).max() < 5.5 * (0.09 / 200) ** 0.5
    for pairs in (draws[1:] & draws[:-1], draws[:, 1:] & draws[:, :-1]):
        assert abs(pairs.mean() - 0.01) < 5 * (0.01 / pairs.size) ** 0.5


def test_a_class_can_start_from_pictures_of_it() -> None:
    made = head().eval()
    before = made.weight.detach().clone()
    features, targets = torch.randn(4, FEATURES), torch.tensor([3, 1, 3, -1])
    made.imprint(features, targets)
    wanted = F.normalize(features)
    torch.testing.assert_close(F.normalize(made.weight)[1], wanted[1])
    torch.testing.assert_close(F.normalize(made.weight)[3], F.normalize(wanted[0] + wanted[2], dim=0))
    assert torch.equal(made.weight[[0, 2, 4]], before[[0, 2, 4]])


def test_evaluation_takes_all_classes_and_counts_those_nearest_to_their_own() -> None:
    made = head(rate=0.01).eval()
    targets = torch.arange(CLASSES)
    features = made.weight.detach() * 3
    features[4] = features[0]
    loss, right = made.loss_and_right(features, targets, torch.ones(CLASSES, dtype=torch.bool))
    assert right == CLASSES - 1
    wanted = dense_loss(features, made.weight, targets, MARGIN, torch.ones(CLASSES, dtype=torch.bool))
    torch.testing.assert_close(loss, wanted, rtol=1e-4, atol=1e-4)
    assert made.row_gradients() == []


@pytest.mark.parametrize("memory", [1, None])
def test_the_nearest_class_is_that_of_the_largest_cosine(memory: int | None) -> None:
    made = MarginSoftmax(FEATURES, 1000, memory=memory)
    features = torch.randn(50, FEATURES)
    found, cosine = made.nearest(features)
    wanted = (F.normalize(features) @ F.normalize(made.weight).T).max(1)
    assert torch.equal(found, wanted.indices)
    torch.testing.assert_close(cosine, wanted.values)


@pytest.mark.parametrize("margin", [Margin(), Margin(1.0, 0.0, 0.35), Margin(1.35, 0.0), Margin(3.0, 0.4, 0.1)])
def test_a_margin_makes_every_angle_harder_and_keeps_their_order(margin: Margin) -> None:
    angles = torch.linspace(0.01, pi - 0.01, 400, dtype=torch.float64)
    hard = margin(angles.cos())
    assert (hard < angles.cos()).all()
    assert (hard[1:] < hard[:-1]).all()
    if margin == Margin():  # ArcFace where the angle and its margin are within pi
        within = angles + 0.5 < pi
        torch.testing.assert_close(hard[within], (angles + 0.5).cos()[within])


def test_a_head_says_what_is_wrong() -> None:
    features, targets, valid = pictures(0)
    with pytest.raises(EyeError, match="class 5"):
        head().loss(features, targets + 5 - targets.max(), valid)
    with pytest.raises(EyeError, match="begin"):
        head(rate=0.5).loss(features, targets, valid)
    with pytest.raises(EyeError, match="rate"):
        head(rate=0.0)
    with pytest.raises(EyeError, match="2 classes"):
        MarginSoftmax(FEATURES, 1)
