"""One against a million templates: latency, memory, exactness, beside the plain product and FAISS's flat index.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/face_search.py [--count 1000000] [--faiss PYTHON]
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/face_search.py --index [--kind people] [--cells C]

One thread. Templates are directions on a sphere of 128 dimensions, uniform (``sphere``), or of people with 20 faces
each that are alike as faces are (``people``: cosine 0.6 within a person). Probes are templates with noise. Every answer
is compared with a float64 product of everything. The machine's limit for many probes is its float32 matrix product
(BLAS) alone, which keeps nothing and chooses nothing; FAISS chooses too. ``--faiss`` names a Python that has
faiss-cpu, if this one has not; the same templates are made there. The best of ``--repeat`` runs is printed.

``--index``: what the index of cells finds and misses of that, by cells looked at, for these probes (``near``) and for
faces of enrolled people (of nobody, for ``sphere``) that are not enrolled themselves (``new``: cosine 0.6 with 19
others). Time is the mean of a hundred probes one by one, as cells differ.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from compoundeye.apps.face import CellIndex

NEAREST, MANY, DIMENSION = 10, 100, 128
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


def made(kind: str, count: int) -> tuple[Float32, Float32]:
    """Templates [N, D] and probes [100, D] of length 1."""
    rng = np.random.default_rng(0)
    templates = rng.standard_normal((count, DIMENSION), dtype=np.float32)
    if kind == "people":
        centres = rng.standard_normal((count // 20 + 1, DIMENSION), dtype=np.float32)
        templates *= np.float32(np.sqrt(1 / 0.6 - 1))
        for at in range(0, count, 100_000):
            templates[at : at + 100_000] += centres[np.arange(at, min(at + 100_000, count)) // 20]
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    probes = templates[rng.integers(0, count, MANY)] + 0.05 * rng.standard_normal((MANY, DIMENSION), dtype=np.float32)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    return templates, probes


def best_ms(work: Callable[[], object], repeat: int) -> float:
    work()
    took = list[float]()
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return round(1_000 * min(took), 2)


def exactly(templates: Float32, probes: Float32) -> Int64:
    """Rows [M, 10] by a float64 product of everything."""
    wide = probes.astype(np.float64)
    scores, rows = np.empty((len(probes), 0)), np.empty((len(probes), 0), np.int64)
    for at in range(0, len(templates), 65_536):
        part = templates[at : at + 65_536].astype(np.float64)
        scores = np.hstack([scores, wide @ part.T])
        rows = np.hstack([rows, np.tile(np.arange(at, at + len(part)), (len(probes), 1))])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
        scores, rows = np.take_along_axis(scores, best, 1), np.take_along_axis(rows, best, 1)
    return rows


def ours(templates: Float32, probes: Float32, repeat: int) -> dict[str, object]:
    from compoundeye.apps.face import TemplateIndex

    start = time.perf_counter()
    index = TemplateIndex(templates)
    build = time.perf_counter() - start
    rows = index.search(probes, NEAREST)[1]
    wrong = int((exactly(templates, probes) != rows).sum())
    return {
        "one_ms": best_ms(lambda: index.search(probes[:1], NEAREST), repeat),
        "many_ms": best_ms(lambda: index.search(probes, NEAREST), repeat),
        "build_s": round(build, 2),
        "bytes_a_template": round(index.bytes / len(index), 1),
        "wrong_of_exact": wrong,
    }


def cells(templates: Float32, near: Float32, repeat: int, count: int | None) -> dict[str, object]:
    from compoundeye.apps.face import CellIndex

    held = np.random.default_rng(1).choice(len(templates), MANY, replace=False)
    new, kept = templates[held], np.delete(templates, held, axis=0)
    start = time.perf_counter()
    index = CellIndex(kept, cells=count)
    build = time.perf_counter() - start
    found: dict[str, object] = {
        "cells": index.cells,
        "build_s": round(build, 1),
        "bytes_a_template": round(index.bytes / len(index), 1),
    }
    for name, probes in (("near", near), ("new", new)):
        true = exactly(kept, probes)
        for part in (64, 32, 16, 8, 4, 2, 1):
            rows = index.search(probes, NEAREST, index.cells // part)[1]
            hits = (true[:, :, None] == rows[:, None, :]).any(axis=2)
            found[f"{name}, 1/{part}"] = {
                "recall_1": round(float(hits[:, 0].mean()), 3),
                "recall_10": round(float(hits.mean()), 3),
                "probes_that_miss": round(float((~hits).any(axis=1).mean()), 3),
                "one_ms": mean_ms(index, probes, index.cells // part, repeat),
            }
    return found


def mean_ms(index: CellIndex, probes: Float32, looked: int, repeat: int) -> float:
    """Of one probe at a time; the best of ``repeat`` rounds over all."""

    def all_of_them() -> None:
        for at in range(len(probes)):
            index.search(probes[at : at + 1], NEAREST, looked)

    return round(best_ms(all_of_them, repeat) / len(probes), 2)


def plain(templates: Float32, probes: Float32, repeat: int) -> dict[str, object]:
    out_one, out = np.empty((1, len(templates)), np.float32), np.empty((MANY, 65_536), np.float32)

    def many() -> None:
        for at in range(0, len(templates), 65_536):
            part = templates[at : at + 65_536]
            np.matmul(probes, part.T, out=out[:, : len(part)])

    return {
        "one_ms": best_ms(lambda: np.matmul(probes[:1], templates.T, out=out_one), repeat),
        "many_ms": best_ms(many, repeat),
    }


def rival(templates: Float32, probes: Float32, repeat: int) -> dict[str, object]:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(DIMENSION)
    index.add(templates)
    return {
        "version": faiss.__version__,
        "one_ms": best_ms(lambda: index.search(probes[:1], NEAREST), repeat),
        "many_ms": best_ms(lambda: index.search(probes, NEAREST), min(repeat, 2)),
        "bytes_a_template": 4 * DIMENSION,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=["sphere", "people"], default="sphere")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--index", action="store_true", help="the index of cells, and nothing else")
    parser.add_argument("--cells", type=int, help="of the index; sqrt(N) if not said")
    parser.add_argument("--faiss", metavar="PYTHON", help="a Python with faiss-cpu")
    parser.add_argument("--only", choices=["faiss"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    templates, probes = made(args.kind, args.count)
    if args.only:
        print(json.dumps(rival(templates, probes, args.repeat)))
        return
    found: dict[str, object] = {"count": args.count, "kind": args.kind}
    if args.index:
        found["index"] = cells(templates, probes, args.repeat, args.cells)
    else:
        found["compoundeye"] = ours(templates, probes, args.repeat)
        found["product_alone"] = plain(templates, probes, args.repeat)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if args.faiss:
        del templates
        again = [args.faiss, __file__, "--only", "faiss", "--count", str(args.count), "--kind", args.kind]
        found["faiss_flat"] = json.loads(subprocess.run(again, check=True, stdout=subprocess.PIPE).stdout)
    json.dump(found, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
