"""A face recogniser's head with a million identities over four processes, on made-up faces.

    python recipes/face_head.py                                        # a few minutes on two cores
    python recipes/face_head.py --processes 2 --identities 100000 --steps 100
    torchrun --nproc-per-node 8 recipes/face_head.py                   # the same on a GPU machine: add --device cuda

Each identity has a code of 24 numbers. A "picture" of it is 192 numbers: the code seen through a fixed matrix, buried
under 48 directions of change that have nothing to do with who it is (pose and light, say) and a little noise. A small
network learns to see through that from ArcFace's loss over all identities, a tenth of which take part in a step.
Every identity's weights start from one picture of it, and again when a quarter of the steps are done. Killed and
started again, a run goes on from its last checkpoint (in --folder), on as many processes as there are then.

Printed: loss; then, before and after, what a recogniser is for: every identity is enrolled with one picture, and new
pictures are identified among all of them (a million, as in Kemelmacher-Shlizerman et al., 2016, arXiv:1512.00596), and
among 2,000 strangers that no one has learnt from.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn import functional as F

from compoundeye.nets import Margin, MarginSoftmax, SampledSGD
from compoundeye.train import Checkpoints, Layout, Plan, lay_out, parallelise

CODE, CHANGE, PIXELS = 24, 48, 192
STRENGTH, NOISE = 2.0, 0.2
STRANGERS, PROBES = 2_000, 4_096
ENROL, PROBE, GALLERY = -1, -2, -3
"""Stand in for the step where pictures that are not for training are drawn."""
SAVE_EVERY = 100


def codes(identities: np.ndarray) -> Tensor:
    """float32 [N, CODE], of variance 1: a hash of each identity (SplitMix64: Steele et al., 2014), so no table."""
    x = identities.astype(np.uint64)[:, None] * np.uint64(CODE) + np.arange(CODE, dtype=np.uint64)
    x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return torch.from_numpy(((x >> np.uint64(40)) / 2**23 - 1).astype(np.float32) * 3**0.5)


def pictures(identities: np.ndarray, *when: int) -> Tensor:
    """float32 [N, PIXELS]: other pictures of the same identities at each time."""
    fixed = torch.Generator().manual_seed(1)
    through = torch.randn(CODE + CHANGE, PIXELS, generator=fixed) / PIXELS**0.5
    seed = np.random.SeedSequence([value % 2**32 for value in when]).generate_state(1, np.uint64)[0]
    chance = torch.Generator().manual_seed(int(seed >> np.uint64(1)))
    change = STRENGTH * torch.randn(len(identities), CHANGE, generator=chance)
    seen = torch.cat([codes(identities), change], 1) @ through
    return seen + NOISE / PIXELS**0.5 * torch.randn(seen.shape, generator=chance)


def identities_at(positions: np.ndarray, identities: int) -> np.ndarray:
    """All of them once before any comes again, in an order without a pattern. Multiplying by a prime is a bijection."""
    return (positions * 2_654_435_761 + 12_345) % identities


class Recogniser(nn.Module):
    """Pictures to embeddings, and the head that teaches them."""

    def __init__(self, head: MarginSoftmax) -> None:
        super().__init__()
        torch.manual_seed(0)  # equal on all processes
        self.backbone = nn.Sequential(nn.Linear(PIXELS, 512), nn.GELU(), nn.Linear(512, head.features))
        self.head = head

    def forward(self, seen: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Sum of the losses, and how many are nearest to their own identity."""
        return self.head.loss_and_right(self.backbone(seen), targets, targets >= 0)

    def predict(self, seen: Tensor) -> Tensor:
        """Embeddings of length 1."""
        return self.head(self.backbone(seen))


