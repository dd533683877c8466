"""What it costs to have every frame of a recording at the size that a model takes, beside the usual ways.

    python benchmarks/video_decode.py [--turns 7] [--frames 300] [--clip FILE] [--decord PYTHON] [--json]

Recordings: vtest.avi of OpenCV (people in a street) as H.264 of 1280 x 720 and of 1920 x 1080, made by FFmpeg (libx264,
medium, CRF 23). All contestants take turns in one process, on one decoding thread; processor time a frame, the median
of the turns. "x bare" is the ratio to the same decoder that nobody looks at: what scaling and conversion add. Those of
size 416 x 234 give what letterboxing into 416 x 416 needs; 640 x 360 likewise. ``--decord`` names a Python of an
environment with decord, which is measured in a process of its own, in the same turns; its frames have the same size.

With ``--threads N`` all decode in N threads, and elapsed time is the figure to look at.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation

from compoundeye.video import open_source

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "video"))
from samples import fetch

SIZES = {"416": (416, 234), "640": (640, 360)}
CLIPS = {"720p": (1280, 720), "1080p": (1920, 1080)}
# What runs in the other environment: a line with path, size, frames and threads in, processor and elapsed seconds out.
DECORD = """
import json, sys, time
from decord import VideoReader, cpu
for line in sys.stdin:
    path, width, height, frames, threads = json.loads(line)
    processor, clock = time.process_time(), time.perf_counter()
    reader = VideoReader(path, ctx=cpu(0), width=width, height=height, num_threads=threads)
    for index in range(frames):
        reader[index].asnumpy()
    print(json.dumps([time.process_time() - processor, time.perf_counter() - clock]), flush=True)
