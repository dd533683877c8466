"""What the rules of the traffic app cost, without detector and tracker: frames a CPU-second at 10, 50 and 200 visitors.

    python benchmarks/traffic_rules.py [--frames 300] [--json]

Visitors walk about at random in a picture of 640 x 360 at 25 frames a second. "lines" are four counting lines;
"everything" adds three zones with every rule of theirs, speeds on a ground plane and the heat map.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

from compoundeye.apps.traffic import TrafficApp, TrafficSettings
from compoundeye.records import Detections, Frame, Tracks
from compoundeye.video import ArrayImage, Stream

SIZE = np.array([640.0, 360.0])
RATE = 25.0
NAMES = ("person", "car", "suitcase")
LINES = {f"line {n}": {"points": [[100 + 150 * n, 0], [100 + 150 * n, 360]]} for n in range(4)}
RULES = {
    "loitering": {}, "intrusion": {}, "stopped": {}, "wrong_way": {"direction": [[0, 0], [9, 0]]},
    "speeding": {"limit_kmh": 50}, "crowding": {}, "queue": {}, "abandoned": {},
}  # fmt: skip
ZONES = {
    f"zone {n}": {"points": [[150 * n, 50], [150 * n + 200, 50], [150 * n + 200, 300], [150 * n, 300]], **RULES}
    for n in range(3)
}
GROUND = {"pixels": [[0, 0], [640, 0], [640, 360], [0, 360]], "metres": [[0, 0], [64, 0], [64, 36], [0, 36]]}
SITES: dict[str, dict[str, Any]] = {
    "lines": {"lines": LINES, "heat_columns": 0},
    "everything": {"lines": LINES, "zones": ZONES, "ground": GROUND},
}


class Told:
    """A tracker that costs nothing."""

    tracks = Tracks.none(NAMES)

    def update(self, found: Detections, time_s: float, frame: Frame | None = None) -> Tracks:
        """What it was told."""
        del found, time_s, frame
        return self.tracks


def walks(people: int, frames: int) -> list[Tracks]:
    """Everybody in each frame."""
    rng = np.random.default_rng(0)
    at, velocity = rng.uniform([0, 0], SIZE, (people, 2)), rng.normal(0, 40, (people, 2))
    walked = []
    for _ in range(frames):
        at = at + velocity / RATE
        velocity = np.where((at < 0) | (at > SIZE), -velocity, velocity)
        boxes = np.concatenate([at - np.array([12, 60]), at + np.array([12, 0])], axis=1).astype(np.float32)
        walked.append(
            Tracks(
                np.arange(1, people + 1),
                boxes,
                np.full(people, 0.9, np.float32),
                np.arange(people, dtype=np.int32) % 10 // 9,
                NAMES,
                np.ones(people, np.bool_),
            )
        )
    return walked


def rate(site: dict[str, Any], people: int, frames: int) -> float:
    """Frames a CPU-second."""
    told = Told()
    app = TrafficApp(Stream("street", 640, 360, RATE, "run"), TrafficSettings.model_validate(site), told)
    walked, nothing, image = walks(people, frames), Detections.none(NAMES), ArrayImage(np.zeros((1, 1, 3), np.uint8))
    began = time.process_time()
    for number, tracks in enumerate(walked):
        told.tracks = tracks
        app.step(Frame("street", number, number / RATE, number / RATE, image), nothing)
    return frames / (time.process_time() - began)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = [
        {"site": name, "visitors": people, "frames_per_cpu_s": round(rate(site, people, given.frames))}
        for name, site in SITES.items()
        for people in (10, 50, 200)
    ]
    if given.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['site']:10} {row['visitors']:4} visitors  {row['frames_per_cpu_s']:6,} frames/CPU-s")


if __name__ == "__main__":
    main()
