"""Whether the plan's FLOPs and traffic are those of the dry run, over large models and layouts; and how fast it is.

    python benchmarks/plan_traffic.py [--only TEXT] [--speed] [--json FILE]

Each training is tallied (`compoundeye.plan.tally`) and executed as one of its ranks on tensors without numbers
(`compoundeye.plan.dry_run`, in a process of its own). Printed are FLOPs and bytes of that rank's step, and every phase
or kind of collective in which the two are not the same number. `--speed` measures a call of `tally` alone, over layouts
of a 22-billion-parameter network on 8,192 ranks, none of which comes twice.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from compoundeye.plan import Attention, Collective, Executed, Product, Tally, dry_run, tally
from plan_training import Training

BF16: dict[str, Any] = {"precision": "bf16"}
FULL: dict[str, Any] = {**BF16, "activation_checkpointing": "full"}
SELECTIVE: dict[str, Any] = {**BF16, "activation_checkpointing": "selective"}
MARGIN = {"kind": "margin", "dimension": 512}
MIXTURE = {"experts": 64, "pool": "mean"}


GRID = [
    Training("vit-b/16", 1, 128, BF16),
    Training("vit-b/16", 8, 1024, SELECTIVE),
    Training("vit-l/16", 64, 4096, {**FULL, "replicate": 8, "accumulate": 4}, rank=63),
    Training("vit-so400m/14", 16, 1024, {**FULL, "tensor": 4, "context": 2}, rank=5),
    Training("vit-h/14", 32, 2048, {**BF16, "tensor": 2}, optimiser={"name": "sgd", "clip": 1.0, "ema": 0.9999}),
    Training("vit-g/14", 128, 4096, {**SELECTIVE, "context": 4}, options={"registers": 4}, rank=77),
    Training("vit-e/14", 256, 8192, {**FULL, "replicate": 4, "tensor": 8}, options={"layer_scale": 1e-5}),
    Training("vit-22b/14", 1024, 8192, {**FULL, "tensor": 8}),
    Training("vit-22b/14", 8192, 65536, {**FULL, "replicate": 8, "tensor": 4, "context": 2}, rank=4097),
    Training("vit-22b/14", 1024, 8192, {**SELECTIVE, "pipeline": 8, "tensor": 4, "microbatches": 16}, rank=1023),
    Training("vit-22b/14", 512, 4096, {**FULL, "pipeline": 4, "chunks": 3, "microbatches": 8, "tensor": 2}, rank=200),
    Training("vit-200b/14", 8192, 16384, {**FULL, "tensor": 8}),
    Training("vit-200b/14", 8192, 16384, {**FULL, "tensor": 8, "pipeline": 8, "microbatches": 16}, rank=4096),
    Training("vit-200b/14", 8192, 8192, FULL, rank=8191),
    Training("vit-l/16", 64, 1024, {**FULL, "expert": 32}, options=MIXTURE),
    Training(
        "vit-l/16", 64, 1024, {**SELECTIVE, "expert": 8, "pipeline": 2, "microbatches": 4}, options=MIXTURE, rank=40
    ),
    Training("vit-e/14", 512, 4096, {**FULL, "expert": 64, "context": 2}, options={**MIXTURE, "experts_every": 1}),
    Training("vit-l/16", 64, 8192, BF16, MARGIN, classes=100_000_000),
    Training("vit-l/16", 64, 8192, {**BF16, "accumulate": 2}, {**MARGIN, "sample": 0.1}, classes=100_000_000),
    Training("vit-b/16", 8192, 65536, {**BF16, "replicate": 128}, MARGIN, classes=100_000_000),
    Training("vit-l/14", 256, 32768, FULL, {"kind": "contrastive", "dimension": 768}),
    Training("vit-b/16", 16, 4096, BF16, {"kind": "contrastive", "pairs": "sigmoid"}),
    Training("vit-h/14", 64, 4096, FULL, {"kind": "masked", "decoder": {"width": 512, "depth": 8}}),
    Training("vit-b/16", 8, 512, BF16, optimiser={"name": "muon"}),
    Training("vit-l/16", 64, 512, {**BF16, "replicate": 2}, optimiser={"name": "muon"}),
    Training("vit-h/14", 8, 512, BF16, optimiser={"backbone_rate": 0}),
]


def differences(found: Tally, run: Executed) -> list[str]:
    """Where the two do not say the same number."""
    said: dict[Any, list[float]] = defaultdict(lambda: [0, 0])
    for one in found.operations:
        if isinstance(one, Product | Attention):
            said[one.phase][0] += one.flops
        elif isinstance(one, Collective):
            key = (one.kind, one.dimension, one.size, one.stride, one.phase)
            said[key][0] += one.bytes * one.count
            said[key][1] += one.count
    done: dict[Any, list[float]] = {phase: [value, 0] for phase, value in run.flops.items()}
    done |= {(one.kind, one.dimension, one.size, one.stride, one.phase): [one.bytes, one.count] for one in run.sent}
    keys = sorted({*said, *done}, key=str)
    return [f"{key}: tally {said.get(key)}, dry run {done.get(key)}" for key in keys if said.get(key) != done.get(key)]


def speed() -> tuple[int, float]:
    """Layouts, and microseconds of processor time of a call."""
    cases = [
        Training(
            "vit-22b/14",
            8192,
            8192,
            {
                "tensor": tensor,
                "context": context,
                "pipeline": pipeline,
                "replicate": replicate,
                "accumulate": accumulate,
                "microbatches": 2 * pipeline,
                "activation_checkpointing": again,
                **BF16,
            },
        ).case()
        for tensor, context, pipeline, replicate, accumulate, again in itertools.product(
            (1, 2, 4, 8), (1, 2), (1, 2, 4, 8), (1, 2, 4, 8, 16), (1, 2), ("none", "selective", "full")
        )
    ]
    tally(cases[0])  # the network's configuration is looked up once
    began = time.process_time()
    for one in cases:
        tally(one)
    return len(cases), 1e6 * (time.process_time() - began) / len(cases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="trainings whose line has this text")
    parser.add_argument("--speed", action="store_true", help="nothing but the speed")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    print(report)
    report["layouts"], report["microseconds"] = speed()
    print(
        f"{report['layouts']} layouts, {report['microseconds']:.0f} microseconds of processor time a tally", flush=True
    )
    report["trainings"] = []
    for one in [] if options.speed else [one for one in GRID if options.only in str(one)]:
        case = one.case()
        (run,) = dry_run(case, [one.rank])
        found = tally(case, case.stage(one.rank))
        apart = differences(found, run)
        flops, size = sum(run.flops.values()), sum(part.bytes for part in run.sent)
        report["trainings"].append({"training": str(one), "flops": flops, "bytes": size, "differences": apart})
        print(
            f"{'same' if not apart else 'DIFFERENT'}  {flops:.4e} FLOPs {size:.4e} bytes  {one}  ({run.seconds:.0f} s)"
        )
        for line in apart:
            print(f"    {line}", flush=True)
    same = sum(not one["differences"] for one in report["trainings"])
    print(f"{same} of {len(report['trainings'])} the same in every number")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
