"""A margin softmax over very many classes: speed and memory of ours on some processes, beside the dense one.

    python benchmarks/head.py                                  # 100,000 and 1,000,000 classes, some minutes
    python benchmarks/head.py --classes 100000 --steps 10 --json

A step is loss, backward pass and SGD with momentum for one global batch of given embeddings. Dense: ArcFace written as
its papers have it (linear layer of normalised weights, margin on one logit, cross-entropy, torch's SGD) in one process.
Ours: the same mathematics at rate 1, and with a tenth of the classes a step, on 1, 2 and 4 processes which share the
cores. Every measurement is in fresh processes; they take turns, --rounds times, and the fastest step of each counts,
since others may use the machine. Memory is what a process had at most beyond what it had before the head was built.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.nn import functional as F

from compoundeye.nets import Margin, MarginSoftmax, SampledSGD

SCALE, ANGLE, RATE = 64.0, 0.5, 0.1
Step = Callable[[Tensor, Tensor, int], None]


def dense(features: int, classes: int) -> Step:
    """Equations 1 to 3 of arXiv:1801.07698, all logits at once."""
    weight = nn.Parameter(torch.randn(classes, features) * 0.01)
    optimiser = torch.optim.SGD([weight], 0.1, momentum=0.9)

    def step(x: Tensor, targets: Tensor, number: int) -> None:
        del number
        optimiser.zero_grad()
        rows = torch.arange(len(x))
        logits = F.linear(F.normalize(x), F.normalize(weight))
        own = logits[rows, targets].clamp(-1 + 1e-6, 1 - 1e-6)
        logits[rows, targets] = (own.acos() + ANGLE).cos()
        F.cross_entropy(logits.mul_(SCALE), targets).backward()
        optimiser.step()

    return step


def ours(features: int, classes: int, rate: float) -> Step:
    """This process's share."""
    mesh = init_device_mesh("cpu", (dist.get_world_size(),)) if dist.is_initialized() else None
    size = 1 if mesh is None else mesh.size()
    head = MarginSoftmax(features, classes, margin=Margin(angle=ANGLE), scale=SCALE, rate=rate, mesh=mesh)
    optimiser = SampledSGD(head, 0.1, momentum=0.9)

    def step(x: Tensor, targets: Tensor, number: int) -> None:
        optimiser.zero_grad()
        head.begin(number)
        loss = head.loss(x, targets, torch.ones(len(x), dtype=torch.bool))
        (loss * size / (size * len(x))).backward()
        optimiser.step()

    return step


def work(rank: int, size: int, folder: str, way: dict[str, Any], options: argparse.Namespace) -> None:
    """One process of one measurement."""
    torch.set_num_threads(max(cores() // size, 1))
    if size > 1:
        store = dist.FileStore(f"{folder}/store", size)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=size)
    embeddings = torch.randn(options.batch, options.features, generator=torch.Generator().manual_seed(0))
    targets = torch.randint(way["classes"], (options.batch,), generator=torch.Generator().manual_seed(1))
    (embeddings @ embeddings.T).sum()  # what a first product allocates is not the head's
    before = memory()
    if way["rate"] is None:
        step = dense(options.features, way["classes"])
    else:
        step = ours(options.features, way["classes"], way["rate"])
    times = []
    for number in range(options.steps + 1):
        x = embeddings[rank::size].clone().requires_grad_()
        began = time.perf_counter()
        step(x, targets[rank::size], number)
        times.append(time.perf_counter() - began)
    found = {"fastest_s": min(times[1:]), "memory_mb": memory() - before}  # the first step allocates
    (Path(folder) / f"{rank}.json").write_text(json.dumps(found))
    if size > 1:
        dist.destroy_process_group()


def measured(way: dict[str, Any], options: argparse.Namespace) -> dict[str, float]:
    """In fresh processes: the slowest process's fastest step, the largest process's memory."""
    size = way["processes"]
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(work, (size, folder, way, options), nprocs=size)
        found = [json.loads((Path(folder) / f"{rank}.json").read_text()) for rank in range(size)]
    return {name: max(one[name] for one in found) for name in found[0]}


def compared(classes: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """All ways for one number of classes."""
    ways = [{"what": "dense", "classes": classes, "processes": 1, "rate": None}]
    for rate in (1.0, RATE):
        ways += [{"what": "ours", "classes": classes, "processes": n, "rate": rate} for n in options.processes]
    rounds = []
    for number in range(options.rounds):
        print(f"{classes} classes, round {number + 1} of {options.rounds}", file=sys.stderr)
        rounds.append([measured(way, options) for way in ways])
    lines = []
    for number, way in enumerate(ways):
        fastest = min(one[number]["fastest_s"] for one in rounds)
        most = max(one[number]["memory_mb"] for one in rounds)
        lines.append({**way, "pictures_per_s": options.batch / fastest, "memory_mb": most})
    for line in lines:
        line["speed_to_dense"] = line["pictures_per_s"] / lines[0]["pictures_per_s"]
        line["memory_to_dense"] = line["memory_mb"] / lines[0]["memory_mb"]
    return lines


def memory() -> float:
    """Most this program had so far, in megabytes. Not getrusage's figure, which counts the parent's before exec."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3


def cores() -> int:
    return len(os.sched_getaffinity(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--batch", type=int, default=128, help="pictures of all processes")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    about = {
        "machine": f"{platform.machine()}, {cores()} cores",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "features": options.features,
        "batch": options.batch,
    }
    if options.json:
        lines = [line for classes in options.classes for line in compared(classes, options)]
        print(json.dumps({**about, "lines": lines}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print("  classes  what   rate  processes | pictures/s  to dense | MB a process  to dense")
    for line in (line for classes in options.classes for line in compared(classes, options)):
        rate = "-" if line["rate"] is None else f"{line['rate']:.1f}"
        print(
            f"{line['classes']:>9}  {line['what']:<5}  {rate:>4}  {line['processes']:>9} | "
            f"{line['pictures_per_s']:>10.0f}  {line['speed_to_dense']:>8.2f} | "
            f"{line['memory_mb']:>12.0f}  {line['memory_to_dense']:>8.2f}"
        )


if __name__ == "__main__":
    main()
