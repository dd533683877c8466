"""How the corpus behaves as it grows, measured through the real path.

    python benchmarks/scale.py pictures --count 1000000 --place DIR   # make JPEGs, ingest them, categorise them
    python benchmarks/scale.py rows --count 10000000 --place DIR      # rows written directly, then opened and searched

``pictures`` makes small distinct JPEGs (crops of photographs that scikit-image carries) in tar files, then calls the
same functions as `eye ingest` and `eye categorise`. It prints the rate of every tenth of the work, the peak of the
resident memory summed over all processes, and bytes on disk.

``rows`` writes rows without their pictures straight into Lance (it says so in its output: no decoder ran), with
clustered vectors, and measures opening, look-up by id, filters and vector search.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import platform
import shutil
import statistics
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import simplejpeg
from skimage import data as photographs

import compoundeye as ce
from compoundeye.corpus import Corpus, ensure_index

TAR_MEMBERS = 10_000


def make_pictures(count: int, place: Path, side: int) -> list[str]:
    """Tar files of ``count`` distinct JPEGs of ``side`` pixels; those that are there already are kept."""
    place.mkdir(parents=True, exist_ok=True)
    photos = [photographs.astronaut(), photographs.chelsea(), photographs.coffee(), photographs.rocket()]
    paths = []
    for first in range(0, count, TAR_MEMBERS):
        path = place / f"{first // TAR_MEMBERS:05d}.tar"
        paths.append(str(path))
        if path.exists():
            continue
        rng = np.random.default_rng(first)
        with tarfile.open(path.with_suffix(".part"), "w") as tar:
            for number in range(first, min(first + TAR_MEMBERS, count)):
                photo = photos[number % len(photos)]
                top, left = (int(rng.integers(0, limit - side)) for limit in photo.shape[:2])
                crop = photo[top : top + side, left : left + side].astype(np.int16) + rng.integers(-40, 40, 3)
                data = simplejpeg.encode_jpeg(np.ascontiguousarray(crop.clip(0, 255).astype(np.uint8)), quality=85)
                member = tarfile.TarInfo(f"{number:09d}.jpg")
                # The number in a comment after the end of the picture makes the bytes distinct whatever the crop.
                data += b"%09d" % number
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        path.with_suffix(".part").rename(path)
    return paths


class Memory:
    """Peak of the proportional set size over this process and its descendants, sampled twice a second."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            self.peak = max(self.peak, sum(_resident(pid) for pid in _family(os.getpid())))


