"""What a cheaper precision changes in a model's answers, and what it saves.

    python benchmarks/precision.py [--model efficientnet-lite0] [--seconds 1] [FOLDER ...]

Loss: every picture (JPEG, PNG, WebP) of the folders goes through the model's own pre-processing, then through fp32 and
bf16; without folders, crops of the photographs that scikit-image and scikit-learn carry. Printed are cosines of the
embeddings and of the logits, and how often the best label is the same: the numbers of `Loss` in
src/compoundeye/models/_catalogue.py; for scale, what another resampling filter changes. A processor without bf16
instructions cannot measure this and says so.

Speed: pictures per second of processor time on one thread, by precision and by how many pictures run at a time, beside
ONNX Runtime on the same graph in the same process; the best of three rounds each.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

import compoundeye.models as models
from compoundeye.models import Outputs, Vision
from compoundeye.models._onnxruntime import OnnxRuntime
from compoundeye.models._openvino import OpenVINO, supported_precisions
from compoundeye.models._runtime import Arrays
from compoundeye.pixels import PictureError

UInt8 = npt.NDArray[np.uint8]
PHOTOGRAPHS = {
    "skimage.data": ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg"),
    "sklearn.datasets.images": ("china.jpg", "flower.jpg"),
}
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def carried(size: int, resampling: Image.Resampling) -> Iterator[UInt8]:
    """The whole, and 16 overlapping squares at each of two scales, of every photograph the two packages carry."""
    from importlib.resources import files

    for package, names in PHOTOGRAPHS.items():
        for name in names:
            with files(package).joinpath(name).open("rb") as stream:
                picture = Image.open(stream).convert("RGB")
            short = min(picture.size)
            for share in (1.0, 0.7, 0.45):
                side = short * share
                steps = (0.5,) if share == 1.0 else (0, 1 / 3, 2 / 3, 1)
                for across, down in itertools.product(steps, steps):
                    left, top = across * (picture.width - side), down * (picture.height - side)
                    box = (left, top, left + side, top + side)
                    yield np.asarray(picture.resize((size, size), resampling, box=box))


def read_folders(vision: Vision, folders: list[Path]) -> UInt8:
    """[N, S, S, 3]"""
    prepared = []
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        try:
            prepared.append(vision.prepare(path.read_bytes()))
        except PictureError as error:
            print(f"skipped {path}: {error}")
    return np.stack(prepared)


def cosines(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(np.sum(a * b, axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)))


def shares(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def compare(what: str, a: Outputs, b: Outputs) -> None:
    embedding = cosines(a.embedding, b.embedding)
    print(f"{what}: {len(embedding)} pictures")
    print(f"  cosine of embeddings  mean {embedding.mean():.5f}  least {embedding.min():.5f}")
    if a.logits is None or b.logits is None:
        return
    logits = cosines(a.logits, b.logits)
    same = a.logits.argmax(1) == b.logits.argmax(1)
    sure = shares(a.logits).max(1) >= 0.5
    print(f"  cosine of logits      mean {logits.mean():.5f}  least {logits.min():.5f}")
    print(f"  same best label       {same.mean():.4f} of all, {same[sure].mean():.4f} of {sure.sum()} with p >= 0.5")


def report_loss(name: str, folders: list[Path]) -> None:
    exact, cheap = models.load(name, precision="fp32"), models.load(name, precision="bf16")
    if folders:
        seen = read_folders(exact, folders)
    else:
        seen = np.stack(list(carried(exact.input_size, Image.Resampling.BICUBIC)))
    reference = exact(seen)
    if cheap.precision == "bf16":
        compare(f"{name}, bf16 against fp32 in {exact.runtime}", reference, cheap(seen))
    else:
        print(f"{name}: this processor has no bf16 instructions, nothing to measure")
    if not folders:
        other = np.stack(list(carried(exact.input_size, Image.Resampling.BILINEAR)))
        compare(f"{name}, for scale: bilinear instead of bicubic resampling in fp32", reference, exact(other))


def rate(run: Callable[[UInt8], Arrays], batch: UInt8, seconds: float) -> float:
    """Pictures per second of processor time: the best of three rounds."""
    run(batch)
    best = 0.0
    for _ in range(3):
        count, start = 0, time.process_time()
        while time.process_time() - start < seconds / 3:
            run(batch)
            count += len(batch)
        best = max(best, count / (time.process_time() - start))
    return best


def report_speed(name: str, seconds: float) -> None:
    card = models.card(name)
    graph = (models.weights(card).with_suffix(".onnx")).read_bytes()
    batch = np.resize(
        np.stack(list(itertools.islice(carried(card.input_size, Image.Resampling.BICUBIC), 16))),
        (64, *[card.input_size] * 2, 3),
    )
    reference = rate(OnnxRuntime(graph, "cpu", 1), batch[:16], seconds)
    print(f"{name}: pictures per second of processor time, one thread")
    print(f"  ONNX Runtime fp32, 16 at a time: {reference:.0f}")
    for precision in sorted(supported_precisions(), reverse=True):
        for size in (1, 8, 16, 32, 64):
            # Sizes that are not (size, 1) would run a batch in other parts than the one that is measured.
            found = rate(OpenVINO(graph, precision, 1, sizes=(size, 1)), batch[:size], seconds)
            print(f"  OpenVINO {precision}, {size:2} at a time: {found:.0f} ({found / reference:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--seconds", type=float, default=1.0, help="processor time of each measurement; 0: no speeds")
    parser.add_argument("folders", nargs="*", type=Path)
    arguments = parser.parse_args()
    report_loss(arguments.model, arguments.folders)
    if arguments.seconds:
        report_speed(arguments.model, arguments.seconds)


if __name__ == "__main__":
    main()
