"""What a checkpoint costs a training step: a save in the background against one that is waited for.

    python benchmarks/checkpoint.py [--model vit-b/16] [--rounds 5] [--threads 2] [--json FILE]

State: a vision transformer and AdamW's moments. Each round measures, one after the other on the same state,

    waited      Checkpoints.save(..., wait=True): copied, written, hashed, on the disk
    blocking    Checkpoints.save(...): how long the call takes; copied, then written by a thread
    overlapped  Checkpoints.save(..., overlap=True), then a forward and a backward pass: how long the call takes and how
                long the optimiser then has to wait until it may change the weights
    dcp.save    torch.distributed.checkpoint.save of the same state (no hashes), waited for
    dcp.async   torch.distributed.checkpoint.async_save: how long the call takes
    torch.save  one file, and os.fsync

and a step without any save. `processor` is the processor time that an overlapped save takes besides the steps that go
on meanwhile: where cores are few, these steps are slower by as much. The first round is apart: it allocates the
buffers that later saves use again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.distributed import checkpoint as dcp

from compoundeye.nets import build
from compoundeye.train import Checkpoints

State = dict[str, Any]


def state_of(name: str) -> State:
    """A network whose optimiser has moments."""
    torch.manual_seed(0)
    model = build(name)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 1e-3)
    optimiser.step()
    optimiser.zero_grad()
    return {"model": model, "optimizer": optimiser}


def size_of(state: State) -> int:
    tensors = [*state["model"].state_dict().values()]
    tensors += [value for one in state["optimizer"].state.values() for value in one.values()]
    return sum(tensor.nbytes for tensor in tensors)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = call()
    return time.perf_counter() - began, found


def flat(state: State) -> State:
    """What `torch.distributed.checkpoint` saves: state dicts."""
    return {key: part.state_dict() for key, part in state.items()}


def to_one_file(state: State, path: Path) -> None:
    with open(path, "wb") as file:
        torch.save(flat(state), file)
        file.flush()
        os.fsync(file.fileno())


class Steps:
    """Training steps on noise."""

    def __init__(self, state: State, batch: int) -> None:
        self.state = state
        self.pictures = torch.randn(batch, 3, 224, 224)

    def gradients(self) -> None:
        self.state["optimizer"].zero_grad()
        self.state["model"](self.pictures).square().mean().backward()

    def whole(self) -> None:
        self.gradients()
        self.state["optimizer"].step()


def rounds(state: State, place: Path, count: int, batch: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    waited, background, ahead = (Checkpoints(place / name, keep=1) for name in ("waited", "background", "ahead"))
    steps = Steps(state, batch)
    steps.whole()

    def note(name: str, seconds: float) -> None:
        found.setdefault(name, []).append(seconds)

    for step in range(count + 1):
        busy = time.process_time()
        note("step", timed(steps.whole)[0])
        undisturbed = time.process_time() - busy
        note("waited", timed(partial(waited.save, step, state, {}, wait=True))[0])
        note("blocking", timed(partial(background.save, step, state, {}))[0])
        background.wait()
        busy, done = time.process_time(), 1
        call, _ = timed(partial(ahead.save, step, state, {}, overlap=True))
        steps.gradients()
        left, _ = timed(ahead.staged)
        state["optimizer"].step()
        while ahead.writing:
            steps.whole()
            done += 1
        note("overlapped", call + left)
        ahead.wait()
        note("processor", time.process_time() - busy - done * undisturbed)
        note("dcp.save", timed(lambda: dcp.save(flat(state), checkpoint_id=str(place / "dcp")))[0])
        blocked, future = timed(lambda: dcp.async_save(flat(state), checkpoint_id=str(place / "async")))
        note("dcp.async", blocked)
        future.result()
        note("torch.save", timed(lambda: to_one_file(state, place / "one.pt"))[0])
        for name in ("dcp", "async"):
            shutil.rmtree(place / name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="vit-b/16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=4, help="pictures a step")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--place", type=Path, help="folder on the disk to measure")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*torch.distributed is disabled.*")
    torch.set_num_threads(options.threads)
    state = state_of(options.model)
    place = Path(tempfile.mkdtemp(prefix="checkpoint-", dir=options.place))
    try:
        seconds = rounds(state, place, options.rounds, options.batch)
    finally:
        shutil.rmtree(place)
    middle = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    report = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "torch": torch.__version__,
        "model": options.model,
        "state_mb": round(size_of(state) / 1e6),
        "first_round_s": {name: round(values[0], 4) for name, values in seconds.items()},
        "median_s": {name: round(value, 4) for name, value in middle.items()},
        "spread_s": {name: [round(min(v[1:]), 4), round(max(v[1:]), 4)] for name, v in seconds.items()},
        "stall_to_waited": round(middle["overlapped"] / middle["waited"], 4),
        "stall_to_dcp_save": round(middle["overlapped"] / middle["dcp.save"], 4),
        "blocking_to_waited": round(middle["blocking"] / middle["waited"], 4),
        "dcp_async_to_dcp_save": round(middle["dcp.async"] / middle["dcp.save"], 4),
    }
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
