"""Checkpoints: what they hold, what a kill or damage does to them, and other meshes."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from processes import run
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed import checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

from compoundeye.train import CheckpointError, Checkpoints, Retention
from compoundeye.train._staging import Staging


class Net(nn.Module):
    """Four blocks; sizes that 3 and 4 do not divide."""

    def __init__(self, kept: Iterable[int] = range(4)) -> None:
        super().__init__()
        torch.manual_seed(0)
        blocks = {str(n): nn.Sequential(nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 6)) for n in range(4)}
        self.blocks = nn.ModuleDict({str(n): blocks[str(n)] for n in kept})
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks.values():
            x = x + block(x)
        return self.head(x)


def trained(net: nn.Module, steps: int, start: int = 0, state: dict[str, Any] | None = None) -> tuple[Any, list[float]]:
    """An optimiser after some steps on the same pictures on every process, and the losses."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.01) if state is None else state["optimizer"]
    losses = []
    for step in range(start, start + steps):
        x = torch.randn(8, 6, generator=torch.Generator().manual_seed(step))
        loss = net(x).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return optimiser, losses


def whole(tensor: Tensor) -> np.ndarray:
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().numpy().copy()


def everything(net: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    """Weights and moments by name, gathered."""
    found = {}
    for name, parameter in net.named_parameters():
        found[name] = whole(parameter)
        for field, value in optimiser.state[parameter].items():
            found[f"{name} {field}"] = whole(value)
    return found


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def sharded() -> nn.Module:
    net = Net()
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    for block in net.blocks.values():
        fully_shard(block, mesh=mesh)
    return fully_shard(net, mesh=mesh)


def sharded_and_split() -> nn.Module:
    net = Net()
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("shard", "tensor"))
    for block in net.blocks.values():
        parallelize_module(block, mesh["tensor"], {"0": ColwiseParallel(), "2": RowwiseParallel()})
        fully_shard(block, mesh=mesh["shard"])
    return fully_shard(net, mesh=mesh["shard"])


MESHES: dict[str, Callable[[], nn.Module]] = {"sharded": sharded, "split": sharded_and_split, "copied": Net}


def save_on_four(folder: Path) -> dict[str, tuple[dict[str, np.ndarray], list[float]]]:
    """A checkpoint from each mesh, and the weights and the next losses of the run that goes on."""
    found = {}
    for kind, make in MESHES.items():
        net = make()
        optimiser, _ = trained(net, 3)
        checkpoints = Checkpoints(folder / kind)
        checkpoints.save(3, {"model": net, "optimizer": optimiser}, {"kind": kind})
        kept = everything(net, optimiser)
        found[kind] = kept, trained(net, 2, 3, {"optimizer": optimiser})[1]
        checkpoints.wait()
    return found


def save_stages(folder: Path) -> None:
    """Each process holds one block, under the name it has in the whole."""
    stage = Net([dist.get_rank()])
    Checkpoints(folder / "stages").save(1, {"model": stage.blocks, "optimizer": stepped(stage)}, {}, wait=True)


def stepped(stage: Net) -> torch.optim.Optimizer:
    """An optimiser of the blocks after one step."""
    optimiser = torch.optim.AdamW(stage.blocks.parameters(), lr=0.02)
    stage(torch.ones(2, 6)).sum().backward()
    optimiser.step()
    return optimiser


def load_all(folder: Path) -> dict[str, tuple[dict[str, np.ndarray], list[float]]]:
    """Each of the checkpoints onto the processes there are now, sharded among them."""
    found = {}
    for kind in MESHES:
        net = sharded()
        optimiser = torch.optim.AdamW(net.parameters(), lr=0.5)
        facts = Checkpoints(folder / kind).load({"model": net, "optimizer": optimiser})
        assert facts == {"kind": kind}
        assert optimiser.param_groups[0]["lr"] == 0.01
        kept = everything(net, optimiser)
        found[kind] = kept, trained(net, 2, 3, {"optimizer": optimiser})[1]
    return found


