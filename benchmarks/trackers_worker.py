"""One tracker over prepared detections, in a process of its own; called by ``trackers.py``.

    python benchmarks/trackers_worker.py TRACKER DETECTIONS.npz TRACKS.npz RATE REPEATS

It reads the same boxes and scores whatever the tracker, makes the objects that the tracker takes outside the measured
time, and writes who was where. It prints CPU-seconds of the quickest repeat and the version. Needs numpy and the
tracker, nothing of CompoundEye unless that is measured.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from itertools import pairwise
from typing import Any

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import numpy as np  # noqa: E402  reads them

Frames = list[tuple[np.ndarray, np.ndarray]]
"""[N, 4] boxes and [N] scores of each frame."""
Step = Callable[[Any], tuple[np.ndarray, np.ndarray]]
"""From one frame's detections to [T] ids and [T, 4] boxes."""


def ours(name: str, rate: float) -> tuple[Callable[[Frames], list[Any]], Callable[[], Step]]:
    from compoundeye.records import Detections
    from compoundeye.video import tracker

    def prepare(frames: Frames) -> list[Any]:
        return [
            (at / rate, Detections(boxes, scores, np.zeros(len(scores), np.int32), ("person",)))
            for at, (boxes, scores) in enumerate(frames)
        ]

    def make() -> Step:
        follow = tracker(name)

        def step(one: Any) -> tuple[np.ndarray, np.ndarray]:
            tracks = follow.update(one[1], one[0])
            return tracks.ids, tracks.boxes

        return step

    return prepare, make


def roboflow(name: str, rate: float) -> tuple[Callable[[Frames], list[Any]], Callable[[], Step]]:
    import supervision

    import trackers

    kind, _, how = name.partition("-")
    cls = {"bytetrack": "ByteTrackTracker", "ocsort": "OCSORTTracker", "sort": "SORTTracker"}[kind]
    # The thresholds of the ByteTrack paper's code, which are ours too; without "-paper", the library's own.
    paper = {"track_activation_threshold": 0.6, "high_conf_det_threshold": 0.5} if how else {}

    def prepare(frames: Frames) -> list[Any]:
        return [supervision.Detections(xyxy=boxes, confidence=scores) for boxes, scores in frames]

    def make() -> Step:
        follow = getattr(trackers, cls)(frame_rate=rate, **paper)

        def step(one: Any) -> tuple[np.ndarray, np.ndarray]:
            tracked = follow.update(one)
            real = tracked.tracker_id >= 0
            return tracked.tracker_id[real], tracked.xyxy[real]

        return step

    return prepare, make


def norfair(name: str, rate: float) -> tuple[Callable[[Frames], list[Any]], Callable[[], Step]]:
    import norfair

    # "quick": a track counts after one more frame, as ours does, not after the library's 7.
    more: dict[str, Any] = {"initialization_delay": 1} if name == "quick" else {}

    def prepare(frames: Frames) -> list[Any]:
        return [
            [
                norfair.Detection(box.reshape(2, 2).astype(float), scores=np.array([score, score]))
                for box, score in zip(boxes, scores, strict=True)
            ]
            for boxes, scores in frames
        ]

    def make() -> Step:
        follow = norfair.Tracker(
            distance_function="iou",
            distance_threshold=0.7,
            hit_counter_max=max(2, round(rate)),
            detection_threshold=0.5,
            **more,
        )

        def step(one: Any) -> tuple[np.ndarray, np.ndarray]:
            told = [(found.id, found.estimate.ravel()) for found in follow.update(one) if found.live_points.any()]
            return np.array([who for who, _ in told]), np.array([box for _, box in told]).reshape(-1, 4)

        return step

    return prepare, make


FAMILIES = {"ours": (ours, None), "roboflow": (roboflow, "trackers"), "norfair": (norfair, "norfair")}


def run(prepared: Iterable[Any], step: Step) -> tuple[float, list[tuple[np.ndarray, np.ndarray]]]:
    begin = time.process_time()
    told = [step(one) for one in prepared]
    return time.process_time() - begin, told


def main() -> None:
    tracker, source, target, rate, repeats = sys.argv[1:6]
    family, _, name = tracker.partition(":")
    make_family, package = FAMILIES[family]
    data = np.load(source)
    edges = data["edges"]
    frames = [
        (data["boxes"][a:b].astype(np.float32), data["scores"][a:b].astype(np.float32)) for a, b in pairwise(edges)
    ]
    prepare, make = make_family(name, float(rate))
    best = np.inf
    for _ in range(int(repeats)):
        spent, told = run(prepare(frames), make())  # objects anew: some trackers write into them
        best = min(best, spent)
    np.savez(
        target,
        frames=np.repeat(np.arange(1, len(told) + 1), [len(ids) for ids, _ in told]),
        ids=np.concatenate([ids for ids, _ in told]).astype(np.int64),
        boxes=np.concatenate([np.asarray(boxes, np.float64).reshape(-1, 4) for _, boxes in told]),
    )
    print(json.dumps({"cpu_s": best, "frames": len(frames), "version": version(package) if package else ""}))


if __name__ == "__main__":
    main()
