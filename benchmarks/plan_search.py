"""How long the search for the fastest layout takes, and how much of the space it has to look at closely.

    python benchmarks/plan_search.py [--model vit-200b ...] [--gpus 8192 ...] [--gpu h100] [--batch N] [--json FILE]

For each model and number of GPUs, in a fresh process: `layouts` in the space (ways of sharing parameters not counted),
`tallies` and `memories` that the search asked for, `seconds` of processor time and of the clock, and the best layout.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MODELS = ("vit-b/16", "vit-22b", "vit-200b")
GPUS = (64, 1024, 8192)


def main() -> None:
    """Measure each case and print a line of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", default=MODELS)
    parser.add_argument("--gpus", nargs="+", type=int, default=GPUS)
    parser.add_argument("--gpu", default="h100")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.one[0], int(options.one[1]), options.gpu, options.batch)))
        return
    facts = {"machine": platform.processor() or platform.machine(), "cores": len(os.sched_getaffinity(0))}
    facts |= {"python": platform.python_version()}
    print(facts)
    rows = []
    for model in options.model:
        for gpus in options.gpus:
            command = [sys.executable, __file__, "--one", model, str(gpus), "--gpu", options.gpu]
            command += [] if options.batch is None else ["--batch", str(options.batch)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **ALONE})
            rows.append(json.loads(done.stdout))
            print(json.dumps(rows[-1]))
    if options.json:
        Path(options.json).write_text(json.dumps({**facts, "rows": rows}, indent=2))


ALONE = {"OMP_NUM_THREADS": "1"}


def measured(model: str, gpus: int, gpu: str, batch: int | None) -> dict[str, Any]:
    """One search in this process, with what it asked for counted."""
    from dataclasses import replace

    from compoundeye.capacity import cluster
    from compoundeye.plan import Measures, default_settings, search

    settings, _ = default_settings(model, () if batch is None else (f"data.batch={batch}",))
    where = cluster(gpu, gpus)
    asked = {"tallies": 0, "memories": 0}
    plain = Measures.of(settings, where)

    def counted(name: str, function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            asked[name] += 1
            return function(*arguments)

        return call

    measures = replace(plain, tally=counted("tallies", plain.tally), memory=counted("memories", plain.memory))
    clock, processor = time.perf_counter(), time.process_time()
    found = search(settings, 1000, where, measures=measures)
    took = {"seconds": round(time.perf_counter() - clock, 2), "processor": round(time.process_time() - processor, 2)}
    best: dict[str, Any] = {"fits": False}
    if found.best:
        one = found.best[0]
        plan = {name: value for name, value in one.plan.model_dump().items() if isinstance(value, int) and value > 1}
        best = {"step": round(one.time.total, 3), "mfu": round(one.time.mfu, 3), "plan": plan}
        best["checkpointing"] = one.plan.activation_checkpointing
    return {"model": model, "gpus": gpus, "layouts": found.considered, **asked, **took, "best": best}


if __name__ == "__main__":
    main()
