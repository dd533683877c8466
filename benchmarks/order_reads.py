"""What it costs to read a batch whose rows lie in many fragments: the price of mixing.

    python benchmarks/order_reads.py [--fragments 256] [--bytes 2048] [--place DIR] [--json FILE]

A corpus is written with fragments of 1,024 rows, and batches of 256 rows, ascending, are taken from 1, 4, ... of them.
Microseconds a picture are of processor time of all threads, for columns id and image, everything in the system's cache:
`first` when nobody has opened the fragments yet, `again` for other rows of the same fragments, the median of 9.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from typing import Any

import lance
import numpy as np
import pyarrow as pa
from lance.fragment import write_fragments

from compoundeye.corpus import Corpus
from compoundeye.records import picture_id

BATCH, ROWS = 256, 1024


def fragment(schema: pa.Schema, number: int, size: int) -> pa.Table:
    """Rows whose pictures are noise of a size."""
    noise = np.random.default_rng(number).bytes(size * 2)
    images = [noise[row : row + size] for row in range(ROWS)]
    usual: dict[str, Any] = {
        "id": [picture_id(b"%d-%d" % (number, row)) for row in range(ROWS)],
        "image": images,
        "thumbnail": [b""] * ROWS,
        "source": [f"{number}/{row}.jpg" for row in range(ROWS)],
        "format": ["JPEG"] * ROWS,
        "mode": ["RGB"] * ROWS,
    }
    arrays = [pa.array(usual.get(field.name, [None if field.nullable else 1] * ROWS), field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def write(path: str, fragments: int, size: int) -> None:
    corpus = Corpus.create(path)
    parts = []
    for number in range(fragments):
        parts += write_fragments(fragment(corpus.dataset.schema, number, size), corpus.dataset)
    operation = lance.LanceOperation.Append(parts)
    lance.LanceDataset.commit(corpus.dataset, operation, read_version=corpus.version)


def read(corpus: Corpus, fragments: int, seed: int) -> float:
    """Processor microseconds a picture."""
    rng = np.random.default_rng(seed)
    rows = np.unique(np.arange(BATCH) % fragments * ROWS + rng.permutation(ROWS)[:BATCH])
    began = time.process_time()
    corpus.dataset.take(rows.tolist(), columns=["id", "image"])
    return (time.process_time() - began) / len(rows) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fragments", type=int, default=256)
    parser.add_argument("--bytes", type=int, default=2048, help="of a picture; at least 512")
    parser.add_argument("--place", help="folder on the disk to measure")
    parser.add_argument("--json")
    options = parser.parse_args()
    found: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="order-reads-", dir=options.place) as place:
        path = os.path.join(place, "corpus")
        write(path, options.fragments, options.bytes)
        for fragments in (count for count in (1, 4, 16, 64, 256) if count <= options.fragments):
            corpus = Corpus.open(path)
            first = read(corpus, fragments, 0)
            again = statistics.median(read(corpus, fragments, seed) for seed in range(1, 10))
            found[fragments] = {"first": round(first, 1), "again": round(again, 1)}
    report = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1),
        "lance": lance.__version__,
        "picture_bytes": options.bytes,
        "us_per_picture_by_fragments": found,
    }
    print(json.dumps(report, indent=2))
    if options.json:
        with open(options.json, "w") as file:
            file.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