class Run:
    """One process of the run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.layout: Layout = lay_out(Plan(), options.device)
        self.head = MarginSoftmax(
            options.dimension,
            options.identities,
            margin=Margin(angle=options.margin),
            scale=options.scale,
            rate=options.rate,
            mesh=self.layout.seeing,
            device=self.layout.device,
        )
        self.model = Recogniser(self.head).to(self.layout.device)
        parallelise(self.model, self.layout)  # leaves the head alone: it is sharded already
        others = [one for one in self.model.parameters() if one is not self.head.weight]
        self.optimisers = [torch.optim.AdamW(others, 1e-3), SampledSGD(self.head, options.learning_rate)]
        self.checkpoints = Checkpoints(Path(options.folder), keep=1)
        self.rank, self.size = self.layout.data_rank, self.layout.data_size

    def go(self) -> dict[str, Any]:
        options = self.options
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, disable=self.rank > 0 or options.json) as progress:
            facts = self.start(progress)
            task = progress.add_task("train", total=options.steps, completed=facts["step"])
            first, began, losses = facts["step"], time.perf_counter(), facts["losses"]
            for step in range(first, options.steps):
                if step == options.steps // 4:  # the network sees better than when it enrolled everybody
                    self.enrol(progress)
                losses.append(self.step(step))
                progress.update(task, advance=1, description=f"train, loss {losses[-1]:.2f}")
                if (step + 1) % SAVE_EVERY == 0 or step + 1 == options.steps:
                    self.checkpoints.save(step + 1, self.state(), {**facts, "step": step + 1, "losses": losses})
            took = time.perf_counter() - began
            self.checkpoints.wait()
            self.enrol(progress)
        done = options.steps - first
        return {
            "identities": options.identities,
            "processes": self.size,
            "batch": options.batch,
            "rate": options.rate,
            "steps": options.steps,
            "resumed_at_step": first,
            "steps_per_second": round(done / took, 2) if done else None,
            "pictures_per_second": round(done * options.batch / took) if done else None,
            "loss": {"first_20": mean(losses[:20]), "last_20": mean(losses[-20:])},
            "before": facts["before"],
            "after": self.measure(),
            "memory": self.memory(),
        }

    def start(self, progress: Progress) -> dict[str, Any]:
        """From the last checkpoint, or from one picture of each identity."""
        if self.checkpoints.latest() is not None:
            return dict(self.checkpoints.load(self.state()))
        self.enrol(progress)
        return {"step": 0, "losses": [], "before": self.measure()}

    def enrol(self, progress: Progress) -> None:
        """Set the weights of every identity to what the network now makes of one picture of it."""
        task = progress.add_task("enrol", total=self.options.identities)
        a_time = 8_192
        for first in range(0, self.options.identities, a_time):
            who = np.arange(first, min(first + a_time, self.options.identities))
            seen, targets = self.mine(pictures(who, ENROL, first)), self.mine(torch.from_numpy(who))
            self.head.imprint(self.embed(seen), targets)
            progress.update(task, advance=len(who))

    def step(self, step: int) -> float:
        """The global batch is the same on any number of processes; each takes every so many-th picture of it."""
        batch = self.options.batch
        who = identities_at(np.arange(step * batch, (step + 1) * batch), self.options.identities)
        seen, targets = self.mine(pictures(who, step)), self.mine(torch.from_numpy(who))
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.model.train()
        self.head.begin(step)
        loss, _ = self.model(seen, targets)
        (loss * self.size / batch).backward()
        for optimiser in self.optimisers:
            optimiser.step()
        return self.total(loss.detach()) / batch

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Shares of new pictures that are nearest to the right one, of all identities and of 2,000 strangers."""
        self.model.eval()
        right = 0.0
        for first in range(0, PROBES, 256):
            who = identities_at(np.arange(first, first + 256), self.options.identities)
            found = self.model(self.mine(pictures(who, PROBE, first)), self.mine(torch.from_numpy(who)))[1]
            right += self.total(found)
        strangers = self.options.identities + np.arange(STRANGERS)
        gallery, probes = (pictures(strangers, when) for when in (GALLERY, PROBE))
        own = torch.arange(STRANGERS)
        by_pixels = (F.normalize(probes) @ F.normalize(gallery).T).argmax(1) == own
        by_embedding = (self.embed(probes) @ self.embed(gallery).T).argmax(1).cpu() == own
        return {
            "rank_1_of_all_enrolled": round(right / PROBES, 4),
            "rank_1_of_strangers": round(by_embedding.float().mean().item(), 4),
            "rank_1_of_strangers_by_pixels": round(by_pixels.float().mean().item(), 4),
        }

    @torch.no_grad()
    def embed(self, seen: Tensor) -> Tensor:
        return self.model.predict(seen.to(self.layout.device))

    def memory(self) -> dict[str, Any]:
        """Megabytes of each process: what the head holds, and the most that the process ever had."""
        held = [self.head.local(), *self.optimisers[1].state[self.head.weight].values()]
        mine = [sum(one.numel() * one.element_size() for one in map(local, held)) / 1e6, peak()]
        everyone: list[list[float]] = [mine] * self.size
        if self.size > 1:
            dist.all_gather_object(everyone, mine)
        return {
            "head_and_momentum_mb": [round(one[0]) for one in everyone],
            "peak_of_process_mb": [round(one[1]) for one in everyone],
        }

    def mine(self, batch: Tensor) -> Tensor:
        """This process's part, filled up with -1 so that all have as many; identity -1 counts for nothing."""
        part = batch[self.rank :: self.size]
        missing = -(-len(batch) // self.size) - len(part)
        return F.pad(part, (0, 0) * (batch.ndim - 1) + (0, missing), value=-1).to(self.layout.device)

    def total(self, value: Tensor) -> float:
        value = value.float()
        if self.size > 1:
            dist.all_reduce(value, group=self.layout.data_group)
        return float(value)

    def state(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimisers}


def local(x: Tensor) -> Tensor:
    return x.to_local() if isinstance(x, torch.distributed.tensor.DTensor) else x


def peak() -> float:
    """Most memory this process has had, in megabytes; of this program alone, unlike getrusage's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3


def mean(values: list[float]) -> float:
    return round(sum(values) / max(len(values), 1), 3)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=128, help="of the embedding")
    parser.add_argument("--rate", type=float, default=0.1, help="share of the identities that take part in a step")
    parser.add_argument("--batch", type=int, default=256, help="pictures a step, over all processes")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--margin", type=float, default=0.3, help="radians")
    parser.add_argument("--scale", type=float, default=32.0)
    parser.add_argument("--learning-rate", type=float, default=0.05, help="of the head")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--folder", help="of checkpoints; a temporary one if not given")
    parser.add_argument("--json", action="store_true", help="only the figures, for programs")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if "RANK" not in os.environ and options.processes > 1:
        launch(options)
        return
    run = Run(options)
    report = run.go()
    if run.rank == 0:
        print(json.dumps(report, indent=2))
    if dist.is_initialized():
        dist.destroy_process_group()


def launch(options: argparse.Namespace) -> None:
    """Start the processes by torchrun."""
    import sys

    from torch.distributed.run import main as torchrun

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as temporary:
        folder = [] if options.folder else ["--folder", temporary]
        torchrun(["--standalone", "--nproc-per-node", str(options.processes), __file__, *sys.argv[1:], *folder])


if __name__ == "__main__":
    main()
