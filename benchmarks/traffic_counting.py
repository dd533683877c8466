"""Who crosses which line in real clips: the traffic app beside counts by hand.

    python benchmarks/traffic_counting.py [--clip vtest] [--detector yolov4-tiny ...] [--tracker bytetrack ...]
        [--every 1 2 5] [--json]

The truth is benchmarks/truth/*.toml, which say how they were counted. Each clip goes through the detector once; each
tracker and the rules of the app, with their default settings, then take the same detections. A crossing is right if
line, direction, and person or vehicle agree, and the time to within half a second. What the truth calls doubtful counts
neither way. The error is (counted - truth) / truth; missed and false ones, which cancel out in it, stand beside it. A
zone is right where the people seen in it are as many as were counted there by hand.
"""

from __future__ import annotations

import argparse
import json
import runpy
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from compoundeye.apps.traffic import APPLICATION, TrafficSettings
from compoundeye.evaluate import CountingError, counting_error
from compoundeye.records import Detections, Event, Frame
from compoundeye.video import TRACKERS, ArrayImage, Stream, checked, open_source

HERE = Path(__file__).parent
VEHICLES = ("bicycle", "car", "motorcycle", "bus", "truck")
TOLERANCE_S = 0.5
"""Bodies are seen to touch a line to within two frames of 0.1 s; the point that a counter takes differs by a little."""


class Seen(NamedTuple):
    """A clip after the detector, which is the slow part."""

    stream: Stream
    frames: list[Frame]
    found: list[Detections]


def clip(name: str) -> Path:
    """Where a sample lies, checked by its digest."""
    return Path(runpy.run_path(str(HERE.parent / "tests" / "video" / "samples.py"))["fetch"](name))


def truth(name: str) -> dict[str, Any]:
    """What was counted by hand."""
    return tomllib.loads((HERE / "truth" / f"{name}.toml").read_text())


def settings(told: Mapping[str, Any], detector: str, tracker: str = "bytetrack") -> TrafficSettings:
    """The app's own, with the lines of the truth."""
    lines = {
        line["name"]: {
            "points": line["points"],
            "in_name": line["in"],
            "out_name": line["out"],
            "classes": line["classes"],
        }
        for line in told["lines"]
    }
    zones = {zone["name"]: {"points": zone["points"], "classes": [zone["class"]]} for zone in told.get("zones", ())}
    values = {
        "detector": {"name": detector},
        "tracker": {"name": tracker},
        "lines": lines,
        "zones": zones,
        "interval_s": 86400,
    }
    return checked(TrafficSettings, values, "the truth")


def look(path: Path, chosen: TrafficSettings) -> Seen:
    """Every frame through the detector."""
    looks = APPLICATION.look(chosen)
    with open_source(str(path), stream=path.stem) as source:
        stream = Stream(path.stem, source.width, source.height, source.rate, "benchmark")
        blank = ArrayImage(np.zeros((source.height, source.width, 3), np.uint8))
        frames, found = [], []
        for frame in source.frames():
            found.extend(looks([frame], [looks.prepare(frame)]))
            frames.append(replace(frame, image=blank))  # decoded pictures of a whole clip would not fit
    return Seen(stream, frames, found)


def run(seen: Seen, chosen: TrafficSettings, every: int = 1) -> tuple[list[Event], list[dict[str, int]]]:
    """Crossings that the app tells when it sees one frame in so many, and how many it sees in each zone by frame."""
    app = APPLICATION.open(seen.stream, chosen)
    told, filled = list[Event](), list[dict[str, int]]()
    for frame, found in zip(seen.frames[::every], seen.found[::every], strict=True):
        told.extend(app.step(frame, found).events)
        filled.extend([{name: zone["now"] for name, zone in app.state()["zones"].items()}] * every)
    told.extend(app.finish())
    return [event for event in told if event.kind == "crossing"], filled


