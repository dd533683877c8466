"""One against a million templates: latency, memory, exactness, beside the plain product and FAISS's flat index.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/face_search.py [--count 1000000] [--faiss PYTHON]

One thread. Templates are directions on a sphere of 128 dimensions, uniform (``sphere``), or of people with 20 faces
each that are alike as faces are (``people``: cosine 0.6 within a person). Probes are templates with noise. Every answer
is compared with a float64 product of everything. The machine's limit for many probes is its float32 matrix product
(BLAS) alone, which keeps nothing and chooses nothing; FAISS chooses too. ``--faiss`` names a Python that has
faiss-cpu, if this one has not; the same templates are made there. The best of ``--repeat`` runs is printed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

NEAREST, MANY, DIMENSION = 10, 100, 128
Float32 = npt.NDArray[np.float32]


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


def ours(templates: Float32, probes: Float32, repeat: int) -> dict[str, object]:
    from compoundeye.apps.face import TemplateIndex

    start = time.perf_counter()
    index = TemplateIndex(templates)
    build = time.perf_counter() - start
    rows = index.search(probes, NEAREST)[1]
    wrong = 0
    for probe, found in zip(probes.astype(np.float64), rows, strict=True):
        scores = np.concatenate([templates[at : at + 65_536] @ probe for at in range(0, len(templates), 65_536)])
        wrong += int((np.argsort(-scores, kind="stable")[:NEAREST] != found).sum())
    return {
        "one_ms": best_ms(lambda: index.search(probes[:1], NEAREST), repeat),
        "many_ms": best_ms(lambda: index.search(probes, NEAREST), repeat),
        "build_s": round(build, 2),
        "bytes_a_template": round(index.bytes / len(index), 1),
        "wrong_of_exact": wrong,
    }


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
    parser.add_argument("--faiss", metavar="PYTHON", help="a Python with faiss-cpu")
    parser.add_argument("--only", choices=["faiss"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    templates, probes = made(args.kind, args.count)
    if args.only:
        print(json.dumps(rival(templates, probes, args.repeat)))
        return
    found: dict[str, object] = {"count": args.count, "kind": args.kind}
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
