"""How fast encoded pictures become what a model or a corpus needs, beside the usual ways, and what the speed changes.

    python benchmarks/decode.py [--pictures 60] [--rounds 9] [--effect MODEL] [--json]

All contestants take turns in one process on the same JPEGs of about 50 KB, 500 x 375 pixels, made here from photographs
that scikit-image and scikit-learn carry; one thread, processor time, the median of the rounds. "x bare" is the share of
simplejpeg's full decode alone; "x usual" the ratio to Pillow's decode, resize to 256, crop to 224.

``--effect`` runs the model on 400 varied pictures and compares its answers on the fast square with those on the exact
one. For scale it does the same for the usual way in Pillow, and for the exact square of a picture saved once more.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from skimage import data as photographs
from sklearn.datasets import load_sample_images

from compoundeye.pixels import crop_resize, decode, look, probe
from compoundeye.records import picture_id

Pixels = NDArray[np.uint8]
SIZE, FRACTION, RESIZED = 224, 0.875, 256
BYTES = 50_000


def photos() -> list[Pixels]:
    samples = [photographs.astronaut(), photographs.chelsea(), photographs.coffee(), photographs.rocket()]
    return [*samples, *load_sample_images().images]


def jpeg(image: Image.Image, quality: int) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def equal_jpegs(count: int) -> list[bytes]:
    """500 x 375 pixels, each at the lowest quality that makes 50 KB."""
    made, sources = [], photos()
    for number in range(count):
        image = Image.fromarray(sources[number % len(sources)])
        scale = max(500 / image.width, 375 / image.height) * (1 + 0.02 * (number // len(sources)))
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
        left, top = (image.width - 500) // 2, (image.height - 375) // 2
        image = image.crop((left, top, left + 500, top + 375))
        tries = (jpeg(image, quality) for quality in range(60, 100, 2))
        made.append(next((data for data in tries if len(data) >= BYTES), jpeg(image, 98)))
    return made


def varied_jpegs(count: int) -> list[bytes]:
    """Random parts of the photographs, 35 to 100 % of their height, enlarged or reduced to 260 to 640 pixels."""
    made, sources, chance = [], photos(), np.random.default_rng(0)
    for number in range(count):
        image = Image.fromarray(sources[number % len(sources)])
        height = int(image.height * chance.uniform(0.35, 1))
        width = int(min(image.width, height * chance.uniform(0.8, 1.6)))
        left = int(chance.integers(0, image.width - width + 1))
        top = int(chance.integers(0, image.height - height + 1))
        scale = chance.integers(260, 640) / min(width, height)
        size = round(width * scale), round(height * scale)
        image = image.resize(size, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
        made.append(jpeg(image, int(chance.integers(75, 95))))
    return made


def usual_pillow(data: bytes) -> Pixels:
    image = Image.open(BytesIO(data)).convert("RGB")
    scale = RESIZED / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
    return np.asarray(image.crop((left, top, left + SIZE, top + SIZE)))


def box_pillow(data: bytes) -> Pixels:
    image = Image.open(BytesIO(data)).convert("RGB")
    crop = min(image.size) * FRACTION
    left, top = (image.width - crop) / 2, (image.height - crop) / 2
    box = (left, top, left + crop, top + crop)
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=box))


def square_of(pixels: Pixels, interpolation: int) -> Pixels:
    height, width = pixels.shape[:2]
    crop = round(min(height, width) * FRACTION)
    top, left = (height - crop) // 2, (width - crop) // 2
    square = pixels[top : top + crop, left : left + crop]
    return np.asarray(cv2.resize(square, (SIZE, SIZE), interpolation=interpolation), np.uint8)


def opencv(data: bytes) -> Pixels:
    pixels = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(square_of(pixels, cv2.INTER_AREA), cv2.COLOR_BGR2RGB), np.uint8)


def torchvision_ways() -> dict[str, Callable[[bytes], Any]]:
    """Its decoder and antialiased resize, where it can be imported."""
    try:
        torch = importlib.import_module("torch")
        io = importlib.import_module("torchvision.io")
        v2 = importlib.import_module("torchvision.transforms.v2.functional")
    except (ImportError, RuntimeError, OSError):
        return {}
    torch.set_num_threads(1)

    def way(data: bytes) -> Any:
        picture = io.decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), io.ImageReadMode.RGB)
        return v2.center_crop(v2.resize(picture, [RESIZED], antialias=True), [SIZE, SIZE])

    return {"torchvision decode + v2 antialiased": way}


def contestants() -> dict[str, Callable[[bytes], Any]]:
    out = np.empty((SIZE, SIZE, 3), np.uint8)
    half = {"min_factor": 2, "min_width": 250, "min_height": 188}
    return {
        "bare: simplejpeg full": simplejpeg.decode_jpeg,
        "bare: simplejpeg half scale": lambda data: simplejpeg.decode_jpeg(data, **half),
        "square: Pillow, the usual way": usual_pillow,
        "square: Pillow, crop box": box_pillow,
        "square: simplejpeg + OpenCV area": lambda data: square_of(simplejpeg.decode_jpeg(data), cv2.INTER_AREA),
        "square: simplejpeg + OpenCV linear": lambda data: square_of(simplejpeg.decode_jpeg(data), cv2.INTER_LINEAR),
        "square: OpenCV imdecode + area": opencv,
        **{f"square: {name}": way for name, way in torchvision_ways().items()},
        "square: ours, into a batch": lambda data: crop_resize(data, SIZE, FRACTION, out=out),
        "square: ours": lambda data: crop_resize(data, SIZE, FRACTION),
        "square: ours, exact": lambda data: crop_resize(data, SIZE, FRACTION, exact=True),
        "whole: ours, decode": decode,
        "keep: ours, look": look,
        "keep: ours, look + picture id": lambda data: (look(data), picture_id(data)),
        "header: ours, probe": probe,
    }


def race(data: list[bytes], rounds: int) -> dict[str, float]:
    """Pictures per second of processor time; the contestants take turns within each round."""
    ways = contestants()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            start = time.process_time()
            for picture in data:
                way(picture)
            if number:  # the first round warms caches
                seconds[name].append(time.process_time() - start)
    return {name: len(data) / statistics.median(times) for name, times in seconds.items()}


def effect(name: str, count: int = 400) -> dict[str, dict[str, float]]:
    """Difference of a model's answers from those on the exact square."""
    from compoundeye import models

    vision = models.load(name)
    size, fraction = vision.card.input_size, vision.card.crop_fraction
    pictures = varied_jpegs(count)

    def answers(squares: Iterator[Pixels]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int16]]:
        batch = np.stack(list(squares))
        parts = [vision(batch[at : at + 50]) for at in range(0, count, 50)]
        scores = [part.embedding if part.logits is None else part.logits for part in parts]
        return np.concatenate(scores), np.concatenate([part.embedding for part in parts]), batch.astype(np.int16)

    def again(picture: bytes) -> bytes:
        return jpeg(Image.open(BytesIO(picture)), 90)

    exact = answers(crop_resize(picture, size, fraction, exact=True) for picture in pictures)
    ways = {
        "ours, fast": answers(vision.prepare(picture) for picture in pictures),
        "saved again at quality 90, exact": answers(
            crop_resize(again(picture), size, fraction, exact=True) for picture in pictures
        ),
    }
    if (size, fraction) == (SIZE, FRACTION):
        ways["Pillow, the usual way"] = answers(usual_pillow(picture) for picture in pictures)
    return {way: difference(found, exact) for way, found in ways.items()}


