"""One process of a small training run that may be killed at any time; and what its records must add up to."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import distributed as dist

from compoundeye.corpus import Corpus, training_order
from compoundeye.nets import ViT, vit_config
from compoundeye.train import Checkpoints, Loader, Plan, View, clip_gradients, lay_out, parallelise

BATCH = 12
EPOCHS = 2


def train(corpus: Path, folder: Path, attempt: int, doomed: int | None, step: int, seconds: float) -> list[float]:
    """Losses of the steps that this attempt did; process ``doomed`` is killed so long after it began a step.

    Every process writes down which pictures each finished step used. The task: the mean of each colour.
    """
    rank = dist.get_rank()
    layout = lay_out(Plan(), "cpu")
    pictures = Corpus.open(corpus)
    order = training_order(pictures, seed=3)
    torch.manual_seed(0)
    net = ViT(vit_config("ti", width=24, depth=2, heads=2, patch=4, image=16))
    net.head = torch.nn.Linear(24, 3)
    parallelise(net, layout)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)
    state = {"model": net, "optimizer": optimiser}
    checkpoints = Checkpoints(folder / "checkpoints", keep=2)
    at = checkpoints.load(state)["step"] if checkpoints.latest() is not None else 0
    losses = []
    view = View(size=16, crop="whole", flip=True)
    start, end = at * BATCH, EPOCHS * order.rows
    with (
        Loader(
            order, [pictures], None, view, batch=BATCH, rank=rank, world=layout.data_size, start=start, stop=end
        ) as loader,
        open(folder / f"used-{attempt}-{rank}.jsonl", "w") as used,
    ):
        for batch in loader:
            if rank == doomed and at == step:
                threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
            pixels = torch.from_numpy(batch.pixels).permute(0, 3, 1, 2).float() / 255
            error = (net.head(net(pixels)) - pixels.mean((2, 3))).square().sum() * layout.data_size / BATCH
            optimiser.zero_grad()
            error.backward()
            clip_gradients(list(net.parameters()), 1.0, layout)
            optimiser.step()
            total = error.detach().clone()
            dist.all_reduce(total)
            losses.append(total.item() / layout.data_size)
            record = {"step": at, "world": dist.get_world_size(), "ids": [one.hex() for one in batch.ids]}
            used.write(json.dumps(record) + "\n")
            used.flush()
            at += 1
            if at % 3 == 0:
                checkpoints.save(at, state, {"step": at, "position": at * BATCH, "order_key": order.key}, overlap=True)
    checkpoints.wait()
    return losses


def committed(folder: Path) -> list[list[str]]:
    """Ids of the pictures that each step used, for good: a later attempt at a step replaces those before it."""
    found: dict[int, dict[int, list[tuple[int, list[str]]]]] = defaultdict(lambda: defaultdict(list))
    for path in folder.glob("used-*.jsonl"):
        attempt = int(path.name.split("-")[1])
        for line in path.read_text().splitlines():
            record = json.loads(line)
            found[record["step"]][attempt].append((record["world"], record["ids"]))
    steps = []
    for step in range(len(found)):
        last = found[step][max(found[step])]
        assert {world for world, _ in last} == {len(last)}, f"step {step} lacks a process"
        steps.append([one for _, ids in last for one in ids])
    return steps


def each_once_an_epoch(steps: Iterable[list[str]], every: set[str]) -> bool:
    """Whether each picture was used once in each epoch, whatever the order."""
    used = [one for step in steps for one in step]
    epochs = [Counter(used[i : i + len(every)]) for i in range(0, len(used), len(every))]
    return len(epochs) == EPOCHS and all(epoch == Counter(every) for epoch in epochs)
