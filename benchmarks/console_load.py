"""Many people in the console at once: a real server process on loopback, and sessions that browse it.

    python benchmarks/console_load.py --count 1000000 --place DIR
    python benchmarks/console_load.py --count 1000000 --place DIR --pause 0   # nobody ever looks at what they got

Rows come from `console_rows`. A session does what a page does: asks for a filter and an order that nobody asked for
before (list, histogram and counts at once), the thumbnails, jumps to other places, looks at a picture, searches by
words. Between steps it pauses as people do, by an exponential distribution. Times are of whole answers, measured by the
client, which shares the machine with the server. Anything but 200 is an error.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from console_rows import KINDS, written

SORTS = ("ingested", "confidence", "category", "taken_at", "pixels", "bytes", "camera")
PAGE = 100
SHOWN = 40
"""Thumbnails of one screen."""


@contextmanager
def server(corpus: Path) -> Iterator[tuple[int, int]]:
    """`eye console` in a process of its own: its port and its process id."""
    command = [sys.executable, "-m", "compoundeye.cli", "console", str(corpus), "--port", "0", "--no-open", "--json"]
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"COMPOUNDEYE_HOME": home}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stdout is not None
            told = ""
            for line in process.stdout:
                told += line
                if line.rstrip() == "}" or told.rstrip().endswith("}"):
                    break
            yield json.loads(told)["port"], process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


class Session:
    """Somebody who browses, over one connection that is kept."""

    def __init__(self, port: int, corpus: str, seed: int, pause: float) -> None:
        self.spent: dict[str, list[float]] = defaultdict(list)
        self.errors: list[str] = []
        self._rng = np.random.default_rng(seed)
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._base = f"/api/v1/corpora/{corpus}"
        self._page = f"/c/{corpus}"
        self._pause = pause

    def browse(self, seconds: float) -> None:
        """Go round until the time is over."""
        end = time.monotonic() + seconds
        time.sleep(float(self._rng.random()) * self._pause)  # people do not come all at once
        self._get("page", self._page)
        while time.monotonic() < end:
            self._round(end)
        self._connection.close()

    def _round(self, end: float) -> None:
        question = self._question()
        listed = self._json("filter and sort", "/pictures", limit=PAGE, **question)
        self._json("histogram", "/histogram", column="category_confidence", **_filter(question))
        self._json("counts", "", **_filter(question))
        for jump in range(4):
            if not listed or not listed["items"] or time.monotonic() > end:
                return
            rows = ",".join(str(item["row"]) for item in listed["items"][:SHOWN])
            self._get(
                "thumbnails", f"{self._base}/thumbnails?{urlencode({'rows': rows, 'version': listed['version']})}"
            )
            self._wait()
            if jump < 3:
                where = int(self._rng.integers(listed["total"]))
                listed = self._json("scroll", "/pictures", limit=PAGE, offset=where, **question)
        if listed and listed["items"]:
            one = listed["items"][0]
            self._json("picture", f"/pictures/{one['id']}", row=one["row"])
            self._get("image", f"{self._base}/pictures/{one['id']}/image?row={one['row']}")
            self._wait()
        words = f"img_{self._rng.integers(10_000):05d}"
        self._json("words", "/pictures", limit=PAGE, text=words)
        self._wait()

    def _question(self) -> dict[str, Any]:
        rng = self._rng
        year = int(rng.integers(2015, 2024))
        drawn: tuple[dict[str, Any], ...] = (
            {"category": f"category {rng.integers(KINDS):03d}"},
            {"min_confidence": float(rng.random())},
            {"since": f"{year}-{rng.integers(1, 13):02d}"},
            {"min_size": int(rng.integers(300, 2000))},
            {"min_confidence": float(rng.random()), "since": year, "state": "done"},
        )
        order = {"sort": SORTS[rng.integers(len(SORTS))], "descending": bool(rng.integers(2))}
        return drawn[rng.integers(len(drawn))] | order

    def _wait(self) -> None:
        time.sleep(float(self._rng.exponential(self._pause)) if self._pause else 0)

    def _json(self, kind: str, path: str, **query: Any) -> Any:
        data = self._get(kind, f"{self._base}{path}?{urlencode(query)}")
        return json.loads(data) if data else None

    def _get(self, kind: str, path: str) -> bytes | None:
        start = time.perf_counter()
        try:
            self._connection.request("GET", path)
            told = self._connection.getresponse()
            data = told.read()
        except (OSError, HTTPException) as error:
            self.errors.append(f"{kind}: {error!r}")
            self._connection.close()
            return None
        self.spent[kind].append(time.perf_counter() - start)
        if told.status != 200:
            self.errors.append(f"{kind}: {told.status} {data[:200]!r}")
            return None
        return data


def _filter(question: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in question.items() if name not in ("sort", "descending")}


def quantiles(spent: list[float]) -> dict[str, float]:
    """Milliseconds, and how many there were."""
    ordered = sorted(1e3 * one for one in spent)
    at = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {
        "count": len(ordered),
        "median": round(statistics.median(ordered), 1),
        "p95": round(at, 1),
        "most": round(ordered[-1], 1),
    }


def process_state(pid: int) -> dict[str, float]:
    """Memory of a process in MB, now and at most, and its processor time."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return {
        "now_mb": int(lines["VmRSS"].split()[0]) // 1000,
        "peak_mb": int(lines["VmHWM"].split()[0]) // 1000,
        "cpu_s": (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"),
    }


def measure(corpus: Path, sessions: int, seconds: float, pause: float) -> dict[str, Any]:
    """All figures of one crowd."""
    with server(corpus) as (port, pid):
        begun = process_state(pid)
        people = [Session(port, corpus.stem, number, pause) for number in range(sessions)]
        threads = [threading.Thread(target=one.browse, args=(seconds,)) for one in people]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall = time.perf_counter() - start
        ended = process_state(pid)
    spent: dict[str, list[float]] = defaultdict(list)
    for one in people:
        for kind, found in one.spent.items():
            spent[kind] += found
    every = [time for found in spent.values() for time in found]
    errors = [error for one in people for error in one.errors]
    return {
        "sessions": sessions,
        "pause_s": pause,
        "seconds": round(wall, 1),
        "requests_per_s": round(len(every) / wall, 1),
        "errors": len(errors),
        "first_errors": errors[:5],
        "ms": {kind: quantiles(found) for kind, found in sorted(spent.items())} | {"all": quantiles(every)},
        "server": {
            "begun_mb": begun["now_mb"],
            "now_mb": ended["now_mb"],
            "peak_mb": ended["peak_mb"],
            "cpu_ms_a_request": round(1e3 * (ended["cpu_s"] - begun["cpu_s"]) / len(every), 1),
            "cores_used": round((ended["cpu_s"] - begun["cpu_s"]) / wall, 2),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--side", type=int, default=120)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds that people look, on average; 0 for none")
    options = parser.parse_args()
    path = written(options.count, options.place, 0, options.side)
    report = {"rows": options.count, "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    print(json.dumps(report | measure(path, options.sessions, options.seconds, options.pause), indent=2))


if __name__ == "__main__":
    main()
