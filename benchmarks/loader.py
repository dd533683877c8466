"""Encoded pictures to batches for training, beside the loaders that people use.

    python benchmarks/loader.py [--pictures 8000] [--rounds 3] [--workers 2] [--only NAME ...] [--json]

JPEGs of about 50 KB, 500 x 375 pixels, become uint8 batches of 256 x 224 x 224 x 3: random-resized crop (8 to 100 % of
the area, ratio 3/4 to 4/3), mirrored by half. Every loader cuts the same boxes, drawn by the same function, and reads
from the page cache; two workers each. Rivals decode with simplejpeg and resize with OpenCV: "area" is antialiased, as
ours always is; "linear" is not, and is quicker; or they decode with Pillow and resize with its antialiased filter.

Reported are pictures a second of processor time over all processes, and pictures a second, in the midst of an epoch:
neither the start of workers nor what they do ahead before the clock starts is counted. Contestants take turns; each is
the median of its rounds. A rival that cannot be imported is named. mosaicml-streaming imports torchvision for data sets
that are not used here; where that cannot be imported, it gets an empty module of that name.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from compoundeye.corpus import Corpus, ingest, training_order
from compoundeye.train import Loader, View
from compoundeye.train._draws import chances
from compoundeye.train._view import BOX_DRAWS
from decode import equal_jpegs

Pixels = NDArray[np.uint8]
SIZE, BATCH, DISTINCT = 224, 256, 60
VIEW = View(size=SIZE)
# Batches before the first reading of the clock and after the last: at both, every loader is as far ahead as it goes, so
# that no work is counted that was done before, and none left out.
HEAD, TAIL = 6, 8
TICK = os.sysconf("SC_CLK_TCK")


# The same augmentation for all ------------------------------------------------------------------------------------


def drawn(number: int) -> tuple[tuple[int, int, int, int], bool]:
    """The box and the mirroring of one picture."""
    draws = chances(0, np.array([number]), BOX_DRAWS + 1)[0].tolist()
    return VIEW.box(500, 375, draws), draws[BOX_DRAWS] < 0.5


# Drawn once: rivals' own random numbers cost them nothing here.
PLANS = [drawn(number) for number in range(4_096)]


def augmented(data: bytes, number: int, way: str) -> Pixels:
    """uint8 [224, 224, 3] by a rival's means."""
    (left, top, w, h), flip = PLANS[number % len(PLANS)]
    if way == "pillow":
        image = Image.open(BytesIO(data)).convert("RGB")
        box = (left, top, left + w, top + h)
        image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=box)
        return np.asarray(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else image)
    pixels = simplejpeg.decode_jpeg(data)[top : top + h, left : left + w]
    reduced = way == "area" and min(w, h) > SIZE  # enlarging by areas would repeat pixels
    pixels = cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA if reduced else cv2.INTER_LINEAR)
    return np.asarray(cv2.flip(pixels, 1) if flip else pixels, np.uint8)


# Contestants: each yields batches of pixels -----------------------------------------------------------------------


def ours(place: Path, workers: int, way: str) -> Iterator[Any]:  # noqa: ARG001
    corpus = Corpus.open(place / "corpus")
    with Loader(training_order(corpus), [corpus], None, VIEW, batch=BATCH, threads=workers) as loader:
        for batch in loader:
            yield batch.pixels


def torch_loader(dataset: Any, workers: int, **options: Any) -> Iterator[Any]:
    torch_data = importlib.import_module("torch.utils.data")
    yield from torch_data.DataLoader(dataset, batch_size=BATCH, num_workers=workers, **options)


class Folder:
    """A folder of files, as a torch map-style data set."""

    def __init__(self, place: Path, way: str) -> None:
        self.paths, self.way = sorted(map(str, (place / "folder").rglob("*.jpg"))), way

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> Pixels:
        with open(self.paths[number], "rb") as file:
            return augmented(file.read(), number, self.way)


def folder(place: Path, workers: int, way: str) -> Iterator[Any]:
    yield from torch_loader(Folder(place, way), workers, shuffle=True)


class Mapped:
    """What WebDataset maps samples by; picklable."""

    def __init__(self, way: str) -> None:
        self.way = way

    def __call__(self, sample: dict[str, Any]) -> Pixels:
        return augmented(sample["jpg"], int(sample["__key__"].rpartition("/")[2]), self.way)


