"""Trackers on the same detections: frames a CPU-second, HOTA, MOTA, IDF1.

    python benchmarks/trackers.py                                                        # ours alone
    python benchmarks/trackers.py --roboflow VENV/bin/python --norfair VENV/bin/python    # rivals, installed there

Each run is a process of its own, and they take turns; the figure is the quickest of the repeats within a process, the
median over rounds. Association alone is measured: all objects that a tracker takes are made beforehand.

Detections: a synthetic street (people of 60 to 160 pixels walk in 1920x1080 and turn at its edges; 5 % of them are
missed in each frame, as many boxes are false, boxes shake by 2 % of the height) with 50 and 200 people; the truth of
TUD-Campus and TUD-Stadtmitte, shaken likewise by 4 %, 10 % missed, one false box in five frames, scores lower where
the truth is hidden by others; and another tracker's results on both, without their ids (motmetrics 1.4.0 carries
them). All boxes that a tracker tells are its result, those that it predicts for frames in which somebody was missed too
(ours and norfair). Tracks are compared with the truth by our own metrics, which equal TrackEval's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from compoundeye.evaluate import Trajectories, box_overlap, clear, compare, hota, identity
from compoundeye.video import mot_detections, read_mot

WORKER = Path(__file__).with_name("trackers_worker.py")
SEEDS = 5
TUD_RATE = 25.0
OURS = ("ours:bytetrack", "ours:ocsort", "ours:sort")
ROBOFLOW = ("roboflow:bytetrack", "roboflow:bytetrack-paper", "roboflow:ocsort", "roboflow:sort")
NORFAIR = ("norfair:default", "norfair:quick")


@dataclass(frozen=True)
class Scene:
    """Detections of one clip, and the truth about it."""

    name: str
    boxes: list[np.ndarray]
    scores: list[np.ndarray]
    truth: Trajectories
    rate: float

    def save(self, path: Path) -> None:
        edges = np.cumsum([0, *map(len, self.boxes)])
        np.savez(path, boxes=np.concatenate(self.boxes), scores=np.concatenate(self.scores), edges=edges)


def street(people: int, frames: int = 300, seed: int = 0) -> Scene:
    """People who walk and turn, and what a detector makes of them."""
    draws = np.random.default_rng(seed)
    size = np.array([[1920.0], [1080.0]])
    height = draws.uniform(60, 160, people)
    width = height * draws.uniform(0.35, 0.55, people)
    place, pace = draws.uniform(0, size, (2, people)), draws.normal(0, 3, (2, people))
    truth = []
    for _ in range(frames):
        pace += draws.normal(0, 0.3, (2, people))
        place += pace
        pace = np.where(place < 0, np.abs(pace), np.where(place > size, -np.abs(pace), pace))
        half = np.stack([width, height]) / 2
        truth.append(np.concatenate([place - half, place + half]).T)
    ids = np.tile(np.arange(1, people + 1), (frames, 1))
    return seen(f"street of {people}", truth, list(ids), draws, 30.0, missed=0.05, false=0.05 * people, shake=0.02)


def seen(
    name: str,
    truth: list[np.ndarray],
    ids: list[np.ndarray],
    draws: np.random.Generator,
    rate: float,
    *,
    missed: float,
    false: float,
    shake: float,
) -> Scene:
    """What an imperfect detector says of the truth: lower scores for those whom somebody in front hides."""
    found, scores = [], []
    everybody = np.concatenate(truth)
    for boxes in truth:
        hidden = (box_overlap(boxes, boxes) * (boxes[None, :, 3] > boxes[:, None, 3])).max(axis=1, initial=0)
        kept = draws.random(len(boxes)) > missed
        shaken = boxes + draws.normal(0, shake, boxes.shape) * (boxes[:, 3:] - boxes[:, 1:2])
        strays = everybody[draws.integers(0, len(everybody), draws.poisson(false))]
        strays = strays + draws.normal(0, 1, (len(strays), 1)) * (strays[:, 3:] - strays[:, 1:2])
        found.append(np.concatenate([shaken[kept], strays]))
        score = np.clip(draws.normal(0.8, 0.12, len(boxes)) - 0.6 * hidden, 0.05, 1)
        scores.append(np.concatenate([score[kept], draws.uniform(0.1, 0.7, len(strays))]))
    numbers = np.repeat(np.arange(1, len(truth) + 1), [len(one) for one in truth])
    return Scene(name, found, scores, Trajectories(numbers, np.concatenate(ids), everybody), rate)


def tud() -> list[Scene]:
    """The two clips; none where motmetrics is not installed."""
    spec = find_spec("motmetrics")
    if spec is None or spec.origin is None:
        return []
    scenes = []
    for clip in ("TUD-Campus", "TUD-Stadtmitte"):
        folder = Path(spec.origin).parent / "data" / clip
        read = read_mot(folder / "gt.txt")
        truth = Trajectories(read.frames, read.ids, read.boxes)
        last = int(read.frames.max())
        at = [read.frames == frame for frame in range(1, last + 1)]
        boxes, ids = [read.boxes[which] for which in at], [read.ids[which] for which in at]
        for seed in range(SEEDS):
            draws = np.random.default_rng(seed)
            scenes.append(seen(f"{clip} shaken", boxes, ids, draws, TUD_RATE, missed=0.1, false=0.2, shake=0.04))
        others = [one for _, one in mot_detections(read_mot(folder / "test.txt"))]
        scenes.append(
            Scene(f"{clip} as found", [one.boxes for one in others], [one.scores for one in others], truth, TUD_RATE)
        )
    return scenes


def measure(
    python: str, tracker: str, scene: Scene, place: Path, repeats: int
) -> tuple[dict[str, float], Trajectories]:
    # -P: this folder holds a file that is called as one of the rivals is.
    source, target = place / "detections.npz", place / "tracks.npz"
    scene.save(source)
    command = [python, "-P", str(WORKER), tracker, str(source), str(target), str(scene.rate), str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{tracker} did not run: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    said = json.loads(done.stdout.splitlines()[-1])
    told = np.load(target)
    return said, Trajectories(told["frames"], told["ids"], told["boxes"])


def quality(scenes: list[tuple[Scene, Trajectories]]) -> dict[str, float]:
    """Over all scenes as one."""
    compared = [compare(scene.truth, tracks) for scene, tracks in scenes]
    of_clear = clear(*compared)
    return {
        "HOTA": 100 * hota(*compared).summary()["HOTA"],
        "MOTA": 100 * of_clear.mota,
        "IDF1": 100 * identity(*compared).f1,
        "IDSW": float(of_clear.switches),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--roboflow", help="an interpreter that has trackers")
    parser.add_argument("--norfair", help="an interpreter that has norfair")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    runs = [(sys.executable, name) for name in OURS]
    runs += [(options.roboflow, name) for name in ROBOFLOW if options.roboflow]
    runs += [(options.norfair, name) for name in NORFAIR if options.norfair]
    report: dict[str, dict[str, object]] = {name: {} for _, name in runs}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for people in (50, 200):
            scene = street(people)
            speed: dict[str, list[float]] = {name: [] for _, name in runs}
            for round_ in range(options.rounds):
                for python, name in runs:
                    said, tracks = measure(python, name, scene, place, 3 if name in OURS else 1)
                    speed[name].append(said["frames"] / said["cpu_s"])
                    if not round_:
                        report[name][scene.name] = quality([(scene, tracks)])
                        report[name]["version"] = said["version"]
            for name, values in speed.items():
                report[name][f"frames per CPU-s, {people} boxes"] = statistics.median(values)
        groups: dict[str, list[Scene]] = {}
        for scene in tud():
            groups.setdefault(scene.name, []).append(scene)
        for group, scenes in groups.items():
            for python, name in runs:
                told = [(scene, measure(python, name, scene, place, 1)[1]) for scene in scenes]
                report[name][group] = quality(told)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        show(report)


def show(report: dict[str, dict[str, object]]) -> None:
    for name, facts in report.items():
        print(f"{name} {facts['version']}")
        for key, value in facts.items():
            if isinstance(value, dict):
                print(f"  {key:24} " + "  ".join(f"{metric} {figure:6.2f}" for metric, figure in value.items()))
            elif isinstance(value, float):
                print(f"  {key:32} {value:8.0f}")


if __name__ == "__main__":
    main()
