"""How fast the console's server filters, sorts and pages, and in how much memory.

    python benchmarks/console_views.py --count 1000000 --place DIR
    python benchmarks/console_views.py --count 10000000 --place DIR --side 24

Rows come from `console_rows`. Each question is one that nobody asked before (or caches would answer): a filter or two
drawn at random, one of the usual orders, either way, then the first page and one far into it, as the gallery asks.
The first question that needs a column reads it: those are told apart as "first". Processor time of all threads says
what a question takes where the machine does other things as well. Memory is this process's own, which is the server's
but for the web framework.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from compoundeye.console._filters import Filter
from compoundeye.console._state import Console, Served
from compoundeye.console._views import Views
from console_rows import KINDS, written

SORTS = ("ingested", "confidence", "category", "taken_at", "pixels", "bytes", "camera")
PAGE = 100
COLUMNS = ["id", "source", "width", "height", "category", "category_confidence", "label"]


def drawn(rng: np.random.Generator, kind: str) -> Filter:
    """A filter of a kind, with values that are new each time."""
    low = float(rng.random())
    year = int(rng.integers(2015, 2024))
    return {
        "none": Filter(),
        "category": Filter(category=(f"category {rng.integers(KINDS):03d}",)),
        "confidence": Filter(min_confidence=low),
        "date": Filter(since=f"{year}-{rng.integers(1, 13):02d}", until=f"{year + 1}"),
        "size": Filter(min_size=int(rng.integers(300, 2000))),
        "state": Filter(state=("abstained",), min_size=int(rng.integers(300, 2000))),
        "corrected": Filter(corrected=True, max_confidence=low),
        "several": Filter(min_confidence=low, since=str(year), min_size=int(rng.integers(300, 1500)), state=("done",)),
        "sql": Filter(where=f"width > {rng.integers(400, 3000)} AND camera LIKE 'NIKON%'"),
        "text": Filter(text=f"img_{rng.integers(10_000):05d}"),
    }[kind]


def quantiles(spent: list[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(1e3 * one for one in spent)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1),
        "most": round(ordered[-1], 1),
    }


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def memory() -> dict[str, int]:
    """Resident set of this process in MB, now and at most."""
    status = Path("/proc/self/status").read_text().splitlines()
    now = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    return {"now_mb": now // 1000, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000}


def asked(views: Views, question: Filter, sort: str, descending: bool, rng: np.random.Generator) -> None:
    """One question as the gallery asks it: the view, its first page, a page anywhere."""
    view = views.view("corpus", question, sort, descending)
    for offset in (0, int(rng.integers(max(1, view.total)))):
        view.at.take(view.page(offset, PAGE), COLUMNS)


def measure(path: Path, repeats: int, sessions: int) -> dict[str, Any]:
    """All figures of one corpus."""
    console = Console(Served(corpora=(str(path),)))
    console.corpora = {"corpus": str(path)}
    views = Views(console)
    rng = np.random.default_rng(0)
    report: dict[str, Any] = {"open_ms": round(1e3 * timed(lambda: views.newest("corpus")), 1)}
    report["newest_ms"] = quantiles([timed(lambda: views.newest("corpus")) for _ in range(50)])
    report["first_ms"] = {
        sort: round(1e3 * timed(lambda sort=sort: views.view("corpus", sort=sort)), 1) for sort in SORTS
    }
    kinds = ("none", "category", "confidence", "date", "size", "state", "corrected", "several", "sql", "text")
    for kind in kinds:
        asked(views, drawn(rng, kind), "ingested", False, rng)
    views.looking("corpus").warming.join()
    every, worked = list[float](), list[float]()
    report["filter_and_sort_ms"] = {}
    for kind in kinds:
        spent = []
        for _ in range(repeats):
            question, sort, down = drawn(rng, kind), SORTS[rng.integers(len(SORTS))], bool(rng.integers(2))
            before = time.process_time()
            spent.append(timed(lambda: asked(views, question, sort, down, rng)))  # noqa: B023
            worked.append(time.process_time() - before)
        report["filter_and_sort_ms"][kind] = quantiles(spent)
        every += spent
    report["filter_and_sort_ms"]["all"] = quantiles(every)
    report["filter_and_sort_ms"]["all, processor time"] = quantiles(worked)
    view = views.view("corpus", Filter(min_confidence=0.5), "taken_at")
    pages = [int(rng.integers(view.total)) for _ in range(repeats * 5)]
    report["page_ms"] = quantiles([timed(lambda n=n: view.at.take(view.page(n, PAGE), COLUMNS)) for n in pages])
    report["thumbnails_ms"] = quantiles(
        [timed(lambda n=n: view.at.take(view.page(n, PAGE), ["thumbnail"])) for n in pages]
    )
    report["sessions_ms"] = quantiles(crowd(views, sessions, repeats))
    report["columns_mb"] = views.looking("corpus").columns.held >> 20
    report["memory"] = memory()
    return report


def crowd(views: Views, sessions: int, each: int) -> list[float]:
    """Seconds of every question of several sessions that ask at once, without pause."""
    spent, kinds = list[float](), ("category", "confidence", "date", "size", "several")

    def browse(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(each):
            question, sort = drawn(rng, kinds[rng.integers(len(kinds))]), SORTS[rng.integers(len(SORTS))]
            spent.append(timed(lambda: asked(views, question, sort, False, rng)))  # noqa: B023

    threads = [threading.Thread(target=browse, args=(1000 + number,)) for number in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--side", type=int, default=120)
    parser.add_argument("--dimension", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=20, help="questions of each kind")
    parser.add_argument("--sessions", type=int, default=8, help="threads that ask at once in the last measure")
    options = parser.parse_args()
    path = written(options.count, options.place, options.dimension, options.side)
    report = {"rows": options.count, "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    print(json.dumps(report | measure(path, options.repeats, options.sessions), indent=2))


if __name__ == "__main__":
    main()