def web(place: Path, workers: int, way: str) -> Iterator[Any]:
    wds = importlib.import_module("webdataset")
    shards = sorted(map(str, (place / "tars").glob("*.tar")))
    data = wds.WebDataset(shards, shardshuffle=len(shards), empty_check=False).shuffle(1_000).map(Mapped(way))
    yield from wds.WebLoader(data.batched(BATCH, collation_fn=np.stack), batch_size=None, num_workers=workers)


def mosaic(place: Path, workers: int, way: str) -> Iterator[Any]:
    streaming = mosaic_module()
    data = subclass(streaming.StreamingDataset, way)(local=str(place / "mds"), shuffle=True, batch_size=BATCH)
    yield from torch_loader(data, workers)


def lit(place: Path, workers: int, way: str) -> Iterator[Any]:
    litdata = importlib.import_module("litdata")
    data = subclass(litdata.StreamingDataset, way)(str(place / "lit"), shuffle=True)
    yield from litdata.StreamingDataLoader(data, batch_size=BATCH, num_workers=workers)


def subclass(parent: type, way: str) -> type:
    """The rival's data set with our augmentation."""

    def item(self: Any, index: Any) -> Pixels:
        sample = parent.__getitem__(self, index)  # type: ignore[attr-defined]
        return augmented(bytes(sample["image"]), int(sample["number"]), way)

    return type("Augmented", (parent,), {"__getitem__": item})


def mosaic_module() -> Any:
    """mosaicml-streaming, with an empty torchvision where there is none."""
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError, OSError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        with suppress(ImportError):  # which looks for torchvision too, and is not to find an empty one
            importlib.import_module("transformers.feature_extraction_utils")
        for name in ("", ".datasets", ".transforms", ".transforms.functional"):
            sys.modules[f"torchvision{name}"] = types.ModuleType(f"torchvision{name}")
        sys.modules["torchvision.datasets"].VisionDataset = object  # type: ignore[attr-defined]
        sys.modules["torchvision.datasets"].CIFAR10 = object  # type: ignore[attr-defined]
        sys.modules["torchvision.transforms.functional"].to_tensor = None  # type: ignore[attr-defined]
    return importlib.import_module("streaming")


Way = tuple[Callable[[Path, int, str], Iterator[Any]], str]
CONTESTANTS: dict[str, Way] = {
    "ours": (ours, ""),
    **{
        f"{name}, {label}": (maker, way)
        for label, way in (("simplejpeg + area", "area"), ("simplejpeg + linear", "linear"), ("Pillow", "pillow"))
        for name, maker in (
            ("torch folder", folder),
            ("WebDataset", web),
            ("mosaicml-streaming", mosaic),
            ("LitData", lit),
        )
    },
}


# Data -------------------------------------------------------------------------------------------------------------


def make(place: Path, count: int) -> list[str]:
    """The same pictures in every format; reasons why some are missing."""
    made, missing = equal_jpegs(DISTINCT), []
    pictures = [made[number % DISTINCT] + b"%09d" % number for number in range(count)]
    for number, data in enumerate(pictures):
        folder_of = place / "folder" / f"{number % 10:02d}"
        folder_of.mkdir(parents=True, exist_ok=True)
        (folder_of / f"{number:07d}.jpg").write_bytes(data)
    ingest(place / "folder", place / "corpus", workers=1)
    for name, writer in (("webdataset", write_tars), ("streaming", write_mds), ("litdata", write_lit)):
        try:
            writer(place, pictures)
        except (ImportError, RuntimeError, OSError) as error:
            missing.append(f"{name} is left out: {error}")
    return missing


def write_tars(place: Path, pictures: list[bytes]) -> None:
    wds = importlib.import_module("webdataset")
    (place / "tars").mkdir()
    with wds.ShardWriter(str(place / "tars" / "%05d.tar"), maxcount=500, verbose=0) as writer:
        for number, data in enumerate(pictures):
            writer.write({"__key__": f"{number:07d}", "jpg": data})


def write_mds(place: Path, pictures: list[bytes]) -> None:
    streaming = mosaic_module()
    with streaming.MDSWriter(out=str(place / "mds"), columns={"image": "bytes", "number": "int"}) as writer:
        for number, data in enumerate(pictures):
            writer.write({"image": data, "number": number})


