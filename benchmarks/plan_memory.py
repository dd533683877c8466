"""How near the plan's memory comes to the dry run's, over a grid of layouts.

    python benchmarks/plan_memory.py [--only TEXT] [--most N] [--json FILE]

Each layout is planned (`compoundeye.plan.memory`) and executed as rank 0, or as a rank of another stage of a pipeline,
on tensors without numbers (`compoundeye.plan.dry_run`, in a process of its own). Printed are the peak of both in bytes,
the error, and which moment of the step the plan says it is; then the median and the worst error of all.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from compoundeye.plan import dry_run, memory
from plan_training import Training


def grid() -> Iterator[Training]:
    bf16: dict[str, Any] = {"precision": "bf16"}
    ways = ("none", "selective", "full")
    for model, ranks, batch in (
        ("vit-ti/16", 1, 64),
        ("vit-s/16", 8, 512),
        ("vit-b/16", 64, 4096),
        ("vit-l/16", 8, 64),
    ):
        for precision in ("fp32", "bf16"):
            for what in ways:
                yield Training(model, ranks, batch, {"precision": precision, "activation_checkpointing": what})
    for what in ways:
        again = {**bf16, "activation_checkpointing": what}
        yield Training("vit-h/14", 64, 2048, {**again, "tensor": 2})
        yield Training("vit-b/16", 32, 512, {**again, "context": 4})
        yield Training("vit-b/16", 64, 512, {**again, "context": 2, "tensor": 2, "replicate": 2})
        yield Training("vit-so400m/14", 128, 4096, again)
        yield Training("vit-l/16", 64, 1024, {**again, "pipeline": 4, "microbatches": 8})
        yield Training("vit-l/16", 64, 1024, {**again, "pipeline": 4, "microbatches": 8}, rank=63)
        yield Training("vit-l/16", 32, 512, {**again, "pipeline": 4, "microbatches": 8, "chunks": 2}, rank=8)
        yield Training("vit-22b/14", 1024, 4096, {**again, "tensor": 8})
        yield Training("vit-b/16", 8, 256, again, {"kind": "contrastive"})
        yield Training("vit-b/16", 8, 512, again, {"kind": "masked"}, {"positions": "sine"})
        yield Training("vit-b/16", 8, 256, {**again, "expert": 8}, options={"experts": 16})
    yield Training("vit-200b/14", 8192, 8192, {**bf16, "activation_checkpointing": "full"})
    yield Training("vit-200b/14", 8192, 1024, {**bf16, "tensor": 8, "activation_checkpointing": "full"})
    yield Training("vit-200b/14", 8192, 4096, {**bf16, "tensor": 8, "pipeline": 8, "microbatches": 32}, rank=4096)
    yield Training("vit-22b/14", 2048, 4096, {**bf16, "tensor": 8, "replicate": 4, "activation_checkpointing": "full"})
    yield Training("vit-b/16", 8, 64, bf16, {"kind": "margin"}, classes=10_000_000)
    yield Training("vit-b/16", 8, 64, bf16, {"kind": "margin", "sample": 0.1}, classes=10_000_000)
    yield Training("vit-b/16", 512, 16384, bf16, {"kind": "margin"}, classes=100_000_000)
    yield Training("vit-b/16", 64, 4096, bf16, {"kind": "contrastive", "pairs": "sigmoid"})
    yield Training("vit-b/16", 8, 256, {**bf16, "replicate": 8})
    yield Training("vit-b/16", 8, 256, {**bf16, "accumulate": 4}, optimiser={"ema": 0.999, "clip": 1.0})
    yield Training("vit-b/16", 8, 256, bf16, options={"drop_path": 0.1, "layer_scale": 1e-5, "registers": 4})
    yield Training("vit-b/16", 8, 64, bf16, options={"qk_norm": True, "pool": "mean"}, optimiser={"name": "sgd"})


def judged(layout: Training) -> dict[str, Any]:
    case = layout.case()
    planned = memory(case, case.stage(layout.rank))
    (found,) = dry_run(case, [layout.rank])
    return {
        "layout": str(layout),
        "plan": planned.peak,
        "dry run": found.peak,
        "error": planned.peak / found.peak - 1,
        "when": planned.when,
        "parts of the plan": dict(planned.parts),
        "parts of the dry run": dict(found.parts),
        "seconds": found.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="layouts whose line has this in it")
    parser.add_argument("--most", type=int, help="layouts, evenly from the grid")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    layouts = [one for one in grid() if options.only in str(one)]
    if options.most and options.most < len(layouts):
        layouts = layouts[:: -(-len(layouts) // options.most)]
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    print(report, f"{len(layouts)} layouts")
    rows = []
    for layout in layouts:
        row = judged(layout)
        rows.append(row)
        print(
            f"{row['error']:+8.3%}  plan {row['plan']:>15,}  dry run {row['dry run']:>15,}  {row['layout']}  "
            f"({row['when']})",
            flush=True,
        )
        if options.json:
            options.json.write_text(json.dumps({**report, "layouts": rows}, indent=2) + "\n")
    errors = [abs(row["error"]) for row in rows]
    print(f"median error {statistics.median(errors):.3%}, worst {max(errors):.3%}, of {len(errors)} layouts")


if __name__ == "__main__":
    main()
