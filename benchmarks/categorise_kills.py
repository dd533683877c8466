"""Fifty kills at random instants of `categorise`; the finished corpus equals an unbroken run's, by id and value.

    python benchmarks/categorise_kills.py --kills 50

Pictures: 2,000 small crops in fragments of 50, some of them broken. Each attempt is a new process group, killed with
SIGKILL after a random time that is drawn over the whole of an attempt: while it loads, reads, looks, stages or commits.
After each kill the corpus has to open, with each picture's result whole or absent. Attempts that finish before their
kill are not counted as kills, and the corpus is then begun afresh.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from skimage import data as photographs

import categorise as benchmark
from compoundeye.corpus import Corpus

SCRIPT = """
import sys
from compoundeye.categorise import categorise
sys.modules["compoundeye.categorise._job"].COMMIT_SECONDS = 0.2
print(categorise(sys.argv[1], workers=2).account.seen)
"""


def pictures(count: int) -> list[bytes]:
    """Distinct small crops; every hundredth is broken."""
    rng = np.random.default_rng(0)
    photos = [photographs.astronaut(), photographs.chelsea(), photographs.coffee()]
    found = []
    for number in range(count):
        photo = photos[number % 3]
        top, left = (int(rng.integers(0, limit - 224)) for limit in photo.shape[:2])
        data = simplejpeg.encode_jpeg(np.ascontiguousarray(photo[top : top + 224, left : left + 224]), quality=80)
        data += b"%09d" % number
        found.append(data[: len(data) // 2] if number % 100 == 0 else data)
    return found


def rows(corpus: str) -> dict[bytes, dict[str, Any]]:
    """Everything that categorising wrote, by id; checks that each result is whole or absent."""
    store = Corpus.open(corpus)
    names = [name for name in store.dataset.schema.names if name.startswith(("category", "embedding"))]
    found = {}
    for row in store.dataset.to_table(["id", *names]).to_pylist():
        absent = {row.get(f"category_{part}") is None for part in ("state", "by", "version")}
        assert len(absent) == 1, f"half a result of {row['id'].hex()}"
        found[row["id"]] = row
    return found


def attempt(corpus: Path, seconds: float | None) -> bool:
    """One process; True if it was killed."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(corpus)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    assert process.returncode == 0
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    benchmark.FRAGMENT = 50
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as scratch:
        base, whole, broken = (Path(scratch) / name for name in ("base.lance", "whole.lance", "broken.lance"))
        benchmark.make_corpus(base, pictures(options.count))
        shutil.copytree(base, whole)
        began = time.perf_counter()
        assert not attempt(whole, None)
        longest = time.perf_counter() - began
        wanted = rows(str(whole))
        kills = finished = 0
        shutil.copytree(base, broken)
        while kills < options.kills:
            if attempt(broken, rng.uniform(0.2, 0.9 * longest)):
                kills += 1
                done = sum(row.get("category_by") is not None for row in rows(str(broken)).values())
                print(f"kill {kills}: {done} of {options.count} done", file=sys.stderr, flush=True)
            else:
                finished += 1
                assert rows(str(broken)) == wanted
                shutil.rmtree(broken)
                shutil.copytree(base, broken)
        assert not attempt(broken, None)
        assert rows(str(broken)) == wanted
        report = {"kills": kills, "corpora_finished_and_equal": finished + 1, "pictures": options.count}
        print(json.dumps(report))


if __name__ == "__main__":
    main()