def errors(
    told: Mapping[str, Any], events: Sequence[Event], known: Set[str]
) -> Iterator[tuple[str, str, str, CountingError]]:
    """Line, direction, person or vehicle, and how the counts compare."""
    counted, sure, doubtful = (defaultdict[tuple[str, str, str], list[Any]](list) for _ in range(3))
    for event in events:
        key = event.after["line"], event.after["name"], kind(event.after["class"])
        counted[key].append(event.time_s - (event.captured - event.start))
    for line in told["lines"]:
        for crossing in line["crossings"]:
            first, last = crossing["frames"]
            key = line["name"], crossing["to"], kind(crossing["class"])
            (doubtful if "doubt" in crossing else sure)[key].append((first / told["rate"], last / told["rate"]))
    for key in sorted({*counted, *sure}, key=lambda key: (key[2], key)):
        if key[2] not in known:
            continue  # this detector has no name for it
        error = counting_error(sure[key], counted[key], doubtful=doubtful[key], tolerance_s=TOLERANCE_S)
        yield *key, error


def fillings(told: Mapping[str, Any], filled: Sequence[Mapping[str, int]]) -> list[dict[str, Any]]:
    """How many were seen in each zone, beside how many were there, over the frames that were counted by hand."""
    rows = []
    for zone in told.get("zones", ()):
        seen = np.array([filled[one["frame"]][zone["name"]] for one in zone["seen"]])
        least, most = (np.array([one[end] for one in zone["seen"]]) for end in ("least", "most"))
        off = np.maximum(0, np.maximum(least - seen, seen - most))
        true = [float(least.mean()), float(most.mean())]
        rows.append({"zone": zone["name"], "frames": len(seen), "mean": float(seen.mean()), "truth_mean": true}
                    | {"right": int((off == 0).sum()), "off": float(off.mean())})  # fmt: skip
    return rows


def kind(name: str) -> str:
    """As the truth tells things apart."""
    return "person" if name == "person" else "vehicle"


def row(told: Mapping[str, Any], events: Sequence[Event], names: Sequence[str]) -> dict[str, Any]:
    """Plain values of one run."""
    found = list(errors(told, events, {kind(name) for name in names if name == "person" or name in VEHICLES}))
    parts = [
        {"line": line, "direction": to, "kind": of, "truth": error.truth, "counted": error.counted}
        | {"missed": error.missed, "false": error.false}
        for line, to, of, error in found
    ]
    total = sum((error for *_, error in found), CountingError(0, 0, 0))
    low, high = total.interval()
    return {
        "truth": total.truth,
        "counted": total.counted,
        "missed": total.missed,
        "false": total.false,
        "error": total.error,
        "low": low,
        "high": high,
        "recall": total.recall,
        "precision": total.precision,
        "parts": parts,
    }


def lines(one: Mapping[str, Any]) -> str:
    """One run, for people."""
    error = f"{one['error']:+6.1%} ({one['low']:+.1%} to {one['high']:+.1%})"
    which = f"{one['clip']:6} {one['detector']:20} {one['tracker']:10} 1 in {one['every']:<2}"
    first = f"{which} truth {one['truth']:3}  counted {one['counted']:3}"
    parts = (
        f"    {part['line']:8} {part['direction']:6} {part['kind']:8}"
        f" truth {part['truth']:3}  counted {part['counted']:3}  missed {part['missed']:2}  false {part['false']:2}"
        for part in one["parts"]
    )
    zones = (
        f"    {zone['zone']:8} people at a time {zone['mean']:.2f}, truth {zone['truth_mean'][0]:.2f} to"
        f" {zone['truth_mean'][1]:.2f}; right in {zone['right']} of {zone['frames']} frames, off by {zone['off']:.2f}"
        for zone in one["zones"]
    )
    return "\n".join([f"{first}  missed {one['missed']:2}  false {one['false']:2}  error {error}", *parts, *zones])


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", nargs="+", default=["vtest", "bikes"])
    parser.add_argument("--detector", nargs="+", default=["yolox-tiny-humanart"])
    parser.add_argument("--tracker", nargs="+", default=sorted(TRACKERS))
    parser.add_argument("--every", type=int, nargs="+", default=[1], help="one frame in so many, as of a busy machine")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = []
    for name in given.clip:
        told = truth(name)
        for detector in given.detector:
            seen = look(clip(told["clip"]), settings(told, detector))
            for tracker, every in product(given.tracker, given.every):
                events, filled = run(seen, settings(told, detector, tracker), every)
                about = {
                    "clip": name,
                    "detector": detector,
                    "tracker": tracker,
                    "every": every,
                    "zones": fillings(told, filled),
                }
                rows.append(about | row(told, events, seen.found[0].names))
    print(json.dumps(rows, indent=2) if given.json else "\n".join(map(lines, rows)))


if __name__ == "__main__":
    main()
