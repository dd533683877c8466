"""The real work, in small: what one core of `measure` does while all others do the same."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from compoundeye.capacity._samples import distinct
from compoundeye.categorise import categorise
from compoundeye.corpus import Corpus, ingest, training_order
from compoundeye.models import Vision, load
from compoundeye.pixels import Box, crop_box, look
from compoundeye.records import EyeError

_WARM, _FEW = 8, 64
"""Pictures of a job that loads what a process loads once, and of the small job that is taken off the large one, so that
what a job costs by itself is not counted."""

_RUN = 64  # pictures decoded, then run, in one go, as categorise does
_READ_BYTES = 16 << 20  # in one read, as categorise does
_ROWS_A_REQUEST = 64  # as the training loader does
_CROPS, _CROP_SIDE = 256, 224


What = Literal["pictures", "model", "jobs"]


@dataclass(frozen=True, slots=True)
class Work:
    """One measurement. Picklable."""

    what: What
    samples: tuple[str, ...]
    """Folders of pictures of one size each; the first size is that of whole jobs."""
    model: str
    folder: str
    """Of this core alone."""
    pictures: int
    """Of a job, beyond the first few."""
    seconds: float
    """That each of the small measurements takes at least."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one measurement found: quantities by name, and how much of the core it got."""

    figures: dict[str, float]
    share: float
    """Processor time over time, 1 if nothing else wanted the core; NaN where the work waits by itself."""


@cache
def _read(folder: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(Path(folder).iterdir()))


@cache
def _vision(name: str) -> Vision:
    return load(name, threads=1)


def run_work(work: Work) -> Found:
    """Do one measurement, in a worker of any engine."""
    return {"pictures": _pictures, "model": _model, "jobs": _jobs}[work.what](work)


def _pictures(work: Work) -> Found:
    """Looking and cropping, for each size."""
    figures, shares = dict[str, float](), list[float]()
    boxes = crop_boxes()
    out = np.empty((_CROP_SIDE, _CROP_SIDE, 3), np.uint8)
    for place, pictures in enumerate(map(_read, work.samples)):
        figures[f"keep.{place}"], share = each(pictures, work.seconds, lambda _, data: look(data))
        shares.append(share)

        def crop(number: int, data: bytes) -> object:
            return crop_box(data, boxes[number % _CROPS], (_CROP_SIDE, _CROP_SIDE), out=out)

        figures[f"crop.{place}"], share = each(pictures, work.seconds, crop)
        shares.append(share)
    return Found(figures, float(np.mean(shares)))


def _model(work: Work) -> Found:
    """Decoding to the model's square for each size, and the network on squares that are ready."""
    vision = _vision(work.model)
    side = vision.input_size
    size = max(1, _RUN // vision.batch_size) * vision.batch_size
    squares = np.empty((size, side, side, 3), np.uint8)
    first = _read(work.samples[0])
    for place in range(size):
        vision.prepare(first[place % len(first)], squares[place])
    vision(squares)  # compiles
    figures, shares = dict[str, float](), list[float]()
    for place, pictures in enumerate(map(_read, work.samples)):
        figures[f"prepare.{place}"], share = each(
            pictures, work.seconds, lambda number, data: vision.prepare(data, squares[number % size])
        )
        shares.append(share)
    spent, share = each((b"",), 2 * work.seconds, lambda _number, _data: vision(squares))
    figures["run"] = spent / size
    return Found(figures, float(np.mean([*shares, share])))


def _jobs(work: Work) -> Found:
    """Ingest, categorise and reads, on corpora of this core's own: slopes between a small job and a larger one."""
    home = Path(work.folder)
    shutil.rmtree(home, ignore_errors=True)
    first, *others = map(_read, work.samples)
    try:
        _job(work, home, first, _WARM)
        few, more = whole(_FEW, first), whole(work.pictures, first)
        small, large = (_job(work, home, first, count) for count in (few, few + more))
        found = {name: (large[name] - small[name]) / more for name in small}
        found["ingest.0"] = found.pop("ingest")
        found |= _reads(home / f"{few + more}.lance", work.seconds)
        for place, pictures in enumerate(others, 1):
            # As many bytes as before, in fewer pictures.
            share = _mean(first) / _mean(pictures)
            few, more = (whole(round(count * share), pictures) for count in (_FEW, work.pictures))
            spent = [_ingest(home / f"size{place}", pictures, count) for count in (few, few + more)]
            found[f"ingest.{place}"] = (spent[1] - spent[0]) / more
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return Found(found, float("nan"))


def whole(count: int, pictures: Sequence[bytes]) -> int:
    """About ``count``, so that each picture comes as often as any other: a slope is of their mean then."""
    return max(1, round(count / len(pictures))) * len(pictures)


def _mean(pictures: Sequence[bytes]) -> float:
    return sum(map(len, pictures)) / len(pictures)


def _ingest(place: Path, pictures: Sequence[bytes], count: int) -> float:
    """Core-seconds of an ingest into ``place``/COUNT.lance, on one worker: this process."""
    folder, corpus = place / f"{count}", place / f"{count}.lance"
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number:06d}.jpg").write_bytes(distinct(pictures, number))
    spent = _spent(lambda: ingest(folder, corpus, workers=1))
    rows = Corpus.open(corpus).rows
    if rows != count:
        raise EyeError(f"{count - rows} of {count} sample pictures cannot be ingested: give --pictures others")
    return spent


