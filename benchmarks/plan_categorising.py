"""Is the categorising plan right? Plan from `eye benchmark`, then really ingest and categorise, and compare.

    python benchmarks/plan_categorising.py [--count 4096] [--quick] [--rates FILE] [--model NAME] [--json FILE]

Rates are measured on made JPEGs (`compoundeye.capacity.measure`, as `eye benchmark` does). The plan is then for other
pictures: crops of photographs that scikit-image and scikit-learn carry, of two sizes, each picture different. They go
through `eye ingest` and `eye categorise` as commands, one worker a core. Compared are processor time of all processes,
hours (the clock, which only says something while nothing else is on the machine: `share` is what the command got of the
cores), and bytes on disk by kind.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from skimage import data as photographs
from sklearn.datasets import load_sample_images

from compoundeye.capacity import FULL, QUICK, Rates, categorising_plan, keep_rates, measure, read_rates
from compoundeye.cluster import available_cores
from compoundeye.corpus import Corpus

SIZES = {"500x375": (500, 375, 88, 1.0), "1600x1200": (1_600, 1_200, 85, 0.25)}
"""Width, height, JPEG quality, and the share of --count."""


def write_pictures(count: int, width: int, height: int, quality: int, folder: Path) -> float:
    """Distinct crops, enlarged where a photograph is too small, with noise; mean bytes."""
    import cv2

    china, flower = load_sample_images().images
    photos = [photographs.coffee(), photographs.rocket(), photographs.astronaut(), china, flower]
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    total = 0
    for number in range(count):
        photo = photos[number % len(photos)]
        least = max(width / photo.shape[1], height / photo.shape[0], 1.0)
        scale = least * rng.uniform(1.0, 1.3)
        photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        top, left = (
            int(rng.integers(0, room - side + 1)) for room, side in zip(photo.shape[:2], (height, width), strict=True)
        )
        crop = photo[top : top + height, left : left + width].astype(np.int16) + rng.integers(-30, 31, 3)
        crop = (crop + rng.integers(-6, 7, crop.shape)).clip(0, 255).astype(np.uint8)
        data = simplejpeg.encode_jpeg(np.ascontiguousarray(crop), quality=quality, colorsubsampling="420")
        total += len(data)
        (folder / f"{number:06d}.jpg").write_bytes(data)
    return total / count


def command(*arguments: object) -> tuple[dict[str, Any], float, float]:
    """What an `eye` command prints, its processor seconds (all processes), and seconds by the clock."""
    before, began = os.times(), time.perf_counter()
    words = [sys.executable, "-m", "compoundeye.cli", *map(str, arguments), "--json"]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    after, clock = os.times(), time.perf_counter() - began
    core = after.children_user + after.children_system - before.children_user - before.children_system
    return json.loads(done.stdout), core, clock


def import_seconds() -> float:
    """Processor seconds of a process that can ingest and has not begun."""
    before = os.times()
    subprocess.run([sys.executable, "-c", "from compoundeye.corpus import ingest"], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def compare(rates: Rates, model: str, count: int, size: str, place: Path) -> dict[str, Any]:
    width, height, quality, _ = SIZES[size]
    mean = write_pictures(count, width, height, quality, place / "pictures")
    corpus = place / "corpus.lance"
    ingested, ingest_core, ingest_clock = command("ingest", place / "pictures", corpus)
    assert ingested["done"] == count, ingested
    store = Corpus.open(corpus)
    fragments = len(store.dataset.get_fragments())
    thumbnails = sum(map(len, store.dataset.to_table(columns=["thumbnail"])["thumbnail"].to_pylist()))
    before = on_disk(corpus)
    said, core, clock = command("categorise", corpus, "--model", model)
    assert said["new"] == count, said
    after = on_disk(corpus)
    plan = categorising_plan(count, rates, model=model, picture_bytes=mean, fragments=fragments)
    cores = available_cores()
    # What the plan leaves out because it vanishes at 10^8 pictures: each process's start.
    processes = 1 if cores == 1 or fragments == 1 else 1 + min(cores, fragments)
    start = processes * rates.model(model).start
    planned = {
        "ingest core-s": 3600 * plan.ingest.core_hours + processes * import_seconds(),
        "categorise core-s": 3600 * plan.categorise.core_hours + start,
        "categorise s": 3600 * plan.categorise.hours,
        "MB ingested": (plan.storage["originals"] + plan.storage["thumbnails"] + plan.storage["metadata"]) / 1e6,
        "MB of thumbnails": plan.storage["thumbnails"] / 1e6,
        "MB categorised": (plan.storage["embeddings"] + plan.storage["results"]) / 1e6,
    }
    found = {
        "ingest core-s": ingest_core,
        "categorise core-s": core,
        "categorise s": clock,
        "MB ingested": before / 1e6,
        "MB of thumbnails": thumbnails / 1e6,
        "MB categorised": (after - before) / 1e6,
    }
    return {
        "pictures": f"{count} photographs of {size}, {mean / 1e3:.1f} KB, {fragments} fragments",
        "share of the cores": {"ingest": ingest_core / ingest_clock / cores, "categorise": core / clock / cores},
        "compared": {
            name: {"planned": planned[name], "found": found[name], "found / planned": found[name] / planned[name]}
            for name in planned
        },
    }


def show(report: dict[str, Any]) -> None:
    print(f"{report['machine']}\nrates: {report['rates']}\nmodel: {report['model']}")
    for one in report["runs"]:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in one["share of the cores"].items())
        print(f"\n{one['pictures']}; got of the cores: {shares}")
        for name, row in one["compared"].items():
            print(
                f"  {name:20} planned {row['planned']:9.2f}  found {row['found']:9.2f}  {row['found / planned']:6.3f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=4_096)
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--quick", action="store_true", help="measure rates quickly")
    parser.add_argument("--rates", type=Path, help="rates that were measured before, instead of measuring")
    parser.add_argument("--keep-rates", type=Path, help="where to keep the rates that are measured")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.rates:
        rates = read_rates(options.rates)
    else:
        rates = measure(
            models=[options.model],
            extent=QUICK if options.quick else FULL,
            progress=lambda done, total: print(f"measuring: {done} of {total}", file=sys.stderr),
        )
        if options.keep_rates:
            keep_rates(rates, options.keep_rates)
    runs = []
    for size, (*_, share) in SIZES.items():
        with tempfile.TemporaryDirectory() as scratch:
            runs.append(compare(rates, options.model, round(share * options.count), size, Path(scratch)))
    names = ("pylance", "openvino", "simplejpeg", "opencv-python-headless")
    report = {
        "machine": f"{rates.machine}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in names),
        "rates": f"{rates.source}; got {rates.share:.0%} of the cores",
        "model": options.model,
        "runs": runs,
    }
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    show(report)


if __name__ == "__main__":
    main()
