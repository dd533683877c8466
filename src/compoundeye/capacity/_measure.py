"""`measure`: this machine's rates, from the real work on all its cores at once."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from compoundeye import __version__
from compoundeye.capacity._measure_disk import measure_disk
from compoundeye.capacity._measure_rows import row_bytes
from compoundeye.capacity._rates import ModelRates, Rates, SizeRates
from compoundeye.capacity._samples import Sample, distinct, own_pictures, synthetic_jpegs
from compoundeye.capacity._workloads import Found, What, Work, run_work
from compoundeye.cluster import Local, available_cores
from compoundeye.corpus import Corpus, ingest
from compoundeye.models import Vision, load
from compoundeye.records import EyeError, Progress

Feed = Callable[[Corpus, int], Iterator[int]]
"""The training loader, of a room that may import it: (corpus, threads) to the pictures of each batch of some epochs."""

DEFAULT_MODEL = "efficientnet-lite0"
MADE = ((24, 500, 375, 50_000), (6, 1_600, 1_200, 400_000), (2, 4_000, 3_000, 3_000_000))
"""Pictures, width, height and bytes of what is made: as the web, a small camera and a telephone make them."""

_OWN_PICTURES = 96
_MOST_BYTES = 4 << 30
"""Of pictures on the disk while jobs run: there and in their corpora."""
_VERSIONS = ("pylance", "openvino", "simplejpeg", "opencv-python-headless")
_START = (
    "import sys, numpy as np\nfrom compoundeye.categorise import categorise\nfrom compoundeye.models import load\n"
    "v = load(sys.argv[1])\nv(np.zeros((v.batch_size, v.input_size, v.input_size, 3), np.uint8))"
)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of everything is measured."""

    seconds: float
    """Of each small measurement."""
    rounds: int
    pictures: int
    """Of each whole job, a core."""
    disk_bytes: int


FULL = Extent(seconds=0.4, rounds=3, pictures=512, disk_bytes=2 << 30)
QUICK = Extent(seconds=0.1, rounds=1, pictures=128, disk_bytes=256 << 20)


def measure(
    *,
    models: Sequence[str] = (DEFAULT_MODEL,),
    pictures: str | os.PathLike[str] | None = None,
    place: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    extent: Extent = FULL,
    feed: Feed | None = None,
    progress: Progress | None = None,
) -> Rates:
    """Measure decoding, models, ingest, categorise, reads and the disk, with all cores at work at the same time.

    Costs are processor time, which other work on the machine bends little; medians over cores and rounds. Whole jobs
    are slopes between a small and a larger one: what a job costs once is not in them.

    Args:
        models: of the catalogue, or folders in the hub's layout. Whole jobs run with the first that has labels of its
            own; efficientnet-lite0 joins them if none has.
        pictures: a folder of the user's own, to measure with instead of made JPEGs of 500 x 375 and 50 KB.
        place: folder on the disk where corpora will be; the system's folder for temporary files if not given.
        workers: processes; one a core if not given.
        extent: how much of everything; ``QUICK`` for a first look.
        feed: the training loader, to measure it too.
        progress: told (measurements done, measurements in all).

    Raises:
        EyeError: no such model, folder or pictures, or nothing can be written there.
    """
    if not models:
        raise EyeError("there is no model to measure: name one of `eye models`")
    if place is not None and not Path(place).is_dir():
        raise EyeError(f"there is no folder {os.fspath(place)}: give --place one on the disk to measure")
    workers = workers or available_cores()
    visions = _loaded(models)
    whole = next(name for name, vision in visions.items() if vision.labels is not None)
    samples = _samples(pictures)
    count = _pictures_a_job(samples[0], workers, extent)
    with tempfile.TemporaryDirectory(dir=place, prefix="eye-benchmark-") as scratch:
        folders = tuple(_written(sample, Path(scratch) / f"size{number}") for number, sample in enumerate(samples))
        turn: list[tuple[What, str]] = [("pictures", whole), *(("model", name) for name in visions), ("jobs", whole)]
        jobs = [
            Work(what, folders, name, str(Path(scratch) / f"core{core}"), count, extent.seconds)
            for _ in range(extent.rounds)
            for what, name in turn
            for core in range(workers)
        ]
        tell = _Teller(progress, len(visions) + len(jobs) + 4 + (feed is not None))
        starts = {name: tell.after(partial(_start, name)) for name in visions}
        found = list(zip(jobs, tell.each(Local(workers).map(run_work, jobs)), strict=True))
        loader = None if feed is None else tell.after(partial(_loader, Path(scratch), folders[0], feed, workers, count))
        rows = tell.after(partial(row_bytes, Path(scratch)))
        piece = round(samples[0].size)
        disk = measure_disk(scratch, size=extent.disk_bytes, piece=piece, seconds=2 * extent.seconds, tell=tell)

    def median(what: str, figure: str, model: str = whole) -> float:
        values = [one.figures[figure] for work, one in found if (work.what, work.model) == (what, model)]
        return float(np.median(values))

    parts = median("model", "prepare.0") + median("model", "run")
    around = max(0.0, median("jobs", "categorise") - parts)
    return Rates(
        kind="measured",
        source=_source(extent),
        machine=machine(),
        cores=workers,
        sizes=tuple(
            SizeRates(
                sample.width,
                sample.height,
                sample.size,
                keep=median("pictures", f"keep.{number}"),
                crop=median("pictures", f"crop.{number}"),
                # A slope of few pictures may be all noise; less than looking at them it cannot be.
                ingest=max(median("jobs", f"ingest.{number}"), median("pictures", f"keep.{number}")),
                origin=sample.origin,
            )
            for number, sample in enumerate(samples)
        ),
        models=tuple(
            ModelRates(
                name,
                vision.precision,
                vision.runtime,
                vision.input_size,
                vision.card.embedding_dim,
                prepare=tuple(median("model", f"prepare.{number}", name) for number in range(len(samples))),
                run=median("model", "run", name),
                around=around,
                start=starts[name],
            )
            for name, vision in visions.items()
        ),
        row_bytes=rows,
        loader=loader,
        disk=disk.sequential,
        disk_write=disk.write,
        disk_pictures=disk.random,
        disk_cached=disk.cached,
        share=float(np.median([one.share for work, one in found if work.what != "jobs"])),
        **{name: median("jobs", name) for name in _JOBS},
    )


