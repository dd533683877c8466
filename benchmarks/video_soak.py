"""Eight cameras on one model for ten minutes: memory, fairness, and a camera that dies twenty times.

    python benchmarks/video_soak.py                      # ten minutes
    python benchmarks/video_soak.py --seconds 120 --json

Seven streams are recordings that play at their own pace: the newest frame wins. The eighth is a camera, GStreamer's
RTSP server, which is killed (SIGKILL) and started again twenty times. All go through one detector into the traffic
application and a SQLite store. Printed, and checked where a promise is made:

- memory of the process (resident), after the first minute and at the end: growth in MiB an hour, by least squares;
- fairness: frames looked at of the seven, least and most, within 10 % of their mean;
- the killed camera: reconnections, and whether its frame numbers, its drops and what was looked at add up;
- latency from capture to event with the model fully loaded, and frames dropped because of that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import numpy as np

from compoundeye.apps import application
from compoundeye.events import open_sink
from compoundeye.video import DetectorSettings, Seen, SiteOf, site_of, watch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "video"))
sys.path.insert(0, str(Path(__file__).parent))
from cameras import RtspCamera

from video_pipeline import LINES, THREADS, street

STREAMS, KILLS, WARM_S = 8, 20, 60.0
CAMERA = "rtsp"


class Ledger:
    """A viewer: each stream's frames add up, in order."""

    def __init__(self) -> None:
        self.last = dict[str, tuple[int, float, int]]()
        self.looked = dict[str, int]()
        self.wrong = list[str]()

    def see(self, seen: Seen) -> None:
        """Check one frame against the one before."""
        name, frame = seen.stream.name, seen.frame
        index, time_s, dropped = self.last.get(name, (-1, -1.0, 0))
        if frame.index <= index or frame.time_s <= time_s or frame.dropped < dropped:
            self.wrong.append(f"{name}: {frame.index} at {frame.time_s} s after {index} at {time_s} s")
        if frame.index != self.looked.get(name, 0) + frame.dropped:
            self.wrong.append(f"{name}: number {frame.index} is not {self.looked.get(name, 0)} + {frame.dropped}")
        self.last[name] = frame.index, frame.time_s, frame.dropped
        self.looked[name] = self.looked.get(name, 0) + 1

    def close(self) -> None:
        """Nothing is held."""


class Samples:
    """The state of each second: memory, and how the killed camera is doing."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.memory = list[tuple[float, float]]()
        self.camera: dict[str, Any] = {}
        self.changed = Flag()

    def __call__(self, states: Sequence[dict[str, Any]]) -> None:
        """Called by the watch."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.memory.append((time.monotonic() - self.began, pages * os.sysconf("SC_PAGE_SIZE") / 2**20))
        self.camera = next(state for state in states if state["stream"] == CAMERA)
        self.changed.set()

    def until(self, stop: Flag, **wanted: Any) -> bool:
        """Whether the camera came into this state before the end."""
        while not stop.is_set():
            if self.camera and all(self.camera[key] == value for key, value in wanted.items()):
                return True
            self.changed.wait(5)
            self.changed.clear()
        return False


def killer(camera: RtspCamera, samples: Samples, stop: Flag, seconds: float, kills: list[float]) -> None:
    """Cut the camera's power at even intervals, and give it back once the watch has noticed."""
    for number in range(KILLS):
        stop.wait(max(0.0, samples.began + (number + 1) * seconds / (KILLS + 2) - time.monotonic()))
        if not samples.until(stop, source="running"):
            return
        camera.kill()
        kills.append(time.monotonic() - samples.began)
        if not samples.until(stop, source="waiting"):
            return
        camera.start()
        samples.until(stop, source="running", reconnects=len(kills))


def soak(folder: Path, detector: str, seconds: float) -> dict[str, Any]:
    """Watch eight streams, and say how it went."""
    short = street(folder, 1)
    long = folder / "long.mp4"
    rounds = str(int(seconds // 30) + 2)
    words = ["ffmpeg", "-loglevel", "error", "-stream_loop", rounds, "-i", str(short), "-c", "copy", str(long)]
    subprocess.run(words, check=True)
    camera = RtspCamera(long)
    camera.start()
    samples, ledger, stop, kills = Samples(), Ledger(), Flag(), list[float]()
    streams = {f"file{at}": {"source": str(long), "live": True} for at in range(STREAMS - 1)}
    streams[CAMERA] = {"source": camera.address}
    site = site_of({"streams": streams, "detector": {"name": detector}, "traffic": {"lines": LINES}})
    threads = [
        Thread(target=killer, args=(camera, samples, stop, seconds, kills), daemon=True),
        Thread(target=lambda: (stop.wait(seconds), stop.set()), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        found = watch(
            SiteOf(site, application("traffic")),
            sink=open_sink(str(folder / "events.sqlite")),
            viewers=[ledger],
            tell=samples,
            stop=stop,
            threads=THREADS,
        )
    finally:
        stop.set()
        camera.kill()
    return _report(found.streams, found.seconds, samples, ledger, kills)


def _report(
    streams: Sequence[dict[str, Any]], seconds: float, samples: Samples, ledger: Ledger, kills: Sequence[float]
) -> dict[str, Any]:
    files = [one["looked"] for one in streams if one["stream"] != CAMERA]
    camera = next(one for one in streams if one["stream"] == CAMERA)
    warm = [(at, mib) for at, mib in samples.memory if at >= min(WARM_S, seconds / 3)]
    slope = float(np.polyfit(*map(np.array, zip(*warm, strict=True)), 1)[0]) * 3600
    mean = sum(files) / len(files)
    return {
        "seconds": seconds,
        "looked_per_s": sum(one["looked"] for one in streams) / seconds,
        "memory_mib": {"warm": warm[0][1], "end": warm[-1][1], "growth_per_hour": slope},
        "looked": {one["stream"]: one["looked"] for one in streams},
        "fair_within": max(max(files) - mean, mean - min(files)) / mean,
        "kills": len(kills),
        "reconnects": camera["reconnects"],
        "camera": {key: camera[key] for key in ("frames", "looked", "dropped", "damaged")},
        "wrong": ledger.wrong[:5],
        "dropped": {one["stream"]: one["dropped"] for one in streams},
        "state": {one["stream"]: one["source_error"] or one["source"] for one in streams},
        "latency_ms": {one["stream"]: one["latency_ms"] for one in streams},
        "events": sum(one["events"] for one in streams),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default=DetectorSettings().name)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        found = soak(Path(kept), options.detector, options.seconds)
    failures = [
        *found["wrong"],
        *(["not fair"] if found["fair_within"] > 0.1 else ()),
        *(["reconnections are missing"] if found["reconnects"] < found["kills"] else ()),
    ]
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        memory = found["memory_mib"]
        print(f"{found['seconds']:.0f} s, {found['looked_per_s']:.1f} frames/s looked at, {found['events']} events")
        print(f"memory {memory['warm']:.0f} to {memory['end']:.0f} MiB, {memory['growth_per_hour']:+.0f} MiB an hour")
        print(f"looked at {found['looked']}: fair within {found['fair_within']:.1%}")
        print(f"camera killed {found['kills']} times, back {found['reconnects']} times: {found['camera']}")
        print(f"latency from capture to event in ms: {found['latency_ms']}")
    for failure in failures:
        print(f"broken: {failure}", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
