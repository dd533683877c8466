"""The training order at a thousand million rows: start, memory, time a sample; and how well it shuffles.

    python benchmarks/order.py [--rows 1000000000] [--streaming PYTHON] [--streaming-samples 10000000] [--json FILE]
    python benchmarks/order.py --quality [--streaming PYTHON] [--json FILE]

Each order is measured in a fresh process: `start` is the time to make it and get the first batch at two thirds of the
third epoch, `memory` the peak of the resident set above that after the imports; nanoseconds a sample are of processor
time. `selected` is the same over a tenth of the rows (a condition), for which `build` is the time to collect them,
without the scan that finds them.

PYTHON is an interpreter with mosaicml-streaming (`pip install mosaicml-streaming`, without dependencies but NumPy). Its
`py1e` makes an epoch's whole order before the first sample; it is run at two sizes and its slope is reported.

With --quality: corpora sorted by class, as folders give them. Reported for each layout, and for a uniform permutation
and py1e: how often neighbours in the order are of one class, how long a class stays on average, how many classes and
how many blocks a batch of 256 holds, and by which factor the variance of a class's number in a batch is above that of a
uniform permutation (`dispersion`); chi-square of where a row lands over epochs; and how far pairs of images of the
permutations are from equally likely.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2

from compoundeye.corpus import Shuffle
from compoundeye.corpus._permutation import key_of, permuted

BATCH = 256

LAYOUTS = (
    (16, 4096, 1),
    (16, 1024, 1),
    (64, 1024, 1),
    (64, 256, 1),
    (64, 64, 1),
    (256, 256, 1),
    (1024, 64, 1),
    (16, 512, 8),
)
"""Rows of a block, blocks of a window, lanes."""

# The largest resident set of this program: `ru_maxrss` would begin with that of the process that started it.
PEAK = """
def peak_mb():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
"""

OURS = """
import json, sys, time
import numpy as np
from compoundeye.corpus import Shuffle
from compoundeye.corpus._selection import Selection
rows, lanes, every = (int(word) for word in sys.argv[1:])
before = peak_mb()
began = time.perf_counter()
selection = None
if every > 1:
    step = every << 18
    selection = Selection(rows, (np.arange(at, min(at + step, rows), every) for at in range(0, rows, step)))
built = time.perf_counter() - began
count = rows if selection is None else selection.rows
began = time.perf_counter()
shuffle = Shuffle(count, 1, lanes)
def at(positions):
    found = shuffle.at(positions)
    return found if selection is None else selection.at(found)
