"""Vector search: latency and recall, exact and by the index, beside FAISS and USearch in the same process.

    python benchmarks/search.py [--count 200000] [--dimension 1280] [--place DIR] [--usearch]

Rows are written directly into a corpus (no picture is decoded): clustered vectors, 2,048 clusters, each a centre plus
noise of 64 dimensions and a little of all of them. Queries are rows of the corpus with a little noise; recall is
against our exact search, and FAISS's exact search has to agree with it. Rivals hold the vectors in memory and run on
one thread; those that are not installed are left out, and it says so. USearch takes minutes to build: ask for it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lance.fragment import write_fragments

from compoundeye.corpus import Corpus, ensure_index, search

QUERIES, NEAREST, FRAGMENT = 50, 10, 32_768
Array = npt.NDArray[np.float32]


def vectors_of(first: int, size: int, dimension: int) -> Array:
    """Rows ``first`` to ``first + size`` of an endless clustered set, float32 [size, D]."""
    shape = np.random.default_rng(0)
    centres = np.abs(shape.normal(size=(2_048, dimension))).astype(np.float32)
    basis = shape.normal(size=(64, dimension)).astype(np.float32) / 8
    rng = np.random.default_rng(first + 1)
    own = 0.5 * centres[rng.integers(0, len(centres), size)]
    own += rng.normal(size=(size, 64)).astype(np.float32) @ basis
    return own + rng.normal(0, 0.1, (size, dimension)).astype(np.float32)


def write(count: int, dimension: int, place: Path) -> Corpus:
    corpus = Corpus.create(place)
    extra = [
        pa.field("embedding", pa.list_(pa.float16(), dimension)),
        pa.field("embedding_by", pa.string()),
        pa.field("category", pa.string()),
    ]
    corpus.ensure_columns(pa.schema(extra))
    schema = corpus.dataset.schema
    for first in range(0, count, FRAGMENT):
        size = min(FRAGMENT, count - first)
        rng = np.random.default_rng(first)
        flat = vectors_of(first, size, dimension).astype(np.float16).reshape(-1)
        columns: dict[str, Any] = {
            "id": [rng.bytes(16) for _ in range(size)],
            "image": [b"-"] * size,
            "thumbnail": [b"-"] * size,
            "source": [f"written/{first + n:08d}.jpg" for n in range(size)],
            "format": ["JPEG"] * size,
            "width": rng.integers(320, 4000, size),
            "height": rng.integers(240, 3000, size),
            "mode": ["RGB"] * size,
            "orientation": [1] * size,
            "bytes": rng.integers(2_000, 9_000_000, size),
            "phash": rng.integers(0, 2**63, size),
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(flat), dimension),
            "embedding_by": ["written directly"] * size,
            "category": [f"category {n:03d}" for n in rng.integers(0, 1_000, size)],
        }
        arrays = [
            columns[f.name]
            if isinstance(columns.get(f.name), pa.Array)
            else pa.array(columns.get(f.name, [None] * size), f.type)
            for f in schema
        ]
        parts = write_fragments(pa.Table.from_arrays(arrays, schema=schema), corpus.dataset)
        corpus.append([json.dumps(part.to_json()) for part in parts], corpus.inputs.schema.empty_table())
    return corpus


def timed(work: Callable[[Array], Any], queries: Array) -> tuple[dict[str, float], list[Any]]:
    """Milliseconds of one query at a time (the first, which warms up, is not counted), and the answers."""
    work(queries[0])
    spent, answers = [], []
    for query in queries:
        start = time.perf_counter()
        answers.append(work(query))
        spent.append(1e3 * (time.perf_counter() - start))
    tail = float(np.quantile(spent, 0.95))
    return {"median_ms": round(statistics.median(spent), 2), "p95_ms": round(tail, 2)}, answers


def recall(answers: list[list[int]], truth: list[list[int]]) -> float:
    hits = sum(len(set(found) & set(wanted)) for found, wanted in zip(answers, truth, strict=True))
    return round(hits / sum(map(len, truth)), 4)


def ours(corpus: Corpus, queries: Array) -> tuple[dict[str, Any], list[list[int]]]:
    def numbers(table: pa.Table) -> list[int]:
        return [int(source[8:16]) for source in table["source"].to_pylist()]

    report: dict[str, Any] = {}
    where = "width > 2000 AND category < 'category 500'"
    report["exact"], tables = timed(lambda query: search(corpus, query, k=NEAREST, exact=True), queries)
    truth = [numbers(table) for table in tables]
    report["exact_where"], tables = timed(
        lambda query: search(corpus, query, k=NEAREST, where=where, exact=True), queries
    )
    truth_where = [numbers(table) for table in tables]
    before = peak()
    cpu = time.process_time()
    report["index"] = vars_of(ensure_index(corpus, force=True))
    report["index"]["cpu_s"] = round(time.process_time() - cpu, 1)
    report["index"]["peak_memory_mb_before_and_after"] = [before, peak()]
    report["indexed"], tables = timed(lambda query: search(corpus, query, k=NEAREST, exact=False), queries)
    report["indexed"]["recall"] = recall([numbers(table) for table in tables], truth)
    report["indexed_where"], tables = timed(
        lambda query: search(corpus, query, k=NEAREST, where=where, exact=False), queries
    )
    report["indexed_where"]["recall"] = recall([numbers(table) for table in tables], truth_where)
    report["where_only"], _ = timed(lambda _query: search(corpus, where=where, k=NEAREST), queries[:10])
    report["words"], _ = timed(lambda _query: search(corpus, text="00077", k=NEAREST), queries[:10])
    return report, truth


def vars_of(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def rivals(count: int, dimension: int, queries: Array, truth: list[list[int]], *, usearch: bool) -> dict[str, Any]:
    """The same vectors, of length 1, in memory."""
    report: dict[str, Any] = {}
    unit = np.concatenate(
        [vectors_of(first, min(FRAGMENT, count - first), dimension) for first in range(0, count, FRAGMENT)]
    )
    unit = unit.astype(np.float16).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    asked = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    try:
        import faiss
    except ImportError:
        report["faiss"] = "not installed"
    else:
        faiss.omp_set_num_threads(1)
        flat = faiss.IndexFlatIP(dimension)
        flat.add(unit)
        report["faiss_flat_float32"], answers = timed(
            lambda query: flat.search(query[None], NEAREST)[1][0].tolist(), asked
        )
        report["faiss_flat_float32"]["recall"] = recall(answers, truth)
        del flat
    if not usearch:
        return report
    try:
        from usearch.index import Index
    except ImportError:
        report["usearch"] = "not installed"
    else:
        start = time.process_time()
        graph = Index(ndim=dimension, metric="cos", dtype="f16", expansion_search=200)
        graph.add(np.arange(count), unit, threads=1)
        cpu = round(time.process_time() - start, 1)
        report["usearch_f16"], answers = timed(
            lambda query: graph.search(query, NEAREST, threads=1).keys.tolist(), asked
        )
        report["usearch_f16"] |= {"recall": recall(answers, truth), "build_cpu_s": cpu}
    return report


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--dimension", type=int, default=1_280)
    parser.add_argument("--place", type=Path, help="a folder to keep the rows in for the next run")
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--usearch", action="store_true", help="compare with USearch too")
    options = parser.parse_args()
    place = options.place or Path(tempfile.mkdtemp())
    folder = place / f"search-{options.count}-{options.dimension}.lance"
    try:
        corpus = Corpus.open(folder) if folder.exists() else write(options.count, options.dimension, folder)
        queries = vectors_of(0, QUERIES, options.dimension)
        queries += np.random.default_rng(7).normal(0, 0.05, queries.shape).astype("f")
        report: dict[str, Any] = {
            "rows": options.count,
            "embedding": f"float16[{options.dimension}]",
            "note": "rows written directly",
            "lance": lance.__version__,
        }
        mine, truth = ours(corpus, queries)
        report |= mine | {"peak_memory_mb": peak()}
        if not options.no_rivals:
            report["rivals_one_thread"] = rivals(
                options.count, options.dimension, queries, truth, usearch=options.usearch
            )
    finally:
        if options.place is None:
            shutil.rmtree(place, ignore_errors=True)
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(": ")[1] for line in lines if "model name" in line), "")
    report["machine"] = f"{cpu}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