def _family(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        children = [child for t in threads for child in Path(f"/proc/{pid}/task/{t}/children").read_text().split()]
    except OSError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def cpu_seconds() -> float:
    """Processor time of this process and its descendants, those that ended included."""
    ticks = 0
    for pid in _family(os.getpid()):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(one) for one in fields[11:15])  # utime, stime, cutime, cstime (proc(5))
    return ticks / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    """Proportional set size in bytes: what two processes share counts once."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def timed(count: int, work: Callable[[Callable[[int, int | None], None]], Any]) -> dict[str, Any]:
    """Run ``work(progress)`` and report rate by tenth, CPU time and peak memory."""
    marks: list[tuple[float, float, int]] = []
    start, start_cpu = time.perf_counter(), cpu_seconds()

    def mark(done: int, _total: int | None) -> None:
        if not marks or done >= marks[-1][2] + count // 200:
            marks.append((time.perf_counter() - start, cpu_seconds() - start_cpu, done))
            print(f"{done:,} of {count:,}: {marks[-1][0]:.0f} s, {marks[-1][1]:.0f} CPU-s", file=sys.stderr, flush=True)

    with Memory() as memory:
        work(mark)
    wall, spent = time.perf_counter() - start, cpu_seconds() - start_cpu
    marks.append((wall, spent, count))

    def by_tenth(which: int) -> list[int]:
        # The first tenth holds the start of the workers, and it is said rather than hidden.
        edges = np.interp(np.linspace(0, count, 11), [0, *(m[2] for m in marks)], [0.0, *(m[which] for m in marks)])
        return [round(count / 10 / max(b - a, 1e-9)) for a, b in itertools.pairwise(edges)]

    return {
        "pictures": count,
        "wall_s": round(wall, 1),
        "per_s": round(count / wall),
        "per_cpu_s": round(count / spent),
        "per_s_by_tenth": by_tenth(0),
        "per_cpu_s_by_tenth": by_tenth(1),
        "peak_memory_mb": round(memory.peak / 1e6),
    }


def disk(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def pictures(count: int, place: Path, side: int, model: str) -> dict[str, Any]:
    tars = make_pictures(count, place / f"tars-{side}", side)
    corpus = place / "pictures.lance"
    shutil.rmtree(corpus, ignore_errors=True)
    report: dict[str, Any] = {"side_px": side, "jpeg_bytes": round(sum(os.path.getsize(t) for t in tars) / count)}
    report["ingest"] = timed(count, lambda progress: ce.ingest(tars, str(corpus), progress=progress))
    report["bytes_per_picture_ingested"] = round(disk(corpus) / count)
    report["categorise"] = timed(count, lambda progress: ce.categorise(str(corpus), model=model, progress=progress))
    report["bytes_per_picture_categorised"] = round(disk(corpus) / count)
    opened = time.perf_counter()
    rows = Corpus.open(str(corpus)).rows
    report["open_ms"] = round(1e3 * (time.perf_counter() - opened), 1)
    report["rows"] = rows
    report["fragments"] = len(Corpus.open(str(corpus)).dataset.get_fragments())
    report["again_s"] = timed(count, lambda progress: ce.ingest(tars, str(corpus), progress=progress))["wall_s"]
    return report


def write_rows(count: int, corpus: Path, dimension: int) -> None:
    """Rows as ingest and categorise leave them, but for the picture and thumbnail, which are 16 bytes here."""
    from lance.fragment import write_fragments

    from compoundeye.corpus._schema import INPUTS, PICTURES

    store = Corpus.create(str(corpus))
    extra = [
        pa.field("embedding", pa.list_(pa.float16(), dimension)),
        pa.field("embedding_by", pa.string()),
        pa.field("category", pa.string()),
        pa.field("category_confidence", pa.float32()),
        pa.field("category_state", pa.string()),
    ]
    store.ensure_columns(pa.schema(extra))
    schema = pa.schema([*PICTURES, *extra])
    centres = np.random.default_rng(0).normal(size=(4096, dimension)).astype(np.float32)
    for first in range(0, count, 262_144):
        size = min(262_144, count - first)
        rng = np.random.default_rng(first + 1)
        kind = rng.integers(0, len(centres), size)
        vectors = (centres[kind] + rng.normal(scale=0.7, size=(size, dimension))).astype(np.float16)
        taken = np.datetime64("2015-01-01", "us") + rng.integers(0, 10 * 365 * 86_400, size).astype("timedelta64[s]")
        columns: dict[str, Any] = {
            "id": [rng.bytes(16) for _ in range(size)],
            "image": [b"-" * 16] * size,
            "thumbnail": [b"-" * 16] * size,
            "source": [f"written/{first + n:010d}.jpg" for n in range(size)],
            "format": ["JPEG"] * size,
            "width": rng.integers(320, 4000, size),
            "height": rng.integers(240, 3000, size),
            "mode": ["RGB"] * size,
            "orientation": np.ones(size, np.int8),
            "bytes": rng.integers(2_000, 9_000_000, size),
            "taken_at": taken,
            "phash": rng.integers(0, 2**64, size, dtype=np.uint64),
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dimension),
            "embedding_by": ["written directly"] * size,
            "category": [f"category {k % 1000:03d}" for k in kind],
            "category_confidence": rng.random(size, dtype=np.float32),
            "category_state": ["done"] * size,
        }
        arrays = [
            pa.nulls(size, field.type)
            if field.name not in columns
            else columns[field.name]
            if isinstance(columns[field.name], pa.Array)
            else pa.array(columns[field.name], field.type)
            for field in schema
        ]
        parts = write_fragments(pa.Table.from_arrays(arrays, schema=schema), store.dataset, max_rows_per_file=262_144)
        store.append([json.dumps(part.to_json()) for part in parts], INPUTS.empty_table())


def quantiles(work: Callable[[int], Any], repeats: int) -> dict[str, float]:
    """Milliseconds of ``work(n)``: the first call alone (cold), then median and 95th percentile."""
    spent = []
    for number in range(repeats + 1):
        start = time.perf_counter()
        work(number)
        spent.append(1e3 * (time.perf_counter() - start))
    warm = sorted(spent[1:])
    return {
        "first": round(spent[0], 1),
        "median": round(statistics.median(warm), 1),
        "p95": round(warm[int(0.95 * (len(warm) - 1))], 1),
    }


def rows(count: int, place: Path, dimension: int) -> dict[str, Any]:
    corpus = place / f"rows-{count}-{dimension}.lance"
    report: dict[str, Any] = {"rows": count, "embedding": f"float16[{dimension}]", "note": "rows written directly"}
    if not (corpus.exists() and Corpus.open(str(corpus)).rows == count):
        shutil.rmtree(corpus, ignore_errors=True)
        start = time.perf_counter()
        write_rows(count, corpus, dimension)
        report["write_s"] = round(time.perf_counter() - start, 1)
    with Memory() as memory:
        report["bytes_per_row"] = round(disk(corpus) / count)
        report["open_ms"] = quantiles(lambda _: Corpus.open(str(corpus)).rows, 10)
        store = Corpus.open(str(corpus))
        some = store.dataset.take([7, count // 2, count - 1], columns=["id", "embedding"])
        ids = some["id"].to_pylist()
        report["by_id_ms"] = quantiles(lambda n: store.pictures_by_id([ids[n % 3]], ["id", "source"]), 20)
        report["count_where_ms"] = quantiles(
            lambda n: store.dataset.count_rows(f"category = 'category {n:03d}' AND category_confidence > 0.9"), 10
        )
        report["page_where_ms"] = quantiles(
            lambda n: store.dataset.to_table(
                columns=["id", "source", "category"], filter=f"category = 'category {n:03d}'", limit=60
            ),
            10,
        )
        vectors = [np.asarray(vector, np.float32) for vector in some["embedding"].to_pylist()]
        start = time.perf_counter()
        report["index"] = ensure_index(store)
        report["index_build_s"] = round(time.perf_counter() - start, 1)
        report["search_ms"] = quantiles(lambda n: ce.search(store, like=vectors[n % 3], k=20), 20)
        report["search_where_ms"] = quantiles(
            lambda n: ce.search(
                store, like=vectors[n % 3], where="width > 2000 AND taken_at > date '2020-01-01'", k=20
            ),
            10,
        )
    report["peak_memory_mb"] = round(memory.peak / 1e6)
    report["bytes_per_row_with_index"] = round(disk(corpus) / count)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["pictures", "rows"])
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--place", type=Path, required=True, help="a folder with room: 10 KB a picture, 1 KB a row")
    parser.add_argument("--side", type=int, default=96, help="pixels of a made picture's side")
    parser.add_argument("--dimension", type=int, default=128, help="of the vectors that `rows` writes")
    parser.add_argument("--model", default="efficientnet-lite0")
    options = parser.parse_args()
    options.place.mkdir(parents=True, exist_ok=True)
    if options.what == "pictures":
        report = pictures(options.count, options.place, options.side, options.model)
    else:
        report = rows(options.count, options.place, options.dimension)
    cpu = next(
        (line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    report["machine"] = f"{cpu}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"
    print(json.dumps(report, indent=2, default=str))


if __name__ == "__main__":
    main()
