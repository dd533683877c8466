"""Kill a job at random moments, again and again, and compare what it leaves in the end with an unbroken run.

    python benchmarks/kill.py [ingest] [--kills 50] [--pictures 4000] [--workers 2] [--seed 0]

The job runs as a process of its own and dies by SIGKILL after a random share of the time that an unbroken run takes,
counted from when it begins to work. The same command then goes on. When it gets to its end, the corpus is compared by
id and value, and a new round begins, until the number of kills is reached. After each kill the account must balance.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from compoundeye.corpus import Corpus, CorpusError, account, compact

CHILD = "import sys, compoundeye as ce; ce.{job}; print('begun', flush=True); {call}"


@dataclass(frozen=True)
class Job:
    """A command that can be killed."""

    call: str
    """Python that does it, with ``sys.argv`` = folder, corpus, workers."""
    prepare: Callable[[Path, Path], None]
    """Makes what it starts from: (folder of pictures, corpus)."""
    result: Callable[[Path], Any]
    """What must not depend on kills."""


def contents(corpus: Path) -> Any:
    """Pictures by id and inputs by key, but for when they were booked."""
    store = Corpus.open(corpus)
    pictures = {row["id"]: row for row in store.dataset.to_table().to_pylist()}
    inputs = {row["key"]: row for row in store.inputs.to_table().drop_columns(["at"]).to_pylist()}
    assert len(pictures) == store.rows
    assert len(inputs) == store.inputs.count_rows()
    return pictures, inputs


# A job for each command that writes; one more here is all that it takes to kill another.
JOBS = {
    "ingest": Job(
        call="ce.ingest(sys.argv[1], sys.argv[2], workers=int(sys.argv[3]))",
        prepare=lambda _folder, _corpus: None,
        result=contents,
    ),
}


def make(folder: Path, count: int) -> None:
    """Small JPEGs; every ninth is a copy of another, every fiftieth is cut short."""
    folder.mkdir()
    for number in range(count):
        kind = (number * 7919) % count if number % 9 == 0 else number
        noise = np.random.default_rng(kind).integers(0, 256, (6, 8, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(noise).resize((128, 96), Image.Resampling.BICUBIC).save(file, "JPEG", comment=b"%d" % kind)
        data = file.getvalue()
        (folder / f"{number:07d}.jpg").write_bytes(data[:500] if number % 50 == 3 else data)


def start(name: str, folder: Path, corpus: Path, workers: int) -> subprocess.Popen[str]:
    """The job, once it has loaded what it needs; what it complains of goes into a file."""
    code = CHILD.format(job=name, call=JOBS[name].call)
    command = [sys.executable, "-c", code, str(folder), str(corpus), str(workers)]
    with open(folder.parent / "complaints", "w") as complaints:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    return child


def finish(child: subprocess.Popen[str], place: Path) -> None:
    if child.wait() != 0:
        raise SystemExit(f"the job failed by itself: {(place / 'complaints').read_text()}")


def check(corpus: Path) -> None:
    try:
        account(corpus)
    except CorpusError as error:
        if "no corpus at" not in str(error):  # killed before there was one
            raise


def measure(name: str, kills: int, pictures: int, workers: int, seed: int) -> dict[str, Any]:
    job, draw = JOBS[name], random.Random(seed)
    place = Path(tempfile.mkdtemp(prefix="kill-"))
    try:
        folder, whole, broken = place / "pictures", place / "whole.lance", place / "broken.lance"
        make(folder, pictures)
        job.prepare(folder, whole)
        began = time.perf_counter()
        finish(start(name, folder, whole, workers), place)
        unbroken = time.perf_counter() - began
        expected = job.result(whole)
        killed = rounds = orphans = 0
        while killed < kills or broken.exists():
            if not broken.exists():
                job.prepare(folder, broken)
            child = start(name, folder, broken, workers)
            try:
                child.wait(draw.uniform(0, unbroken) if killed < kills else None)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                killed += 1
                check(broken)
                continue
            finish(child, place)
            assert job.result(broken) == expected, f"the corpus of round {rounds} differs"
            before = sum(1 for _ in (broken / "data").iterdir())
            orphans += before - len(Corpus.open(broken).dataset.get_fragments())
            compact(broken)
            assert job.result(broken) == expected, f"compacting changed the corpus of round {rounds}"
            shutil.rmtree(broken)
            rounds += 1
        return {
            "job": name,
            "pictures": pictures,
            "workers": workers,
            "kills": killed,
            "rounds_compared": rounds,
            "files_of_no_version_removed": orphans,
            "unbroken_s": round(unbroken, 2),
            "equal": True,
        }
    finally:
        shutil.rmtree(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", nargs="?", default="ingest", choices=sorted(JOBS))
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--pictures", type=int, default=4_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(measure(options.job, options.kills, options.pictures, options.workers, options.seed), indent=2))


if __name__ == "__main__":
    main()