where = 2 * count + count // 3 * 2
at(np.arange(where, where + 256))
start = time.perf_counter() - began
ns = {}
for batch in (256, 1024, 4096, 65536):
    used = []
    for repeat in range(5):
        # Rank 0 of as many as there are lanes, from the beginning of a window on, over four windows not met before.
        begin = lanes * ((where // lanes // shuffle.window_rows + len(ns) * 40 + repeat * 8) * shuffle.window_rows)
        steps = [begin + lanes * np.arange(step * batch, (step + 1) * batch) for step in range((1 << 18) // batch)]
        began = time.process_time()
        for step in steps:
            at(step)
        used.append((time.process_time() - began) / (1 << 18) * 1e9)
    ns[batch] = min(used)
peak = peak_mb()
print(json.dumps({"rows": rows, "lanes": lanes, "selected": count, "build_s": built, "start_s": start,
                  "import_mb": before, "memory_mb": peak - before, "ns_per_sample": ns}))
"""

# The package imports torch and much else; of it the two files with the algorithm are loaded.
STREAMING = """
import importlib.util, json, sys, time, types
from importlib.metadata import version
import numpy as np
place = importlib.util.find_spec("streaming").submodule_search_locations[0]
for name, path in (("streaming", place), ("streaming.base", place + "/base"),
                   ("streaming.base.shuffle", place + "/base/shuffle")):
    module = types.ModuleType(name)
    module.__path__ = [path]
    sys.modules[name] = module
from streaming.base.shuffle.py1e import get_shuffle_py1e
samples, shard, nodes, save = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
sizes = np.full(samples // shard, shard, np.int64)
before = peak_mb()
began, used = time.perf_counter(), time.process_time()
order = get_shuffle_py1e(sizes, nodes, 1, 0)
took, cpu = time.perf_counter() - began, time.process_time() - used
peak = peak_mb()
if save != "-":
    np.save(save, order)
print(json.dumps({"version": version("mosaicml-streaming"), "numpy": np.__version__, "samples": len(order),
                  "start_s": took, "cpu_s": cpu, "memory_mb": peak - before, "ns_per_sample": cpu / len(order) * 1e9}))
"""


def run(python: str, code: str, *words: object) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [python, "-c", PEAK + code, *map(str, words)]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if found.returncode:
        raise SystemExit(found.stderr)
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def speed(options: argparse.Namespace) -> dict[str, Any]:
    ours = {
        "order": run(sys.executable, OURS, options.rows, 1, 1),
        "rank of 64": run(sys.executable, OURS, options.rows, 64, 1),
        "ten times the rows": run(sys.executable, OURS, 10 * options.rows, 1, 1),
        "selected": run(sys.executable, OURS, options.rows, 1, 10),
    }
    report: dict[str, Any] = {"ours": ours}
    if options.streaming:
        # Its defaults for one machine: shards of 64 MB, so 1,300 pictures of 50 KB; one canonical node.
        sizes = (options.streaming_samples // 10, options.streaming_samples)
        small, large = (run(options.streaming, STREAMING, size, 1300, 1, "-") for size in sizes)
        more = large["samples"] - small["samples"]
        slope_s, slope_mb = ((large[name] - small[name]) / more for name in ("cpu_s", "memory_mb"))
        start, memory = (
            large[name] + slope * (options.rows - large["samples"])
            for name, slope in (("cpu_s", slope_s), ("memory_mb", slope_mb))
        )
        report["streaming py1e"] = {
            "measured": [small, large],
            "slope_ns_per_sample": slope_s * 1e9,
            "slope_bytes_per_sample": slope_mb * 2**20,
            f"by slope at {options.rows}": {"cpu_s": start, "memory_mb": memory},
        }
        order = ours["order"]
        report["ratios"] = {
            "start": start / order["start_s"],
            "ns_per_sample_at_4096": large["ns_per_sample"] / order["ns_per_sample"]["4096"],
        }
    return report


def numbers(label: np.ndarray, classes: int, batch: int) -> np.ndarray:
    """How many of each class are in each batch: [batches, classes]."""
    whole = len(label) // batch
    flat = label[: whole * batch].reshape(whole, batch) + np.arange(whole)[:, None] * classes
    return np.bincount(flat.ravel(), minlength=whole * classes).reshape(whole, classes)


def dispersion(label: np.ndarray, classes: int, batch: int) -> float:
    """Variance of a class's number in a batch, relative to drawing without replacement."""
    expected = batch / classes
    variance = expected * (1 - 1 / classes) * (len(label) - batch) / (len(label) - 1)
    return float(((numbers(label, classes, batch) - expected) ** 2).mean() / variance)


def mixing(rows: np.ndarray, classes: int, block_rows: int) -> dict[str, float]:
    """How a class-sorted corpus comes out: rows [n] in the order."""
    label = rows * classes // len(rows)
    changes = np.count_nonzero(label[1:] != label[:-1])
    whole = len(rows) // BATCH * BATCH
    blocks = np.sort(rows[:whole].reshape(-1, BATCH) // block_rows, axis=1)
    return {
        "same_neighbour": 1 - changes / (len(rows) - 1),
        "run_length": len(rows) / (changes + 1),
        "classes_in_batch": float((numbers(label, classes, BATCH) > 0).sum(1).mean()),
        "blocks_in_batch": float((np.count_nonzero(np.diff(blocks, axis=1), axis=1) + 1).mean()),
        "dispersion": dispersion(label, classes, BATCH),
        "dispersion_4096": dispersion(label, classes, 4096),
    }


def landing(shuffle: Shuffle, epochs: int = 4000, parts: int = 20) -> dict[str, float]:
    """Chi-square of in which part of the epoch three rows land, over epochs."""
    found = shuffle.at(np.arange(epochs * shuffle.rows)).reshape(epochs, shuffle.rows)
    worst = 0.0
    for row in (0, shuffle.rows // 2, shuffle.rows - 1):
        places = np.nonzero(found == row)[1] * parts // shuffle.rows
        counts = np.bincount(places, minlength=parts)
        worst = max(worst, float(((counts - epochs / parts) ** 2 / (epochs / parts)).sum()))
    return {
        "worst_chi_square": worst,
        "degrees": parts - 1,
        "p_of_three": min(1.0, 3 * float(chi2.sf(worst, parts - 1))),
    }


def pairs(size: int, keys: int = 200_000) -> float:
    """How far the distance between images of two neighbours is from equally likely: root of excess chi-square a key."""
    key = key_of(np.arange(keys, dtype=np.uint64), size)
    first, second = (permuted(np.full(keys, place, np.uint64), size, key).astype(np.int64) for place in (0, 1))
    cells = min(size - 1, 256)
    edges = np.ceil(np.arange(cells + 1) * (size - 1) / cells)
    expected = keys * np.diff(edges) / (size - 1)
    counts = np.bincount(((second - first) % size - 1) * cells // (size - 1), minlength=cells)
    excess = float(((counts - expected) ** 2 / expected).sum()) - (cells - 1)
    return max(0.0, excess / keys) ** 0.5


def quality(options: argparse.Namespace) -> dict[str, Any]:
    rows, classes = 1_281_000, 1_000
    table: dict[str, Any] = {
        "uniform": mixing(np.random.default_rng(0).permutation(rows), classes, 64),
        "stored": mixing(np.arange(rows), classes, 64),
    }
    for block_rows, window_blocks, lanes in LAYOUTS:
        shuffle = Shuffle(rows, 1, lanes, block_rows, window_blocks)
        found = mixing(shuffle.at(np.arange(rows)), classes, block_rows)
        seen = lanes * window_blocks
        expected = {"neighbour_at_most": 1 / classes + 1 / seen, "dispersion_at_most": 1 + (BATCH - 1) / seen}
        table[f"blocks of {block_rows} x {window_blocks} x {lanes}"] = found | expected
    if options.streaming:
        path = Path(options.place) / "py1e.npy"
        run(options.streaming, STREAMING, rows, 1300, 1, path)
        table["streaming py1e, shards of 1,300"] = mixing(np.load(path), classes, 1300)
        path.unlink()
    return {
        "rows": rows,
        "classes": classes,
        "batch": BATCH,
        "mixing": table,
        "landing": {
            "one window": landing(Shuffle(1000, 1)),
            "8 windows": landing(Shuffle(1000, 2, 1, 16, 8)),
            "7 lanes": landing(Shuffle(1000, 3, 7, 16, 4)),
            "a short block": landing(Shuffle(1001, 4, 1, 100, 2)),
        },
        "pairs": {size: round(pairs(size), 4) for size in (4, 16, 64, 256, 1000, 4096, 8192, 16384, 65536, 10**6)},
    }


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10**9)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--streaming", metavar="PYTHON", help="interpreter with mosaicml-streaming")
    parser.add_argument("--streaming-samples", type=int, default=10**7)
    parser.add_argument("--place", default="/tmp", help="folder for py1e's order of --quality")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report: dict[str, Any] = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    report |= rounded(quality(options) if options.quality else speed(options))
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
