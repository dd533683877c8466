"""What categorising costs beside its two unavoidable parts, and beside other ways to the same answers.

    python benchmarks/categorise.py                                       # ours, and torch's DataLoader if it is here
    python benchmarks/categorise.py --rivals-python VENV/bin/python       # also Ray Data and Daft, installed there

Pictures: 2,000 JPEGs of 500x375, about 50 KB, cut from photographs that scikit-image and scikit-learn carry. All
figures are CPU time, of all processes together, a picture; parts and whole run in turns, the least of each counts,
since whatever disturbs a run only adds. One thread a process everywhere.

(a) bare decode at the cheapest adequate scale, (b) the model alone on pixels that are ready, (c) `categorise` on a
corpus to committed columns. What a call costs whatever the number of pictures is said apart, here as for the rivals:
(c) is the cost of all pictures less that of the first 128, over the difference. The target is c <= 1.1 (a + b).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import simplejpeg
from lance.fragment import write_fragments
from skimage import data as photographs
from sklearn.datasets import load_sample_images

from compoundeye.categorise import categorise
from compoundeye.corpus import Corpus
from compoundeye.models import Vision, card, load, weights
from compoundeye.pixels import decode
from compoundeye.records import picture_id

WIDTH, HEIGHT, QUALITY = 500, 375, 88
FRAGMENT = 500
FEW = 128


def make_pictures(count: int) -> list[bytes]:
    """Distinct crops, mirrored, lightened and darkened; the same for everybody."""
    china, flower = load_sample_images().images
    photos = [photographs.coffee(), photographs.rocket(), photographs.astronaut(), china, flower]
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        photo = photos[number % len(photos)]
        top, left = (
            int(rng.integers(0, limit - side + 1)) for limit, side in zip(photo.shape[:2], (HEIGHT, WIDTH), strict=True)
        )
        crop = photo[top : top + HEIGHT, left : left + WIDTH].astype(np.int16) + rng.integers(-30, 31, 3)
        # Sensor noise: what makes a photograph of this size weigh 50 KB.
        crop = (crop + rng.integers(-6, 7, crop.shape)).clip(0, 255).astype(np.uint8)
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        found.append(simplejpeg.encode_jpeg(np.ascontiguousarray(crop), quality=QUALITY, colorsubsampling="420"))
    return found


def make_corpus(place: Path, pictures: list[bytes]) -> Corpus:
    """Rows written directly: this measures categorising, not ingest."""
    corpus = Corpus.create(place)
    schema = corpus.dataset.schema
    for first in range(0, len(pictures), FRAGMENT):
        some = pictures[first : first + FRAGMENT]
        columns = {
            "id": [picture_id(one) for one in some],
            "image": some,
            "thumbnail": [b""] * len(some),
            "source": [f"made/{first + n}.jpg" for n in range(len(some))],
            "format": ["JPEG"] * len(some),
            "width": [WIDTH] * len(some),
            "height": [HEIGHT] * len(some),
            "mode": ["RGB"] * len(some),
            "orientation": [1] * len(some),
            "bytes": [len(one) for one in some],
            "phash": [0] * len(some),
        }
        arrays = [
            pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(len(some), field.type)
            for field in schema
        ]
        parts = write_fragments(pa.Table.from_arrays(arrays, schema=schema), corpus.dataset)
        corpus.append([json.dumps(part.to_json()) for part in parts], corpus.inputs.schema.empty_table())
    return corpus


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def least(runs: int, work: Callable[[], Any]) -> float:
    """CPU seconds of the cheapest of several runs."""
    spent = []
    for _ in range(runs):
        gc.collect()
        before = cpu()
        work()
        spent.append(cpu() - before)
    return min(spent)


class Ours:
    """The parts and the whole, on the same pictures."""

    def __init__(self, pictures: list[bytes], place: Path, model: str) -> None:
        self.pictures = pictures
        self.model = model
        self.vision: Vision = load(model, threads=1)
        self.base = place / "base.lance"
        self.copy = place / "copy.lance"
        self.few = place / "few.lance"
        make_corpus(self.base, pictures)
        make_corpus(self.few, pictures[:FEW])
        size = self.vision.batch_size
        some = pictures[:size]
        self.ready = np.stack([self.vision.prepare(one) for one in some])
        self.adequate = round(self.vision.input_size / self.vision.card.crop_fraction)

    def decode(self) -> None:
        for one in self.pictures:
            decode(one, at_least=self.adequate)

    def prepare(self) -> None:
        out = np.empty_like(self.ready[0])
        for one in self.pictures:
            self.vision.prepare(one, out)

    def infer(self) -> None:
        for _ in range(0, len(self.pictures), len(self.ready)):
            self.vision(self.ready)

    def fresh(self, base: Path) -> None:
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(base, self.copy)

    def whole(self) -> None:
        report = categorise(self.copy, model=self.model, workers=1)
        assert report.account.seen == report.new > 0, report

    def again_by_examples(self, examples: Path) -> None:
        report = categorise(
            self.copy, model=self.model, examples=examples, name=f"mine{time.monotonic_ns()}", workers=1
        )
        assert report.new == len(self.pictures)


def start_of_a_worker(model: str) -> float:
    """CPU seconds from nothing to a model that has answered once: what each worker process costs, once."""
    code = (
        "import numpy as np\nfrom compoundeye.categorise import categorise\nfrom compoundeye.models import load\n"
        f"v = load({model!r})\nv(np.zeros((v.batch_size, v.input_size, v.input_size, 3), np.uint8))"
    )
    before = cpu()
    subprocess.run([sys.executable, "-c", code], check=True)
    return cpu() - before


def measure_ours(pictures: list[bytes], place: Path, model: str, runs: int) -> dict[str, Any]:
    ours = Ours(pictures, place, model)
    count = len(pictures)
    spent = {name: float("inf") for name in ("decode", "prepare", "model", "few", "whole")}
    for turn in range(runs + 1):  # in turns, so that what disturbs one disturbs all; the first warms up
        for name, work, base in (
            ("decode", ours.decode, None),
            ("prepare", ours.prepare, None),
            ("model", ours.infer, None),
            ("few", ours.whole, ours.few),
            ("whole", ours.whole, ours.base),
        ):
            if base is not None:
                ours.fresh(base)
            cost = least(1, work)
            spent[name] = min(spent[name], cost if turn else float("inf"))
    examples = place / "examples"
    for number, one in enumerate(pictures[:50]):
        folder = examples / f"kind {number % 5}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(one)
    again = least(1, lambda: ours.again_by_examples(examples))
    parts, whole = (spent["decode"] + spent["model"]) / count, (spent["whole"] - spent["few"]) / (count - FEW)
    return {
        "model": model,
        "precision": ours.vision.precision,
        "runtime": ours.vision.runtime,
        "decoded_at_least_px": ours.adequate,
        "a_decode_ms": 1e3 * spent["decode"] / count,
        "decode_and_resize_ms": 1e3 * spent["prepare"] / count,
        "b_model_ms": 1e3 * spent["model"] / count,
        "c_whole_ms": 1e3 * whole,
        "ratio_c_to_a_plus_b": whole / parts,
        "ratio_c_to_prepare_plus_model": whole * count / (spent["prepare"] + spent["model"]),
        "call_cpu_s": spent["few"] - FEW * whole,
        "worker_start_cpu_s": start_of_a_worker(model),
        "by_examples_on_kept_embeddings_ms": 1e3 * again / count,
    }


def measure_rival(python: str, rival: str, place: Path, graph: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Run one rival in a process of its own and read what it says about itself."""
    script = Path(__file__).with_name("categorise_rivals.py")
    command = [python, str(script), rival, str(place), str(graph), json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"rival": rival, "failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def write_for_rivals(pictures: list[bytes], place: Path) -> None:
    """The same bytes as files, and as Parquet: each rival reads what suits it."""
    folder = place / "folder"
    folder.mkdir()
    for number, one in enumerate(pictures):
        (folder / f"{number:06d}.jpg").write_bytes(one)
    (place / "parquet").mkdir()
    for first in range(0, len(pictures), FRAGMENT):
        table = pa.table({"image": pa.array(pictures[first : first + FRAGMENT], pa.binary())})
        pq.write_table(table, place / "parquet" / f"{first:06d}.parquet", compression="none")


def show(report: dict[str, Any]) -> None:
    ours = report["ours"]
    print(f"{report['machine']}\n{ours['model']} {ours['precision']}, {ours['runtime']}; {report['pictures']}\n")
    for key, words in (
        ("a_decode_ms", "(a) decode, cheapest adequate scale"),
        ("b_model_ms", "(b) the model alone"),
        ("decode_and_resize_ms", "    decode, resize and crop"),
        ("c_whole_ms", "(c) categorise, end to end"),
        ("by_examples_on_kept_embeddings_ms", "    by examples, on kept embeddings"),
    ):
        print(f"  {words:42} {ours[key]:8.3f} CPU-ms a picture")
    print(f"  {'ratio c / (a + b), target 1.10':42} {ours['ratio_c_to_a_plus_b']:8.3f}")
    print(f"  {'ratio c / (decode, resize, crop + b)':42} {ours['ratio_c_to_prepare_plus_model']:8.3f}")
    print(f"  {'a call, whatever the number of pictures':42} {ours['call_cpu_s']:8.2f} CPU-s")
    print(f"  {'start of a worker, once':42} {ours['worker_start_cpu_s']:8.2f} CPU-s\n")
    for rival in report["rivals"]:
        if "failed" in rival:
            print(f"  {rival['rival']:42} did not run: {rival['failed']}")
        else:
            times = f"ours is {rival['ms'] / ours['c_whole_ms']:.2f} times as fast (target {rival['target']})"
            print(f"  {rival['name']:52} {rival['ms']:8.3f} CPU-ms a picture: {times}; {rival['versions']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--runs", type=int, default=3, help="turns; the least of each part counts")
    parser.add_argument("--rivals-python", help="an interpreter that has ray[data], daft and openvino")
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pictures = make_pictures(options.count)
    weight = sum(map(len, pictures)) / len(pictures) / 1e3
    report: dict[str, Any] = {
        "machine": f"{_processor()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, "
        f"pylance {version('pylance')}, simplejpeg {version('simplejpeg')}",
        "pictures": f"{len(pictures)} JPEGs of {WIDTH}x{HEIGHT}, {weight:.1f} KB",
        "rivals": [],
    }
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        report["ours"] = measure_ours(pictures, place, options.model, options.runs)
        if not options.no_rivals:
            write_for_rivals(pictures, place)
            known = card(options.model)
            graph = weights(known).with_suffix(".onnx")
            settings = {
                "size": known.input_size,
                "crop": known.crop_fraction,
                "precision": report["ours"]["precision"],
                "count": options.count,
                "width": WIDTH,
                "height": HEIGHT,
            }
            runs = [(sys.executable, rival) for rival in ("dataloader", "dataloader-openvino")]
            if options.rivals_python:
                runs += [(options.rivals_python, rival) for rival in ("ray", "ray-tuned", "daft", "daft-tuned")]
            report["rivals"] = [measure_rival(python, rival, place, graph, settings) for python, rival in runs]
    print(json.dumps(report, indent=2)) if options.json else show(report)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
