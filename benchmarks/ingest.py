"""What an ingest costs, and what of it goes where.

    python benchmarks/ingest.py [--pictures 6000] [--workers 1 2] [--json]

Makes JPEGs of about 50 KB, 500 x 375 pixels (60 of them; a number after the end of the picture makes the bytes of each
file distinct), and puts them into a corpus through the very function of `eye ingest`. Reported are pictures a second of
processor time, summed over all processes, start of the workers included; the same run again, when all are known; and
where the time of one worker goes. simplejpeg's bare full decode of the same files, in the same process, is the measure
of the machine: the target is 1,000 a second where that makes 1,900.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

import simplejpeg

from compoundeye.corpus import account, ingest
from decode import equal_jpegs

DISTINCT = 60

# What runs in an ingest, by the names under which its parts are looked up; inner parts are taken off the outer ones.
PARTS = {
    "list the folder": ["compoundeye.corpus._place.status"],
    "read files": ["compoundeye.corpus._stage._read"],
    "SHA-256": ["compoundeye.corpus._stage.picture_id"],
    "look ids up": ["compoundeye.corpus._stage.known_ids"],
    "decode at scale": ["compoundeye.pixels._file.JpegFile.stored"],
    "shrink": ["compoundeye.pixels._look.shrink"],
    "perceptual hash": ["compoundeye.pixels._look.perceptual_hash"],
    "encode the thumbnail": ["compoundeye.pixels._look._encode"],
    "headers and the rest of looking": ["compoundeye.corpus._stage.look"],
    "columns": ["compoundeye.corpus._stage._record_batch"],
    "the ledger's rows": ["compoundeye.corpus._stage._Stage.ledger"],
}


def make(folder: Path, count: int) -> float:
    """Write the pictures; mean bytes."""
    folder.mkdir(parents=True)
    made = equal_jpegs(DISTINCT)
    for number in range(count):
        (folder / f"{number:07d}.jpg").write_bytes(made[number % DISTINCT] + b"%09d" % number)
    return statistics.mean(len(data) + 9 for data in made)


def bare_decodes(folder: Path) -> float:
    """Full decodes by simplejpeg alone, a second of processor time; the best of five rounds."""
    datas = [path.read_bytes() for path in sorted(folder.iterdir())[:DISTINCT]]
    best = 0.0
    for _ in range(5):
        began = time.process_time()
        for data in datas:
            simplejpeg.decode_jpeg(data)
        best = max(best, len(datas) / (time.process_time() - began))
    return best


def spent() -> float:
    """Processor time of this process and of its children that have ended, seconds."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def run(folder: Path, corpus: Path, workers: int) -> dict[str, float]:
    """One ingest: wall and processor time."""
    began, wall = spent(), time.perf_counter()
    done = ingest(folder, corpus, workers=workers)
    seconds = spent() - began
    count = done.seen + done.known
    return {
        "per_cpu_s": round(count / seconds),
        "per_s": round(count / (time.perf_counter() - wall)),
        "cpu_us_each": round(1e6 * seconds / count),
    }


@contextmanager
def watched(spans: dict[str, float]) -> Iterator[None]:
    """Add up the processor time of `PARTS`, each without those inside it; about a microsecond a call is theirs."""
    stack: list[float] = []

    def timed(label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            began = time.thread_time()
            stack.append(0.0)
            try:
                return function(*arguments, **options)
            finally:
                whole = time.thread_time() - began
                spans[label] += whole - stack.pop()
                if stack:
                    stack[-1] += whole

        return call

    patches = []
    for label, names in PARTS.items():
        for name in names:
            owner, _, last = name.rpartition(".")
            patches.append(patch(name, timed(label, getattr(resolve_name(owner), last))))
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


def breakdown(folder: Path, corpus: Path, count: int) -> dict[str, float]:
    """Microseconds of processor time a picture, one worker, by part; "write, commit, rest" is all that is left."""
    spans: dict[str, float] = defaultdict(float)
    began = time.process_time()
    with watched(spans):
        ingest(folder, corpus, workers=1)
    whole = time.process_time() - began
    spans["write, commit and the rest"] = whole - sum(spans.values())
    return {label: round(1e6 * seconds / count, 1) for label, seconds in spans.items()} | {
        "all": round(1e6 * whole / count, 1)
    }


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "?")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    return f"{cpu}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, commit {commit.strip()}"


def measure(count: int, workers: list[int]) -> dict[str, Any]:
    place = Path(tempfile.mkdtemp(prefix="ingest-"))
    try:
        report: dict[str, Any] = {"pictures": count, "bytes_each": round(make(place / "pictures", count))}
        report["bare_decodes_per_cpu_s"] = round(bare_decodes(place / "pictures"))
        run(place / "pictures" / "0000000.jpg", place / "warm.lance", 1)
        for number in workers:
            corpus = place / f"{number}.lance"
            report[f"workers_{number}"] = run(place / "pictures", corpus, number)
            assert account(corpus).done == count
            report[f"workers_{number}"]["again_per_s"] = run(place / "pictures", corpus, number)["per_s"]
            shutil.rmtree(corpus)
        report["cpu_us_by_part"] = breakdown(place / "pictures", place / "parts.lance", count)
        report["bare_decodes_per_cpu_s_after"] = round(bare_decodes(place / "pictures"))
        report["machine"] = machine()
        return report
    finally:
        shutil.rmtree(place)


def show(report: dict[str, Any]) -> None:
    bare = max(report["bare_decodes_per_cpu_s"], report["bare_decodes_per_cpu_s_after"])
    print(f"{report['pictures']:,} JPEGs of {report['bytes_each']:,} bytes on {report['machine']}")
    print(f"bare full decode: {bare:,} a CPU-second")
    for name, figures in report.items():
        if name.startswith("workers_"):
            print(
                f"ingest, {name.removeprefix('workers_')} worker(s): {figures['per_cpu_s']:,} a CPU-second "
                f"({figures['per_cpu_s'] / bare:.2f} x bare), {figures['per_s']:,} a second; "
                f"again, all known: {figures['again_per_s']:,} a second"
            )
    print("one worker, microseconds of CPU a picture:")
    for label, microseconds in report["cpu_us_by_part"].items():
        print(f"  {microseconds:8.1f}  {label}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=6_000)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = measure(options.pictures, options.workers)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        show(report)


if __name__ == "__main__":
    main()
