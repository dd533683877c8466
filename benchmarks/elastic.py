"""Kill a training run again and again, go on with another number of processes, and compare with an unbroken run.

    python benchmarks/elastic.py [--rounds 20] [--worlds 4 2 3] [--pictures 240] [--epochs 2] [--seed 0] [--json FILE]

The run is a real one (`compoundeye.train.train`: order, loader, sharded model, averaged weights, checkpoints). Each
round starts it on the first number of processes, kills a random one by SIGKILL, ends the others as torchrun does, goes
on with the next number, kills again, and lets the last number finish. One kill in five falls into the start (joining,
loading), the others come a random time after a random step. Then

- every step of the final history was done by all processes of one attempt, and each picture was used once an epoch:
  every process writes down the ids of the pictures of each step that changed the weights, and where a later attempt did
  a step again, the earlier one does not count (its weights are gone, too);
- the loss of every step, the last one's above all, is that of the unbroken run within `--tolerance` (relative); with
  all numbers of processes the same it is the same to the bit.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import shutil
import socket
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from compoundeye.corpus import Corpus, ingest
from compoundeye.train import Settings, train
from compoundeye.train._step import Stepper

COLOURS = ("red", "green", "blue")
BATCH = 12
GRACE = 20.0
"""Seconds that processes have to end after one was killed."""


def make(place: Path, count: int) -> Path:
    """A corpus of noise with a touch of one colour, in folders by colour."""
    for number in range(count):
        folder = place / "pictures" / COLOURS[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 200, (16, 16, 3), np.uint8)
        pixels[..., number % 3] += 55
        Image.fromarray(pixels).save(folder / f"{number}.png")
    ingest([str(place / "pictures")], str(place / "corpus.lance"), workers=1)
    return place / "corpus.lance"


def settings(corpus: Path, epochs: int, deterministic: bool) -> Settings:
    return Settings.model_validate(
        {
            "name": "run",
            "epochs": epochs,
            "data": {
                "corpora": [{"path": str(corpus)}],
                "batch": BATCH,
                "view": {"size": 16, "crop": "whole", "flip": True, "shift": 1},
                "threads": 1,
            },
            "model": {"name": "vit-ti/16", "options": {"width": 32, "depth": 2, "heads": 2, "patch": 4}},
            "optimiser": {"learning_rate": 1e-3, "ema": 0.9, "clip": 1.0},
            "plan": {"deterministic": deterministic},
            "saving": {"every": 3},
            "guard": {"spike": 1e9},
            "log_every": 1,
        }
    )


def work(rank: int, world: int, port: int, chosen: Settings, place: Path, attempt: int) -> None:
    """One process of an attempt; notes what it used."""
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(world),
        "LOCAL_WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    for stream in (1, 2):
        os.dup2(os.open(place / f"said-{attempt}-{rank}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    used = (place / f"used-{attempt}-{rank}.jsonl").open("w", buffering=1)
    step = Stepper.step

    def noted(self: Stepper, number: int, batch: Any, *, stop: bool) -> Any:
        outcome = step(self, number, batch, stop=stop)
        assert outcome.applied
        assert int(batch.valid.sum()) == len(batch.ids)
        used.write(json.dumps({"step": number, "world": world, "ids": [one.hex() for one in batch.ids]}) + "\n")
        return outcome

    Stepper.step = noted  # type: ignore[method-assign]
    train(chosen, place / "runs")


@dataclass
class Attempt:
    """Processes that work on a run."""

    processes: list[Any]

    @classmethod
    def start(cls, world: int, chosen: Settings, place: Path, number: int) -> Attempt:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        context = multiprocessing.get_context("forkserver")
        processes = [
            context.Process(target=work, args=(rank, world, port, chosen, place, number)) for rank in range(world)
        ]
        for process in processes:
            process.start()
        return cls(processes)

    def finished(self) -> bool:
        return all(process.exitcode == 0 for process in self.processes)

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for process in self.processes:
            process.join(max(until - time.monotonic(), 0))

    def wait_for(self, step: int, place: Path, number: int) -> None:
        """Return when a step is done, or all is over."""
        while any(process.is_alive() for process in self.processes):
            path = place / f"used-{number}-0.jsonl"
            lines = path.read_text().splitlines() if path.exists() else []
            if any(line.endswith("}") and json.loads(line)["step"] >= step for line in lines):
                return
            time.sleep(0.05)

    def kill(self, rank: int) -> bool:
        """Kill one and end the others; False if all were done before."""
        if self.finished():
            return False
        assert not any(process.exitcode for process in self.processes), "a process failed by itself"
        self.processes[rank].kill()
        for process in self.processes:
            process.terminate()
        self.wait(GRACE)
        self.end()
        return True

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.join()


def committed(place: Path) -> list[list[str]]:
    """Ids of the pictures of each step of the final history."""
    found: dict[int, dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for path in place.glob("used-*.jsonl"):
        for line in path.read_text().splitlines():
            if line.endswith("}"):  # not cut by a kill
                record = json.loads(line)
                found[record["step"]][int(path.name.split("-")[1])].append(record)
    steps = []
    for step in range(len(found)):
        last = found[step][max(found[step])]
        assert len(last) == last[0]["world"], f"step {step} was not done by all processes of its last attempt"
        steps.append([one for record in last for one in record["ids"]])
    return steps


def losses(place: Path) -> list[float]:
    """Of each step; where it was done again, the later."""
    found: dict[int, float] = {}
    for line in (place / "runs" / "run" / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record.get("split") == "train":
            found[record["step"]] = record["loss"]
    return [found[step] for step in sorted(found)]


def check(place: Path, every: set[str], epochs: int) -> None:
    used = [one for step in committed(place) for one in step]
    assert len(used) == epochs * len(every), f"{len(used)} pictures used, not {epochs * len(every)}"
    for epoch in range(epochs):
        part = Counter(used[epoch * len(every) : (epoch + 1) * len(every)])
        assert part == Counter(every), f"epoch {epoch}: not each picture once"


def unbroken(world: int, chosen: Settings, place: Path) -> float:
    place.mkdir()
    began = time.monotonic()
    attempt = Attempt.start(world, chosen, place, 0)
    attempt.wait(600)
    attempt.end()
    if not attempt.finished():
        raise SystemExit("\n".join(path.read_text()[-2000:] for path in place.glob("said-0-*.txt")))
    return time.monotonic() - began


def broken(
    worlds: Sequence[int], chosen: Settings, place: Path, steps: int, pace: float, draw: random.Random
) -> list[dict[str, Any]]:
    """Kill and go on; what happened to each attempt.

    Args:
        pace: seconds a step of the unbroken run, its start included.
    """
    place.mkdir()
    told: list[dict[str, Any]] = []
    done = 0
    for number, world in enumerate(worlds):
        attempt = Attempt.start(world, chosen, place, number)
        try:
            if number == len(worlds) - 1:
                attempt.wait(600)
                if not attempt.finished():
                    said = "\n".join(path.read_text()[-2000:] for path in place.glob(f"said-{number}-*.txt"))
                    raise SystemExit(f"the run did not go on after {told}:\n{said}")
                break
            step = done - 1 + draw.randint(1, max((steps - done) * 2 // 3, 1))
            rank, at_start = draw.randrange(world), draw.random() < 0.2
            if not at_start:
                attempt.wait_for(step, place, number)
            attempt.wait(draw.uniform(0, 10 * pace if at_start else pace / 5))
            killed = attempt.kill(rank)
        finally:
            attempt.end()
        left = sorted((place / "runs" / "run" / "checkpoints").glob("step-*"))
        done = int(left[-1].name.removeprefix("step-")) if left else 0
        moment = "start" if at_start else f"step {step}"
        told.append({"world": world, "killed": killed, "rank": rank, "moment": moment, "goes_on_from": done})
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--worlds", type=int, nargs="+", default=[4, 2, 3])
    parser.add_argument("--pictures", type=int, default=120, help=f"a multiple of {BATCH}")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    # Torch is loaded once; processes are forked from where it is.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    preload = [
        "torch.distributed.fsdp",
        "torch.distributed.tensor.parallel",
        "torch.distributed.checkpoint",
        "pydantic",
    ]
    multiprocessing.get_context("forkserver").set_forkserver_preload(preload)
    place, draw = Path(tempfile.mkdtemp(prefix="elastic-")), random.Random(options.seed)
    try:
        corpus = make(place, options.pictures)
        same = len(set(options.worlds)) == 1
        chosen = settings(corpus, options.epochs, deterministic=same)
        every = {row["id"].hex() for row in Corpus.open(corpus).dataset.to_table(columns=["id"]).to_pylist()}
        longest = unbroken(options.worlds[0], chosen, place / "unbroken")
        expected = losses(place / "unbroken")
        check(place / "unbroken", every, options.epochs)
        worst, last, kills, rounds = 0.0, 0.0, 0, []
        for number in range(options.rounds):
            one = place / f"round-{number}"
            told = broken(options.worlds, chosen, one, len(expected), longest / len(expected), draw)
            check(one, every, options.epochs)
            found = losses(one)
            assert len(found) == len(expected)
            apart = np.abs(np.array(found) / np.array(expected) - 1)
            assert apart[-1] <= (0 if same else options.tolerance), f"round {number}: the last loss is {apart[-1]} off"
            worst, last = max(worst, float(apart.max())), max(last, float(apart[-1]))
            kills += sum(bool(attempt.get("killed")) for attempt in told)
            rounds.append(told)
            print(f"round {number + 1}: {told}, last loss {apart[-1]:.1e} off", flush=True)
            shutil.rmtree(one)
        report = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "torch": torch.__version__,
            "worlds": options.worlds,
            "pictures": len(every),
            "epochs": options.epochs,
            "steps": len(expected),
            "rounds": options.rounds,
            "kills": kills,
            "each_picture_once_an_epoch": True,
            "most_relative_difference_of_a_loss": worst,
            "most_relative_difference_of_the_last_loss": last,
            "unbroken_s": round(longest, 1),
        }
        print(json.dumps(report, indent=2))
        if options.json:
            options.json.write_text(json.dumps({**report, "attempts": rounds}, indent=2) + "\n")
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
