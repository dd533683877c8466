"""Near-duplicates among millions of perceptual hashes: time, memory, and whether every planted copy was found.

    python benchmarks/duplicates.py [--count 1000000] [--kind mixed|random|camera] [--place DIR]

Rows are written directly into a corpus (no picture is decoded, nothing is embedded). ``random``: hashes as different
photographs have them, one in ten repeated with up to six bits flipped. ``camera``: frames of a hundred still
cameras, each frame six flipped bits from its scene. ``mixed``: nine tenths of the first, one tenth of the second.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lance.fragment import write_fragments

from compoundeye.corpus import Corpus, duplicates

Hashes = npt.NDArray[np.uint64]
FRAGMENT = 1 << 18
CAMERAS = 100


def balanced(count: int, rng: np.random.Generator) -> Hashes:
    """Hashes with 32 of 64 bits set, as pictures with structure have them."""
    out = np.empty(count, np.uint64)
    for first in range(0, count, FRAGMENT):
        part = out[first : first + FRAGMENT]
        order = np.argsort(rng.random((len(part), 64), np.float32), axis=1)
        part[:] = np.bitwise_or.reduce(np.uint64(1) << order[:, :32].astype(np.uint64), axis=1)
    return out


def flipped(hashes: Hashes, most: int, rng: np.random.Generator) -> Hashes:
    """With up to so many bits flipped."""
    for _ in range(most):
        hashes = hashes ^ (np.uint64(1) << rng.integers(0, 64, len(hashes)).astype(np.uint64))
    return hashes


def make(count: int, kind: str) -> tuple[Hashes, int]:
    """Hashes, and how many of the last of them are copies of the first."""
    rng = np.random.default_rng(0)
    frames = {"random": 0, "camera": count, "mixed": count // 10}[kind]
    scenes = balanced(CAMERAS, rng)
    seen = flipped(scenes[rng.integers(0, CAMERAS, frames)], 6, rng)
    copies = (count - frames) // 10
    originals = balanced(count - frames - copies, rng)
    return np.concatenate([originals, seen, flipped(originals[:copies], 6, rng)]), copies


def write(hashes: Hashes, place: Path) -> Corpus:
    corpus = Corpus.create(place)
    schema = corpus.dataset.schema
    for first in range(0, len(hashes), FRAGMENT):
        part = hashes[first : first + FRAGMENT]
        size = len(part)
        rng = np.random.default_rng(first)
        columns: dict[str, Any] = {
            "id": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), size, [None, pa.py_buffer(rng.bytes(16 * size))]),
            "source": pa.array(np.arange(first, first + size)).cast(pa.string()),
            "width": rng.integers(320, 4000, size),
            "height": rng.integers(240, 3000, size),
            "bytes": rng.integers(2_000, 9_000_000, size),
            "phash": part,
        }
        usual = {pa.string(): "", pa.binary(): b"", pa.large_binary(): b""}
        arrays = [
            pa.array(columns[f.name], f.type)
            if f.name in columns
            else (pa.nulls(size, f.type) if f.nullable else pa.repeat(pa.scalar(usual.get(f.type, 1), f.type), size))
            for f in schema
        ]
        parts = write_fragments(pa.Table.from_arrays(arrays, schema=schema), corpus.dataset)
        corpus.append([json.dumps(one.to_json()) for one in parts], corpus.inputs.schema.empty_table())
    return corpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=["random", "camera", "mixed"], default="mixed")
    parser.add_argument("--max-distance", type=int, default=6)
    parser.add_argument("--place", type=Path, help="a folder to keep the rows in for the next run")
    options = parser.parse_args()
    place = options.place or Path(tempfile.mkdtemp())
    folder = place / f"hashes-{options.count}-{options.kind}.lance"
    copies = (options.count - {"random": 0, "camera": options.count, "mixed": options.count // 10}[options.kind]) // 10
    if not folder.exists():
        write(make(options.count, options.kind)[0], folder)
    corpus = Corpus.open(folder)
    before, cpu, start = _peak(), time.process_time(), time.perf_counter()
    found = duplicates(corpus, max_distance=options.max_distance, verify=False)
    report = {
        "rows": options.count,
        "kind": options.kind,
        "max_distance": options.max_distance,
        "note": "rows written directly; hashes alone",
        "wall_s": round(time.perf_counter() - start, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "groups": len(set(found["group"].to_pylist())),
        "members": found.num_rows,
        "planted_copies_found": _planted(found, options.count, copies),
        "peak_memory_mb_before_and_after": [before, _peak()],
        "machine": f"{_processor()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}",
    }
    if options.place is None:
        shutil.rmtree(place, ignore_errors=True)
    print(json.dumps(report, indent=2))


def _planted(found: pa.Table, count: int, copies: int) -> str:
    """How many planted copies are in the group of their original: all, but for those that a third picture took."""
    group = np.full(count, -1)
    group[np.array(found["source"].to_pylist(), np.int64)] = found["group"].to_numpy()
    mine = group[count - copies :]
    together = int(((mine >= 0) & (mine == group[:copies])).sum())
    return f"{together} of {copies}"


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ")[1] for line in lines if "model name" in line), "")


if __name__ == "__main__":
    main()