"""


def clip(folder: Path, name: str, frames: int) -> Path:
    width, height = CLIPS[name]
    path = folder / f"{name}.mp4"
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(fetch("vtest.avi")), "-frames:v", str(frames)]
    command += ["-vf", f"scale={width}:{height}:flags=bicubic", "-c:v", "libx264", "-crf", "23", str(path)]
    subprocess.run(command, check=True)
    return path


def decoded(path: Path, threads: int) -> Iterator[av.VideoFrame]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = threads
        stream.codec_context.thread_type = "AUTO"
        yield from container.decode(stream)


def bare(path: Path, threads: int) -> int:
    return sum(1 for _ in decoded(path, threads))


def ours_unseen(path: Path, threads: int) -> int:
    with open_source(path, stream="street", threads=threads) as source:
        return sum(1 for _ in source.frames())


def ours(size: tuple[int, int] | None) -> Callable[[Path, int], int]:
    def run(path: Path, threads: int) -> int:
        with open_source(path, stream="street", threads=threads) as source:
            return sum(frame.image.rgb(*(size or (None, None))).ndim == 3 for frame in source.frames())

    return run


def swscale(size: tuple[int, int], how: Interpolation) -> Callable[[Path, int], int]:
    def run(path: Path, threads: int) -> int:
        return sum(
            frame.reformat(*size, "rgb24", interpolation=how, threads=1).to_ndarray().ndim == 3
            for frame in decoded(path, threads)
        )

    return run


def pyav_whole(size: tuple[int, int] | None) -> Callable[[Path, int], int]:
    def run(path: Path, threads: int) -> int:
        count = 0
        for frame in decoded(path, threads):
            pixels = frame.to_ndarray(format="rgb24")
            count += (pixels if size is None else cv2.resize(pixels, size)).ndim == 3
        return count

    return run


def opencv(size: tuple[int, int] | None) -> Callable[[Path, int], int]:
    def run(path: Path, threads: int) -> int:
        reader, count = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads]), 0
        while True:
            there, pixels = reader.read()
            if not there:
                return count
            if size is not None:
                pixels = cv2.resize(pixels, size)
            count += pixels.ndim == 3

    return run


def contestants() -> dict[str, Callable[[Path, int], int]]:
    found: dict[str, Callable[[Path, int], int]] = {
        "bare: PyAV, nobody looks": bare,
        "bare: ours, nobody looks": ours_unseen,
        "whole: ours": ours(None),
        "whole: PyAV to rgb24": pyav_whole(None),
        "whole: OpenCV read": opencv(None),
    }
    for name, size in SIZES.items():
        found |= {
            f"{name}: ours": ours(size),
            f"{name}: swscale, fast bilinear": swscale(size, Interpolation.FAST_BILINEAR),
            f"{name}: swscale, bilinear": swscale(size, Interpolation.BILINEAR),
            f"{name}: PyAV to rgb24 + resize": pyav_whole(size),
            f"{name}: OpenCV read + resize": opencv(size),
        }
    return found


class Decord:
    """The worker in the other environment."""

    def __init__(self, python: str) -> None:
        self._worker = subprocess.Popen(
            [python, "-c", DECORD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, path: Path, size: tuple[int, int], frames: int, threads: int) -> tuple[float, float]:
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        print(json.dumps([str(path), *size, frames, threads]), file=self._worker.stdin, flush=True)
        processor, elapsed = json.loads(self._worker.stdout.readline())
        return processor, elapsed

    def close(self) -> None:
        self._worker.communicate()


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    processor, clock = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - processor, time.perf_counter() - clock


def measured(
    path: Path, frames: int, turns: int, threads: int, decord: Decord | None, only: str
) -> list[dict[str, Any]]:
    """Processor and elapsed time a frame, in ms, of each contestant; the first turn is for warming up."""
    ways = {name: way for name, way in contestants().items() if way is bare or re.search(only, name)}
    spent = dict[str, list[tuple[float, float]]]()
    for turn in range(turns + 1):
        for name, way in ways.items():
            if turn == 0:
                assert way(path, threads) == frames, name
            spent.setdefault(name, []).append(timed(lambda way=way: way(path, threads)))  # type: ignore[misc]
        for name, size in SIZES.items() if decord is not None else ():
            spent.setdefault(f"{name}: decord", []).append(decord(path, size, frames, threads))  # type: ignore[misc]
    rows = []
    for name, times in spent.items():
        processor, elapsed = (statistics.median(part) / frames * 1e3 for part in zip(*times[1:], strict=True))
        rows.append({"contestant": name, "cpu_ms": processor, "elapsed_ms": elapsed})
    for row in rows:
        row["x_bare"] = row["cpu_ms"] / rows[0]["cpu_ms"]
        row["x_bare_elapsed"] = row["elapsed_ms"] / rows[0]["elapsed_ms"]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", metavar="PATTERN", help="contestants whose names hold this")
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--decord", metavar="PYTHON")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    decord = Decord(asked.decord) if asked.decord else None
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        clips = {asked.clip.name: asked.clip} if asked.clip else {n: clip(Path(folder), n, asked.frames) for n in CLIPS}
        for name, path in clips.items():
            results[name] = measured(path, bare(path, 1), asked.turns, asked.threads, decord, asked.only)
    if decord is not None:
        decord.close()
    if asked.json:
        machine = {
            "processor": platform.processor(),
            "av": av.__version__,
            "cv2": cv2.__version__,
            "numpy": np.__version__,
        }
        print(json.dumps({"machine": machine, "threads": asked.threads, "clips": results}, indent=1))
        return
    for name, rows in results.items():
        print(f"\n{name}, {asked.threads} thread(s){'':14} CPU ms   x bare  elapsed ms   x bare   frames/CPU-s")
        for row in rows:
            figures = (
                f"{row['cpu_ms']:6.3f} {row['x_bare']:8.3f} {row['elapsed_ms']:11.3f} {row['x_bare_elapsed']:8.3f}"
            )
            print(f"{row['contestant']:34} {figures} {1e3 / row['cpu_ms']:14.0f}")


if __name__ == "__main__":
    main()