def _job(work: Work, home: Path, pictures: Sequence[bytes], count: int) -> dict[str, float]:
    """Core-seconds and bytes on disk of one ingest and one categorise."""
    found = {"ingest": _ingest(home, pictures, count)}
    corpus = home / f"{count}.lance"
    stored = Corpus.open(corpus)
    thumbnails = sum(map(len, stored.dataset.to_table(columns=["thumbnail"])["thumbnail"].to_pylist()))
    before = on_disk(corpus)
    found["categorise"] = _spent(lambda: categorise(corpus, model=work.model, workers=1))
    dimension = stored.refresh().dataset.schema.field("embedding").type.list_size
    return found | {
        "thumbnail_bytes": thumbnails,
        "result_bytes": on_disk(corpus) - before - 2 * dimension * count,
    }


def _reads(path: Path, seconds: float) -> dict[str, float]:
    """Core-seconds a picture: in the order stored as categorise reads, and in training order as the loader does."""
    corpus = Corpus.open(path)
    order = training_order(corpus)
    epochs = iter(range(1 << 62))

    def scan() -> int:
        scanner = corpus.dataset.scanner(columns=["image"], batch_size=256, batch_size_bytes=_READ_BYTES)
        return sum(len(picture.as_py()) > 0 for batch in scanner.to_batches() for picture in batch.column(0))

    def random() -> int:
        first = next(epochs) * _ROWS_A_REQUEST
        rows = np.unique(order.at(np.arange(first, first + _ROWS_A_REQUEST)).row)
        return int(corpus.dataset.take(rows.tolist(), columns=["id", "image"]).num_rows)

    return {"scan": _repeated(scan, seconds), "random": _repeated(random, seconds)}


def crop_boxes() -> list[Callable[[int, int], Box]]:
    """Boxes of the customary random-resized crop: 8 to 100 % of the area, ratio 3/4 to 4/3 (Szegedy et al. 2015)."""
    rng = np.random.default_rng(0)

    def box(area: float, ratio: float, x: float, y: float) -> Callable[[int, int], Box]:
        def cut(width: int, height: int) -> Box:
            w = min(width, max(1, round(np.sqrt(area * width * height * ratio))))
            h = min(height, max(1, round(np.sqrt(area * width * height / ratio))))
            return int(x * (width - w)), int(y * (height - h)), w, h

        return cut

    draws = zip(rng.uniform(0.08, 1, _CROPS), np.exp(rng.uniform(-np.log(4 / 3), np.log(4 / 3), _CROPS)), strict=True)
    return [box(float(area), float(ratio), *rng.random(2).tolist()) for area, ratio in draws]


def each(pictures: Sequence[bytes], seconds: float, work: Callable[[int, bytes], object]) -> tuple[float, float]:
    """Core-seconds of ``work`` a picture over ``seconds`` at least, and the share of the core it got."""
    for number, data in enumerate(pictures[:2]):  # code and tables into the caches
        work(number, data)
    done = 0
    clock, core = time.perf_counter(), time.process_time()
    while time.process_time() - core < seconds:
        for data in pictures:
            work(done, data)
            done += 1
    spent = time.process_time() - core
    return spent / done, spent / (time.perf_counter() - clock)


def _repeated(work: Callable[[], int], seconds: float) -> float:
    """Core-seconds of all threads a picture; ``work`` says how many it did."""
    work()
    done, core = 0, time.process_time()
    while (spent := time.process_time() - core) < seconds:
        done += work()
    return spent / done


def _spent(work: Callable[[], object]) -> float:
    core = time.process_time()
    work()
    return time.process_time() - core


def on_disk(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