def difference(found: tuple[Any, Any, Any], exact: tuple[Any, Any, Any]) -> dict[str, float]:
    def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
        cosines: NDArray[np.float32] = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        return cosines

    sure = (odds := np.exp(exact[0] - exact[0].max(1, keepdims=True))).max(1) / odds.sum(1) >= 0.5
    same = found[0].argmax(1) == exact[0].argmax(1)
    return {
        "levels": float(np.abs(found[2] - exact[2]).mean()),
        "logits cosine": float(cosine(found[0], exact[0]).mean()),
        "least": float(cosine(found[0], exact[0]).min()),
        "embedding cosine": float(cosine(found[1], exact[1]).mean()),
        "top-1 same": float(same.mean()),
        "where sure": float(same[sure].mean()),
    }


def circumstances(data: list[bytes]) -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    processor = next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    packages = ("simplejpeg", "opencv-python-headless", "pillow", "numpy")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "processor": processor,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "commit": commit.stdout.strip() or "unknown",
        "pictures": len(data),
        "mean bytes": round(statistics.mean(map(len, data))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--effect", metavar="MODEL", help="also compare this model's answers, such as efficientnet-lite0"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    data = equal_jpegs(options.pictures)
    report: dict[str, Any] = {"circumstances": circumstances(data), "pictures per CPU-s": race(data, options.rounds)}
    if options.effect:
        report["effect"] = {options.effect: effect(options.effect)}
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        show(report)


def show(report: dict[str, Any]) -> None:
    print(", ".join(f"{name} {value}" for name, value in report["circumstances"].items()), end="\n\n")
    rates = report["pictures per CPU-s"]
    bare, usual = rates["bare: simplejpeg full"], rates["square: Pillow, the usual way"]
    print(f"{'':44}{'pictures/CPU-s':>15}{'x bare':>9}{'x usual':>9}")
    for name, rate in rates.items():
        print(f"{name:44}{rate:15,.0f}{rate / bare:9.2f}{rate / usual:9.2f}")
    for model, ways in report.get("effect", {}).items():
        columns = list(next(iter(ways.values())))
        print(f"\nAgainst the exact square, {model}\n{'':44}" + "".join(f"{column:>18}" for column in columns))
        for way, figures in ways.items():
            print(f"{way:44}" + "".join(f"{value:18.4f}" for value in figures.values()))


if __name__ == "__main__":
    main()
