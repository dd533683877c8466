"""One training step as rank 0 of thousands, on any machine: does a plan work, and what does a rank hold?

    python benchmarks/scale_train.py [--model vit-200b] [--ranks 8192] [--plan shard=1024,tensor=8 ...] [--json FILE]

The real code runs: model built and sharded on `meta`, forward, backward, clipping and AdamW with PyTorch's fake process
group (collectives return at once) and fake tensors (shapes without numbers). So it shows that every operation has a
rule for how it is split, what each rank holds and sends, and what setting up costs the host. It says nothing about
speed on a GPU, nor whether numbers are right: tests/train/test_parallel.py does. Each plan runs in a fresh process.

- `parameters`: of the whole model, and of rank 0;
- `weights`, `gradients`, `moments`: bytes that rank 0 holds between steps, in float32;
- `after forward`: bytes that rank 0 has more than before the forward pass: activations kept for the backward pass, and
  weights that FSDP has gathered and keeps, with `--pictures` on each data rank;
- `sent`: bytes that collectives of a step take in on rank 0, by kind;
- `seconds`: of setting up and of a second step (Python and dispatch: on a GPU they overlap with its work);
- `memory`: peak resident set of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.tensor import DTensor
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from compoundeye.nets import build
from compoundeye.train import Plan, clip_gradients, lay_out, parallelise

PLANS = [
    "shard=1024,tensor=8,precision=bf16,activation_checkpointing=full",
    "replicate=8,shard=128,tensor=8,precision=bf16,activation_checkpointing=full",
    "shard=512,tensor=8,context=2,precision=bf16,activation_checkpointing=selective",
    "shard=8192,precision=bf16,activation_checkpointing=full",
]
KINDS = ("all_gather", "reduce_scatter", "all_to_all", "all_reduce", "broadcast", "scatter")


class Sent(TorchDispatchMode):
    """Bytes that go into collectives, by kind."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes: dict[str, int] = defaultdict(int)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        space, name = func.name().split("::")
        if space in ("c10d", "_c10d_functional") and "wait" not in name:
            kind = next(kind for kind in KINDS if kind.replace("_", "") in name.replace("_", ""))
            # Of two tensors the larger: what has been gathered, or what is still to be scattered.
            self.bytes[kind] += max(map(size, tensors([args, result])), default=0)
        return result


def tensors(values: Any) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors(value)


class Alive(TorchDispatchMode):
    """Memory that operations made and that is still in use."""

    def __init__(self) -> None:
        super().__init__()
        self.storages = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tensors(result if isinstance(result, list | tuple) else [result]):
            self.storages[local(tensor).untyped_storage()] = True
        return result

    def bytes(self) -> int:
        return sum(storage.nbytes() for storage in self.storages)


def local(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def size(tensor: torch.Tensor) -> int:
    return local(tensor).numel() * tensor.element_size()


def measure(model_name: str, ranks: int, plan: dict[str, str], pictures: int) -> dict[str, Any]:
    """One plan, in this process."""
    warnings.simplefilter("ignore")
    clock = time.perf_counter
    began = clock()
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=ranks)
    with torch.device("meta"):
        model = build(model_name)
    image = model.config.image  # type: ignore[union-attr]
    parameters = sum(parameter.numel() for parameter in model.parameters())
    layout = lay_out(Plan.model_validate(plan), "cpu")
    parallelise(model, layout)
    with FakeTensorMode(allow_non_fake_inputs=True):
        model.to_empty(device="cpu")
        optimiser = torch.optim.AdamW(model.parameters(), foreach=True)
        pixels = torch.randn(pictures, 3, image, image)
        seconds: dict[str, float] = {"set up": clock() - began}
        alive, sent = Alive(), Sent()
        for name in ("first step", "step"):
            began = clock()
            with sent if name == "step" else alive:
                loss = model(pixels).float().square().sum()
            if name == "first step":
                after_forward = alive.bytes()
            with sent if name == "step" else nullcontext():
                loss.backward()
                clip_gradients(model.parameters(), 1.0, layout)
            gradients = sum(size(parameter.grad) for parameter in model.parameters() if parameter.grad is not None)
            optimiser.step()
            optimiser.zero_grad()
            seconds[name] = clock() - began
        moments = sum(size(value) for state in optimiser.state.values() for value in tensors(state.values()))
    weights = sum(map(size, model.parameters()))
    return {
        "parameters": parameters,
        "of rank 0": weights // 4,
        "weights": weights,
        "gradients": gradients,
        "moments": moments,
        "after forward": after_forward,
        "sent": dict(sent.bytes),
        "seconds": seconds,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def show(plan: str, found: dict[str, Any]) -> None:
    gigabytes = {name: f"{found[name] / 1e9:.3f}" for name in ("weights", "gradients", "moments", "after forward")}
    print(f"\n{plan}")
    print(f"  {found['parameters'] / 1e9:.2f}e9 parameters, of which rank 0 has {found['of rank 0'] / 1e6:.2f}e6")
    print("  GB on rank 0: " + ", ".join(f"{name} {value}" for name, value in gigabytes.items()))
    print("  GB through collectives a step: " + ", ".join(f"{k} {v / 1e9:.2f}" for k, v in found["sent"].items()))
    print("  seconds: " + ", ".join(f"{name} {value:.1f}" for name, value in found["seconds"].items()))
    print(f"  peak memory of the process {found['memory'] / 1e9:.2f} GB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="vit-200b")
    parser.add_argument("--ranks", type=int, default=8192)
    parser.add_argument("--plan", nargs="*", default=PLANS, help="key=value,key=value")
    parser.add_argument("--pictures", type=int, default=1, help="on each data rank")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        plan = dict(pair.split("=", 1) for pair in options.plan[0].split(","))
        print(json.dumps(measure(options.model, options.ranks, plan, options.pictures)))
        return
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "model": options.model,
        "ranks": options.ranks,
        "pictures": options.pictures,
        "plans": {},
    }
    print({name: value for name, value in report.items() if name != "plans"})
    for plan in options.plan:
        command = [sys.executable, __file__, "--one", "--plan", plan, "--model", options.model]
        command += ["--ranks", str(options.ranks), "--pictures", str(options.pictures)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        report["plans"][plan] = json.loads(done.stdout.splitlines()[-1])
        show(plan, report["plans"][plan])
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
