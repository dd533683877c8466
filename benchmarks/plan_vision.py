"""Whether constants fitted to language models on large GPUs tell how fast vision transformers are on a small one.

    python benchmarks/plan_vision.py [--json FILE]

Nothing is fitted here. The table is benchmarks/plan_vision.toml (timm's, with its source): vision transformers from
tiny to gigantic, forward only, on one RTX 4090, compiled. For each, the forward operations of the plan's own tally are
timed by the plan's step time with its default constants. Twice: with the card's file as it is, and with products as
fast as the best that was measured of this card, which its data sheet does not promise (its clock rises).
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from compoundeye.capacity import Cluster, Curve, cluster
from compoundeye.plan import Case, Tally, constants_for, step_time, tally
from compoundeye.train import Settings

TABLE = Path(__file__).with_suffix(".toml")


def forward(row: dict[str, Any]) -> Tally:
    """What one rank does to answer a batch."""
    options = {name: row[name] for name in ("patch", "image", "width", "depth", "heads", "hidden")}
    settings = Settings.model_validate(
        {
            "data": {
                "corpora": [{"path": "none"}],
                "target": "folder",
                "batch": row["batch"],
                "view": {"size": row["image"]},
            },
            "model": {"name": "vit-b/16", "options": options},
            "plan": {"precision": "bf16"},
        }
    )
    whole = tally(Case.of(settings, 1000, 1))
    return replace(whole, operations=tuple(one for one in whole.operations if one.phase == "forward"))


def measured_products(machine: Cluster, best: float) -> Cluster:
    """The machine, its curve of products raised so that it ends at the best that was measured."""
    gpu = machine.node.accelerator
    raised = best / gpu.peak["bf16"] / gpu.products.points[-1][1]
    curve = Curve(tuple((size, fraction * raised) for size, fraction in gpu.products.points))
    return replace(machine, node=replace(machine.node, accelerator=replace(gpu, products=curve)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the result here")
    args = parser.parse_args()
    table = tomllib.loads(TABLE.read_text())
    sheet = cluster(table["gpu"], 1)
    machines = {"data sheet": sheet, "best product measured": measured_products(sheet, table["best_product"])}
    print(f"{platform.machine()}, Python {platform.python_version()}; {table['title']}")
    print(f"constants {constants_for(table['gpu']).name}; pictures/s: measured, and error of the plan\n")
    wrong: dict[str, list[float]] = {name: [] for name in machines}
    for values in table["rows"]:
        row = dict(zip(table["columns"], values, strict=True))
        work, line = forward(row), f"{row['model']:34} {row['pictures_per_second']:9.1f}"
        for name, machine in machines.items():
            modelled = row["batch"] / step_time(work, machine).total
            wrong[name].append(modelled / row["pictures_per_second"] - 1)
            line += f"   {name} {wrong[name][-1]:+6.1%}"
        print(line)
    report = {
        name: {
            "median": round(statistics.median(abs(one) for one in errors), 4),
            "worst": round(max(errors, key=abs), 4),
            "bias": round(statistics.median(errors), 4),
        }
        for name, errors in wrong.items()
    }
    for name, one in report.items():
        print(f"{name}: median error {one['median']:.1%}, worst {one['worst']:+.1%}, bias {one['bias']:+.1%}")
    if args.json:
        args.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