def as_sample(item: tuple[int, str]) -> dict[str, Any]:
    number, path = item
    return {"image": Path(path).read_bytes(), "number": number}


def write_lit(place: Path, pictures: list[bytes]) -> None:
    litdata = importlib.import_module("litdata")
    paths = sorted(map(str, (place / "folder").rglob("*.jpg")), key=lambda path: Path(path).name)
    assert len(paths) == len(pictures)
    litdata.optimize(
        fn=as_sample, inputs=list(enumerate(paths)), output_dir=str(place / "lit"), chunk_bytes="64MB", num_workers=1
    )


# Measuring --------------------------------------------------------------------------------------------------------


def family() -> list[int]:
    """This process and all below it."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, waiting = [], [os.getpid()]
    while waiting:
        found.append(one := waiting.pop())
        waiting += parents.get(one, [])
    return found


def processor_seconds() -> float:
    """User and system time of the family, ended children of living members included."""
    ticks = 0
    for one in family():
        with suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return ticks / TICK


def race(place: Path, name: str, workers: int) -> None:
    """One round of one contestant, in a process of its own; prints its rates."""
    cv2.setNumThreads(1)
    with suppress(ImportError):
        importlib.import_module("torch").set_num_threads(1)
    maker, way = CONTESTANTS[name]
    batches = len(list((place / "folder").rglob("*.jpg"))) // BATCH
    count = 0
    first = last = (0.0, 0.0)
    for number, pixels in enumerate(maker(place, workers, way)):
        if number == HEAD:
            first = processor_seconds(), time.perf_counter()
        elif HEAD < number <= batches - TAIL:
            count += len(pixels)
            last = processor_seconds(), time.perf_counter()
    print(json.dumps([count / (last[0] - first[0]), count / (last[1] - first[1])]))


def rounds_of(place: Path, names: list[str], rounds: int, workers: int) -> dict[str, list[list[float]]]:
    import subprocess

    results: dict[str, list[list[float]]] = {name: [] for name in names}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for _ in range(rounds):
        for name in names:
            command = [sys.executable, __file__, "--place", str(place), "--race", name, "--workers", str(workers)]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            if done.returncode:
                print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            else:
                results[name].append(json.loads(done.stdout.strip().splitlines()[-1]))
    return results


def circumstances() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    named = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    found: dict[str, Any] = {"processor": next(named, platform.machine()), "cores": os.cpu_count()}
    found["python"] = platform.python_version()
    for name in ("simplejpeg", "opencv-python-headless", "pillow", "pylance", "torch", "webdataset", "litdata"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    with suppress(PackageNotFoundError):
        found["mosaicml-streaming"] = version("mosaicml-streaming")
    return found


def show(report: dict[str, Any]) -> None:
    print(", ".join(f"{name} {value}" for name, value in report["circumstances"].items()))
    print(*report["missing"], sep="\n")
    rates = report["pictures per CPU-s"]
    print(f"\n{'':42}{'per CPU-s':>11}{'per s':>9}{'ours is':>9}")
    for name, (processor, wall) in rates.items():
        print(f"{name:42}{processor:11,.0f}{wall:9,.0f}{rates['ours'][0] / processor:8.2f}x")
    for label in ("area", "linear", "Pillow"):
        rivals = [processor for name, (processor, _) in rates.items() if name.endswith(label)]
        if rivals:
            print(f"ours / best with {label}: {rates['ours'][0] / max(rivals):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=8_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names that contain one of these; ours always runs")
    parser.add_argument("--place", type=Path, help="keep the data here, and use what is there")
    parser.add_argument("--race", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.race:
        race(options.place, options.race, options.workers)
        return
    place = options.place or Path(tempfile.mkdtemp(prefix="loader-"))
    try:
        missing = [] if (place / "corpus").exists() else make(place, options.pictures)
        names = [
            name
            for name in CONTESTANTS
            if name == "ours" or not options.only or any(part in name for part in options.only)
        ]
        results = rounds_of(place, names, options.rounds, options.workers)
        rates = {
            name: [statistics.median(one) for one in zip(*rows, strict=True)] for name, rows in results.items() if rows
        }
        report = {"circumstances": circumstances(), "missing": missing, "pictures per CPU-s": rates}
        if options.json:
            print(json.dumps(report, indent=2))
        else:
            show(report)
    finally:
        if options.place is None:
            shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    multiprocessing.freeze_support()
    main()
