"""The whole pipeline on this machine: how fast it looks at every frame, and how late events of a live street are.

    python benchmarks/video_pipeline.py                 # two minutes
    python benchmarks/video_pipeline.py --detector yolov4-tiny --seconds 60 --json

Video: vtest.avi of OpenCV (768x576, people in a street), made 640 wide and 25 frames a second by FFmpeg, so that 795
frames last 32 s; played over and over. Two questions:

- lossless: frames a second from the file to the traffic application, against the detector alone on frames of the same
  video that were decoded and prepared before: one that has all threads, or one a thread, whichever is faster. Both take
  turns, three times, and the medians are compared: "share" is 1 where decoding, tracking and counting cost nothing.
- live: the file plays at its own pace as a camera does; looked at, dropped, and the latency from capture (when a frame
  was due) to its events being with the sink, over all frames.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event as Flag
from threading import Thread, Timer
from typing import Any

from compoundeye.apps import application
from compoundeye.events import open_sink
from compoundeye.video import DetectorSettings, SiteOf, Watched, detector_look, open_source, site_of, watch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "video"))
from samples import fetch

WIDTH, RATE, TURNS = 640, 25, 3
THREADS = len(os.sched_getaffinity(0))
LINES = {"across": {"points": [[0, 250], [WIDTH, 250]]}, "down": {"points": [[320, 0], [320, 480]]}}


def street(folder: Path, rounds: int) -> Path:
    """The street as a city camera would send it: H.264, 640 wide, 25 frames a second."""
    path = folder / f"street-{rounds}.mp4"
    scaled = f"setpts=N/({RATE}*TB),scale={WIDTH}:-2"
    words = ["ffmpeg", "-y", "-loglevel", "error", "-stream_loop", str(rounds - 1), "-i", str(fetch("vtest.avi"))]
    words += ["-vf", scaled, "-r", str(RATE), "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
    subprocess.run([*words, str(path)], check=True)
    return path


def watched(path: Path, folder: Path, detector: str, *, live: bool, seconds: float | None = None) -> Watched:
    """One run of the whole pipeline, as the command starts it; stopped after so many seconds."""
    stop = Flag()
    values = {
        "streams": {"street": {"source": str(path), "live": live}},
        "detector": {"name": detector},
        "traffic": {"lines": LINES},
    }
    sink = open_sink(str(folder / f"events-{time.monotonic_ns()}.sqlite"))
    if seconds is not None:
        timer = Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()
    return watch(SiteOf(site_of(values), application("traffic")), sink=sink, stop=stop, threads=THREADS)


def alone(path: Path, detector: str, looks: int, frames: int = 160) -> tuple[float, float]:
    """The detector by itself, so many that share the threads: frames a second, and processor seconds a frame."""
    made = [detector_look(DetectorSettings(name=detector), threads=max(1, THREADS // looks)) for _ in range(looks)]
    with open_source(path, stream="street") as source:
        given = [frame for frame, _ in zip(source.frames(), range(frames), strict=False)]
        prepared = [made[0].prepare(frame) for frame in given]

    def run(number: int) -> None:
        for at in range(number, frames, looks):
            made[number](given[at : at + 1], prepared[at : at + 1])

    threads = [Thread(target=run, args=(number,)) for number in range(looks)]
    began, used = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return frames / (time.perf_counter() - began), (time.process_time() - used) / frames


def lossless(path: Path, folder: Path, detector: str) -> dict[str, Any]:
    """The pipeline and the detector alone, in turns."""
    whole, single, processor, detecting = list[float](), list[float](), list[float](), list[float]()
    by_looks = dict[int, list[float]]()
    for _ in range(TURNS):
        # Whichever uses the processor better is what the pipeline is held against.
        tried = {looks: alone(path, detector, looks) for looks in sorted({1, THREADS})}
        rate, seconds = max(tried.values())
        single.append(rate)
        for looks, (each, _) in tried.items():
            by_looks.setdefault(looks, []).append(each)
        detecting.append(seconds)
        used = time.process_time()
        (found,), seconds = (result := watched(path, folder, detector, live=False)).streams, result.seconds
        whole.append(found["looked"] / seconds)
        processor.append((time.process_time() - used) / found["looked"])
    share = statistics.median(whole) / statistics.median(single)
    return {
        "frames_per_s": statistics.median(whole),
        "detector_alone_per_s": statistics.median(single),
        "detector_alone_by_looks": {looks: statistics.median(each) for looks, each in by_looks.items()},
        "share": share,
        "processor_ms_a_frame": 1e3 * statistics.median(processor),
        "detector_processor_ms_a_frame": 1e3 * statistics.median(detecting),
    }


def live(path: Path, folder: Path, detector: str, seconds: float) -> dict[str, Any]:
    """A camera of 25 frames a second."""
    (found,), lasted = (result := watched(path, folder, detector, live=True, seconds=seconds)).streams, result.seconds
    return {
        "seconds": lasted,
        "looked": found["looked"],
        "frames_per_s": found["looked"] / lasted,
        "dropped": found["dropped"],
        "latency_ms": found["latency_ms"],
        "events": found["events"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default=DetectorSettings().name)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        short = street(folder, 1)
        found = {
            "detector": options.detector,
            "threads": THREADS,
            "lossless": lossless(short, folder, options.detector),
            "live": live(
                street(folder, 1 + int(options.seconds * RATE) // 795), folder, options.detector, options.seconds
            ),
        }
    if options.json:
        print(json.dumps(found, indent=2))
        return
    one, other = found["lossless"], found["live"]
    print(f"{options.detector}, {THREADS} threads")
    print(
        f"lossless: {one['frames_per_s']:.1f} frames/s, detector alone {one['detector_alone_per_s']:.1f}, "
        f"share {one['share']:.2f}; {one['processor_ms_a_frame']:.1f} ms of processor a frame, "
        f"of which the detector {one['detector_processor_ms_a_frame']:.1f}"
    )
    print(
        f"live: {other['looked']} of {other['looked'] + other['dropped']} frames in {other['seconds']:.0f} s "
        f"({other['frames_per_s']:.1f}/s), from capture to event {other['latency_ms']}"
    )


if __name__ == "__main__":
    main()
