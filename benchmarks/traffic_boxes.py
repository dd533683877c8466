"""Which detector finds people in a street: average precision on boxes drawn by eye.

    python benchmarks/traffic_boxes.py [--detector yolox-tiny-humanart ...] [--json]

The truth is benchmarks/truth/vtest_boxes.toml: ten frames, 55 people, most of them 60 to 110 pixels tall. AP50 and AP75
are COCO's, of the class "person"; "at 0.4" is what a user sees who shows what scores 0.4 or more: the share of people
found at an overlap of one half, and false boxes a frame. Hidden people count neither way. So few people tell detectors
apart only if they differ by about a tenth: the interval beside the share says so.
"""

from __future__ import annotations

import argparse
import json
import runpy
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compoundeye.evaluate import BoxTruth, box_overlap, detection_scores, wilson_interval
from compoundeye.models import catalogue, load_detector
from compoundeye.records import Detections, Frame
from compoundeye.video import open_source

HERE = Path(__file__).parent
SURE = 0.4
OVERLAP = 0.5


def truth() -> tuple[Path, dict[int, BoxTruth]]:
    """The clip, and boxes by number of frame."""
    told = tomllib.loads((HERE / "truth" / "vtest_boxes.toml").read_text())
    path = runpy.run_path(str(HERE.parent / "tests" / "video" / "samples.py"))["fetch"](told["clip"])
    boxes = {}
    for one in told["frames"]:
        both = np.array([*one["boxes"], *one["hidden"]], np.float64)
        crowd = np.arange(len(both)) >= len(one["boxes"])
        boxes[int(one["frame"])] = BoxTruth(both, np.zeros(len(both), np.int32), crowd)
    return Path(path), boxes


def frames(path: Path, wanted: Sequence[int]) -> list[Frame]:
    """Those frames of a clip."""
    with open_source(str(path), stream=path.stem) as source:
        return [frame for frame in source.frames() if frame.index in wanted]


def people(name: str, pictures: Sequence[Frame]) -> list[Detections]:
    """What a detector finds, people only."""
    detector = load_detector(name)
    found = []
    for frame in pictures:
        image = frame.image
        (seen,) = detector([detector.prepare(image)], [(image.width, image.height)], min_score=0.05)
        kept = seen[seen.classes == seen.names.index("person")]
        found.append(Detections(kept.boxes, kept.scores, np.zeros(len(kept), np.int32), ("person",)))
    return found


def seen_by_a_user(boxes: Sequence[BoxTruth], found: Sequence[Detections]) -> dict[str, Any]:
    """Found people and false boxes among what is sure."""
    wanted = hits = ghosts = 0
    for one, seen in zip(boxes, found, strict=True):
        assert one.crowd is not None
        sure = seen.boxes[seen.scores >= SURE].astype(np.float64)
        fits = box_overlap(one.boxes, sure) >= OVERLAP
        wanted += int((~one.crowd).sum())
        hits += int(fits[~one.crowd].any(1).sum())
        ghosts += int((~fits.any(0)).sum())
    low, high = wilson_interval(hits, wanted)
    return {"people": wanted, "found": hits / wanted, "low": low, "high": high, "false": ghosts / len(boxes)}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [name for name, card in catalogue().items() if card.task == "detect"]
    parser.add_argument("--detector", nargs="+", default=known)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    path, boxes = truth()
    pictures = frames(path, list(boxes))
    rows = []
    for name in given.detector:
        found = people(name, pictures)
        scores = detection_scores(list(boxes.values()), found, 1).summary()
        rows.append({"detector": name} | scores | seen_by_a_user(list(boxes.values()), found))
    if given.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        share = f"{row['found']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        print(
            f"{row['detector']:20} AP50 {row['AP50']:.3f}  AP75 {row['AP75']:.3f}  at {SURE}: found {share} of "
            f"{row['people']}, false {row['false']:.1f} a frame"
        )


if __name__ == "__main__":
    main()
