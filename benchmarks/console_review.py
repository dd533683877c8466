"""How long corrections, their undo, labels to choose from and the queues of review take, and in how much memory.

    python benchmarks/console_review.py --count 1000000 --place DIR --side 24
    python benchmarks/console_review.py --count 100000 --place DIR --side 24 --dimension 1280

Rows come from `console_rows`. One picture at a time is what a reviewer does; "all that fit" is the largest step that
the API takes at once. With embeddings, every picture is compared with its neighbours instead, in this process and on
as many threads as numpy takes. Embeddings there are chance, so what disagrees means nothing; the work is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compoundeye.console._corrections import Corrections
from compoundeye.console._disagree import disagreements
from compoundeye.console._filters import Filter
from compoundeye.console._labels import Labels
from compoundeye.console._review import Review
from compoundeye.console._state import Console, Served
from compoundeye.console._views import Views
from compoundeye.corpus import Corpus
from console_rows import written


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    found = work()
    return round(time.perf_counter() - began, 4), found


def peak() -> int:
    """MB of this process at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def measure(path: Path, repeats: int) -> dict[str, Any]:
    """Corrections and queues of one corpus, as handlers of the console ask for them."""
    console = Console(Served((str(path),)))
    name = next(iter(console.corpora))
    views, corrections, review = (console.part(one) for one in (Views, Corrections, Review))
    found: dict[str, Any] = {"rows": views.newest(name).rows, "at_first_mb": peak()}
    found["queue_first_s"], _ = timed(lambda: review.queue(name, "least-certain", Filter(), 20, None))
    found["labels_first_s"], _ = timed(lambda: console.part(Labels).like(name, "category", "ca", 8))
    spent: dict[str, list[float]] = {"correct": [], "queue_after": [], "labels_after": [], "undo": []}
    for number in range(repeats):
        page = review.queue(name, "least-certain", Filter(), 20, None)
        version = views.newest(name).version
        seconds, done = timed(partial(corrections.correct, name, page.ids[:1], f"label {number}", "me", version))
        spent["correct"].append(seconds)
        spent["queue_after"].append(timed(lambda: review.queue(name, "least-certain", Filter(), 20, None))[0])
        spent["labels_after"].append(timed(lambda: console.part(Labels).like(name, "category", "ca", 8))[0])
        spent["undo"].append(timed(partial(corrections.undo, name, done.undo, "me"))[0])
    found |= {f"{key}_median_s": statistics.median(values) for key, values in spent.items()}
    found["pages_mb"] = peak()
    view = views.view(name, Filter(state=("done",)))
    ids = view.at.take(view.page(0, 1_000_000), ["id"])["id"].to_pylist()
    found["all_that_fit"] = len(ids)
    found["all_that_fit_s"], done = timed(lambda: corrections.correct(name, ids, "all", "me", view.version))
    found["all_that_fit_undo_s"], _ = timed(lambda: corrections.undo(name, done.undo, "me"))
    found["peak_mb"] = peak()
    console.close()
    return found


def compared(path: Path) -> dict[str, Any]:
    """Every picture against its neighbours."""
    before = peak()
    seconds, found = timed(lambda: disagreements(Corpus.open(path), "category"))
    rows = Corpus.open(path).rows
    return {
        "compare_s": seconds,
        "pictures_a_second": round(rows / seconds),
        "listed": len(found.rows),
        "mb": peak() - before,
    }


def main() -> None:
    """Print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--side", type=int, default=120)
    parser.add_argument("--dimension", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args()
    path = written(given.count, given.place, given.dimension, given.side)
    with tempfile.TemporaryDirectory() as home:
        os.environ["COMPOUNDEYE_HOME"] = home
        found = compared(path) if given.dimension else measure(path, given.repeats)
    print(
        json.dumps({"numpy": np.__version__, "cores": os.cpu_count(), "dimension": given.dimension} | found, indent=1)
    )


if __name__ == "__main__":
    main()