def test_a_checkpoint_of_four_processes_loads_on_any_mesh(tmp_path: Path) -> None:
    first = run(save_on_four, 4, tmp_path)[0]
    for kind, (_, losses) in first.items():
        assert losses == pytest.approx(first["copied"][1], rel=1e-5), kind
    for world in (1, 2, 3):
        for kind, (kept, losses) in run(load_all, world, tmp_path)[0].items():
            assert same(kept, first[kind][0]), f"{kind} on {world}"
            assert losses == pytest.approx(first[kind][1], rel=1e-5), f"{kind} on {world}"


def load_stages(folder: Path) -> list[str]:
    """The blocks of four stages onto one or two."""
    rank, world = dist.get_rank(), dist.get_world_size()
    each = 4 // world
    stage = Net(range(rank * each, rank * each + each))
    for parameter in stage.parameters():
        nn.init.zeros_(parameter)
    optimiser = torch.optim.AdamW(stage.blocks.parameters())
    Checkpoints(folder / "stages").load({"model": stage.blocks, "optimizer": optimiser})
    assert optimiser.param_groups[0]["lr"] == 0.02
    for number, block in stage.blocks.items():
        alone = Net([int(number)])
        trained_alone = stepped(alone)
        assert same(everything(alone.blocks, trained_alone), everything_of(number, block, optimiser))
    return list(stage.blocks)


