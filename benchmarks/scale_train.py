"""One training step as any rank of thousands, on any machine: does a plan work, and what does executing it take here?

    python benchmarks/scale_train.py [--only NAME ...] [--json FILE]

`compoundeye.plan.dry_run` executes the real step in a fresh process for each rank, on tensors that have shapes but no
numbers (what that tells of a GPU and what not: see its module). `eye plan --dry-run` does the same for a recipe. Here
are the cases that size makes hard: hundreds of billions of parameters, thousands of ranks, a hundred million classes.

- `peak` and its parts: bytes that the rank holds at once, with the batch of the case;
- `sent`: bytes that go through collectives on this rank, by kind;
- `seconds`, `host memory`: what the dry run took here; building, two steps and counting.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from compoundeye.plan import Case, Executed, dry_run
from compoundeye.train import Settings

LARGE = {"precision": "bf16", "activation_checkpointing": "full"}
TRILLION = {"width": 32768, "depth": 80, "heads": 256, "hidden": 131072}
CASES: dict[str, dict[str, Any]] = {
    "200b shard x tensor": {"model": {"name": "vit-200b"}, "plan": {"tensor": 8, **LARGE}},
    "200b replicate x shard x tensor": {"model": {"name": "vit-200b"}, "plan": {"replicate": 8, "tensor": 8, **LARGE}},
    "200b shard x context x tensor": {
        "model": {"name": "vit-200b"},
        "plan": {"tensor": 8, "context": 2, "precision": "bf16", "activation_checkpointing": "selective"},
    },
    "200b pipeline x shard x tensor": {
        "model": {"name": "vit-200b"},
        "plan": {"pipeline": 16, "microbatches": 32, "tensor": 8, **LARGE},
    },
    "1000b shard x tensor": {"model": {"name": "vit-200b", "options": TRILLION}, "plan": {"tensor": 8, **LARGE}},
    "22b with 64 experts": {
        "model": {"name": "vit-22b", "options": {"experts": 64}},
        "plan": {"replicate": 8, "expert": 64, **LARGE},
    },
    "100 million classes": {
        "model": {"name": "vit-b/16"},
        "task": {"kind": "margin", "sample": 0.1},
        "plan": {"replicate": 1024, "precision": "bf16"},
        "classes": 100_000_000,
        "batch": 65536,
    },
}
RANKS = 8192


def case(sections: dict[str, Any]) -> Case:
    sections = dict(sections)
    classes, batch = sections.pop("classes", 1000), sections.pop("batch", RANKS)
    data = {"corpora": [{"path": "none"}], "batch": batch}
    return Case.of(Settings.model_validate({"data": data, **sections}), classes, RANKS)


def show(found: Executed) -> None:
    parts = ", ".join(f"{part} {size / 1e9:.3f}" for part, size in found.parts.items() if size > 1e6)
    sent: dict[str, int] = {}
    for one in found.sent:
        sent[one.kind] = sent.get(one.kind, 0) + one.bytes
    print(f"  {found.parameters / 1e9:.2f}e9 parameters; rank {found.rank}, stage {found.stage}")
    print(f"  peak {found.peak / 1e9:.3f} GB: {parts}")
    print("  TFLOPs: " + ", ".join(f"{phase} {flops / 1e12:.1f}" for phase, flops in found.flops.items()))
    print("  GB sent: " + ", ".join(f"{kind} {size / 1e9:.2f}" for kind, size in sent.items() if size > 1e6))
    print(f"  {found.seconds:.1f} seconds and {found.host_memory / 1e9:.2f} GB here", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES), metavar="NAME")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "ranks": RANKS,
    }
    print(report)
    found: dict[str, Any] = {}
    for name in options.only:
        print(f"\n{name}")
        (one,) = dry_run(case(CASES[name]), [RANKS - 1], tell=show)
        found[name] = asdict(one)
    if options.json:
        options.json.write_text(json.dumps({**report, "cases": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