_JOBS = ("thumbnail_bytes", "result_bytes", "scan", "random")


class _Teller:
    """Counts measurements."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, -1
        self()

    def __call__(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)

    def after(self, work: Callable[[], float]) -> float:
        """Do something, then count it."""
        result = work()
        self()
        return result

    def each(self, results: Iterable[Found]) -> Iterator[Found]:
        """Pass results on, counting them."""
        for one in results:
            self()
            yield one


def machine() -> str:
    """Processor, cores and system, in words: rates of one machine hold for one like it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return f"{next(names, platform.processor() or platform.machine())}, {available_cores()} cores, {platform.system()}"


def _loaded(models: Sequence[str]) -> dict[str, Vision]:
    """Fetched and loaded by name, one that can answer by itself among them."""
    visions = {name: load(name, threads=1) for name in models}
    if all(vision.labels is None for vision in visions.values()):
        visions[DEFAULT_MODEL] = load(DEFAULT_MODEL, threads=1)
    return visions


def _samples(pictures: str | os.PathLike[str] | None) -> tuple[Sample, ...]:
    """The size of whole jobs first."""
    if pictures is None:
        return tuple(synthetic_jpegs(*one) for one in MADE)
    return own_pictures(pictures, _OWN_PICTURES), *(synthetic_jpegs(*one) for one in MADE[1:])


def _written(sample: Sample, folder: Path) -> str:
    folder.mkdir()
    for number, data in enumerate(sample.pictures):
        (folder / f"{number:06d}").write_bytes(data)
    return str(folder)


def _pictures_a_job(sample: Sample, workers: int, extent: Extent) -> int:
    """As many as there is room for, in files and in a corpus, for all cores at once."""
    room = int(_MOST_BYTES / workers / (2 * sample.size))
    return max(16, min(extent.pictures, room))


def _start(model: str) -> float:
    """Core-seconds of a process from nothing to a model that has answered once."""
    before = os.times()
    subprocess.run([sys.executable, "-c", _START, model], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _loader(scratch: Path, folder: str, feed: Feed, workers: int, count: int) -> float:
    """Core-seconds of the training loader a picture: all its threads, from its start to its end."""
    pictures = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
    files = scratch / "loader"
    files.mkdir()
    for number in range(2 * count):
        (files / f"{number:06d}.jpg").write_bytes(distinct(pictures, number))
    ingest(files, scratch / "loader.lance", workers=1)
    corpus = Corpus.open(scratch / "loader.lance")
    core = time.process_time()
    fed = sum(feed(corpus, workers))
    return (time.process_time() - core) / fed


def _source(extent: Extent) -> str:
    what = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    now = datetime.now(UTC).strftime("%Y-%m-%d")
    return (
        f"`eye benchmark{' --quick' if extent != FULL else ''}` on {now}, compoundeye {__version__}, "
        f"Python {platform.python_version()}, {what}"
    )