def everything_of(number: str, block: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    return {f"{number}.{name}": value for name, value in everything(block, optimiser).items()}


def test_stages_of_a_pipeline_come_together_by_name(tmp_path: Path) -> None:
    run(save_stages, 4, tmp_path)
    assert run(load_stages, 2, tmp_path) == [["0", "1"], ["2", "3"]]
    assert run(load_stages, 1, tmp_path) == [["0", "1", "2", "3"]]


@pytest.fixture
def state() -> dict[str, Any]:
    """A trained net with batch norm, and whatever else a run keeps."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8))
    optimiser, _ = trained(net, 2)
    return {"model": net, "optimizer": optimiser, "mean": {"a": torch.ones(3), "n": 2}, "plain": {"x": [1, "b"]}}


def fresh() -> dict[str, Any]:
    net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8))
    optimiser = torch.optim.AdamW(net.parameters())
    return {"model": net, "optimizer": optimiser, "mean": {"a": torch.zeros(3), "n": 0}, "plain": {}}


def test_a_run_goes_on_bit_for_bit(tmp_path: Path, state: dict[str, Any]) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(2, state, {"position": 16})
    draws = torch.rand(2).tolist(), np.random.rand(), random.gauss(0, 1), random.random()
    _, losses = trained(state["model"], 4, 2, state)
    checkpoints.wait()
    other = fresh()
    assert Checkpoints(tmp_path).load(other) == {"position": 16}
    assert (torch.rand(2).tolist(), np.random.rand(), random.gauss(0, 1), random.random()) == draws
    assert trained(other["model"], 4, 2, other)[1] == losses
    assert same(everything(other["model"], other["optimizer"]), everything(state["model"], state["optimizer"]))
    assert torch.equal(other["model"][1].running_var, state["model"][1].running_var)
    assert other["mean"]["a"].tolist() == [1, 1, 1]
    assert other["mean"]["n"] == 2
    assert other["plain"] == {"x": [1, "b"]}


def test_an_overlapped_save_holds_the_weights_of_its_step(
    tmp_path: Path, state: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, fill, wait = threading.Event(), Staging.fill, Staging.wait

    def late(self: Staging, parts: dict[str, Tensor]) -> None:
        """Copy in the background only when somebody waits for it: at once if nobody ever does, too late."""
        if threading.current_thread() is not threading.main_thread():
            asked.wait(2)
        fill(self, parts)

    def asking(self: Staging) -> None:
        asked.set()
        wait(self)

    monkeypatch.setattr(Staging, "fill", late)
    monkeypatch.setattr(Staging, "wait", asking)
    checkpoints = Checkpoints(tmp_path)
    for step in (2, 3):
        asked.clear()
        checkpoints.save(step, state, {}, overlap=True)
        kept = [value.clone() for value in state["model"].state_dict().values()]
        trained(state["model"], 1, step, state)  # changes batch norm in the pass, weights in the step
        assert asked.is_set()
        other = fresh()
        checkpoints.load(other, step)
        assert all(torch.equal(a, b) for a, b in zip(other["model"].state_dict().values(), kept, strict=True))


def test_others_can_read_the_tensors(tmp_path: Path, state: dict[str, Any]) -> None:
    Checkpoints(tmp_path).save(1, state, {}, wait=True)
    found = {"model.0.weight": torch.zeros(8, 6)}
    with pytest.warns(UserWarning, match="single process"):
        dcp.load(found, checkpoint_id=str(tmp_path / "step-00000001"))
    assert torch.equal(found["model.0.weight"], state["model"][0].weight)


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, state: dict[str, Any]) -> None:
    notes: list[str] = []
    checkpoints = Checkpoints(tmp_path, keep=9, note=notes.append)
    for step in (1, 2, 3, 4):
        checkpoints.save(step, state, {"at": step}, wait=True)
    (data,) = (tmp_path / "step-00000004").glob("*.distcp")
    flipped = bytearray(data.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    data.write_bytes(flipped)
    manifest = tmp_path / "step-00000003" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"at": 3', '"at": 5'))
    (tmp_path / "step-00000002" / ".metadata").unlink()
    assert checkpoints.latest() == 4  # of its size; only reading it tells
    assert checkpoints.load(fresh()) == {"at": 1}
    assert [note.split("step-")[1][:8] for note in notes] == ["00000004", "00000003", "00000002"]
    with pytest.raises(CheckpointError, match="step-00000004 is not there or is damaged"):
        checkpoints.load(fresh(), 4)
    data.unlink()
    assert checkpoints.latest() == 1


def test_a_checkpoint_that_does_not_fit_is_refused_with_the_reason(tmp_path: Path, state: dict[str, Any]) -> None:
    checkpoints = Checkpoints(tmp_path)
    with pytest.raises(CheckpointError, match="no whole checkpoint in"):
        checkpoints.load(fresh())
    checkpoints.save(1, state, {}, wait=True)
    with pytest.raises(CheckpointError, match=r"'model.0.weight' has shape \(8, 6\), in this run \(9, 6\)"):
        checkpoints.load({"model": nn.Sequential(nn.Linear(6, 9))})
    with pytest.raises(CheckpointError, match=r"has no .model\.7"):
        checkpoints.load({"model": nn.ModuleDict({"7": nn.Linear(6, 8)})})
    with pytest.raises(CheckpointError, match=r"cannot hold 'odd', a object"):
        checkpoints.save(2, {"odd": object()}, {})
    with pytest.raises(CheckpointError, match="facts"):
        checkpoints.save(2, state, {"x": object()})
    with pytest.raises(CheckpointError, match="that no module"):
        checkpoints.save(2, {"optimizer": state["optimizer"]}, {})
    assert checkpoints.latest() == 1


def test_retention_keeps_the_newest_the_round_ones_and_the_best(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=Retention(last=2, every=4, best="accuracy"))
    for step, accuracy in enumerate((0.1, 0.2, 0.9, 0.4, 0.5, 0.6, 0.7), start=1):
        checkpoints.save(step, {"x": torch.ones(1)}, {"accuracy": accuracy})
    checkpoints.wait()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [f"step-{step:08d}" for step in (3, 4, 6, 7)]
    assert Retention(1, best="loss", lowest=True).unneeded({1: {"loss": 0.3}, 2: {"loss": 0.5}, 3: {}}) == [2]
    with pytest.raises(ValueError, match="at least 1"):
        Retention(0)
