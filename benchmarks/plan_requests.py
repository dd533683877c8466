"""How many requests an object store sees: for training's reads of single pictures, and for a scan.

    python benchmarks/plan_requests.py [--pictures 2048] [--fragments 32] [--json FILE]

An S3 server (moto, in a process of its own) tells in its log of each request. JPEGs of 50 KB are put there by `ingest`,
in one corpus of few fragments and one of many. Rows are taken in training order as the training loader takes them
(columns id and image, 64 rows a call at most), and all is read from end to end as `categorise` reads it. The first take
pays for opening the fragments too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from compoundeye.capacity._samples import distinct, synthetic_jpegs
from compoundeye.corpus import Corpus, ingest, training_order

SERVER = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=True)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
ROWS_A_CALL, READ_BYTES = 64, 16 << 20


class Log:
    """Requests of data since the last look."""

    def __init__(self, path: Path) -> None:
        self.path, self.seen = path, 0

    def gets(self) -> int:
        lines = self.path.read_text(errors="replace").splitlines()
        fresh, self.seen = lines[self.seen :], len(lines)
        return sum(bool(re.search(r"GET /\S+/data/", line)) for line in fresh)


def environment(port: str) -> None:
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def count(pictures: int, pieces: int, log: Log, place: Path) -> dict[str, Any]:
    """Requests to a corpus that so many calls of `ingest` made."""
    sample = synthetic_jpegs(24, 500, 375, 50_000)
    where = f"s3://bucket/{pieces}"
    for piece in range(pieces):
        folder = place / f"{pieces}-{piece}"
        folder.mkdir()
        for number in range(piece * pictures // pieces, (piece + 1) * pictures // pieces):
            (folder / f"{number:06d}.jpg").write_bytes(distinct(sample.pictures, number))
        ingest(folder, where, workers=1)
    corpus = Corpus.open(where)
    order = training_order(corpus)
    taken = []
    for first, batch in ((0, 256), (256, 16), (272, 32), (304, 64), (368, 256), (624, 256)):
        samples = order.at(np.arange(first, first + batch)).row
        rows = np.unique(samples)
        log.gets()
        for start in range(0, len(rows), ROWS_A_CALL):
            corpus.dataset.take(rows[start : start + ROWS_A_CALL].tolist(), columns=["id", "image"])
        gets = log.gets()
        taken.append({"first": first == 0, "rows": batch, "requests": gets, "a picture": gets / len(rows)})
    scanner = corpus.dataset.scanner(columns=["image"], batch_size=256, batch_size_bytes=READ_BYTES)
    read = sum(batch.nbytes for batch in scanner.to_batches())
    gets = log.gets()
    return {
        "pictures": pictures,
        "fragments": len(corpus.dataset.get_fragments()),
        "taken": taken,
        "scan": {"requests": gets, "MB a request": read / gets / 1e6},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2_048)
    parser.add_argument("--fragments", type=int, default=32, help="of the second corpus, at least")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "pictures"
        place.mkdir()
        path = Path(scratch) / "log"
        with (
            path.open("w") as log,
            subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", SERVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as server,
        ):
            assert server.stdout is not None
            port = next(line.strip() for line in server.stdout if line.strip().isdigit())
            environment(port)
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/bucket", method="PUT"))
            runs = [count(options.pictures, pieces, Log(path), place) for pieces in (1, options.fragments)]
            server.communicate("")
    names = ", ".join(f"{name} {version(name)}" for name in ("pylance", "moto"))
    report = {"versions": f"Python {platform.python_version()}, {names}", "runs": runs}
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    print(report["versions"])
    for run in runs:
        print(f"{run['pictures']} pictures of 50 KB in {run['fragments']} fragments")
        for one in run["taken"]:
            words = f"{one['requests']:4} requests, {one['a picture']:.2f} each{' (opening)' if one['first'] else ''}"
            print(f"  {one['rows']:4} rows in training order: {words}")
        print(f"  a scan: {run['scan']['requests']} requests of {run['scan']['MB a request']:.1f} MB")


if __name__ == "__main__":
    main()
