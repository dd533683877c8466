"""How fast a person sees pictures: Chromium before a real `eye console` of many rows.

    python benchmarks/console_browser.py --count 1000000 --place DIR
    python benchmarks/console_browser.py --count 10000000 --place DIR --side 24

Rows come from `console_rows`. Measured in the page, from the act to the frame after which every tile in the window
has its picture:

- first grid: the address is opened in a browser that has the page's files, as the second page of a day (`cold`: in a
  browser that has nothing);
- scroll anywhere: the scroll bar is set to a place drawn at random. The grid waits 60 ms for the bar to rest before it
  asks, which is within the figure;
- filter and sort: a filter that nobody asked for before and another order, as links do it (one step of history);
- memory of the server: resident set, and its greatest so far.

The server and the browser share the machine, so on two cores they are in each other's way: figures are what a person
sees there, not what the server takes (`console_views` says that).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from console_rows import KINDS, written

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SORTS = ("confidence", "category", "taken_at", "pixels", "bytes", "camera")

SHOWN = """
() => {
  if (!document.getElementById("nothing").hidden) return true;
  const box = document.getElementById("scroller").getBoundingClientRect();
  const seen = [...document.querySelectorAll("#grid .cell")].filter((cell) => {
    const { top, bottom } = cell.getBoundingClientRect();
    return bottom > box.top && top < box.bottom;
  });
  return seen.length > 0 && document.getElementById("grid").getAttribute("aria-busy") === "false"
    && seen.every((cell) => cell.classList.contains("there"));
}
"""
"""Whether every tile in the window has its picture, or it is said that none fits."""

TIMED = f"""
async ([act, value]) => {{
  const shown = {SHOWN};
  const acts = {{
    scroll: () => {{
      const scroller = document.getElementById("scroller");
      scroller.scrollTop = value * (scroller.scrollHeight - scroller.clientHeight);
    }},
    ask: () => {{
      history.pushState(null, "", value);
      dispatchEvent(new PopStateEvent("popstate"));
    }},
  }};
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  const start = performance.now();
  acts[act]();
  await frame(); // what was to be seen before does not count
  while (!shown()) {{
    if (performance.now() - start > 60000) throw new Error("not shown within a minute");
    await frame();
  }}
  return performance.now() - start;
}}
"""

WATCH = f"""
addEventListener("DOMContentLoaded", () => {{
  const shown = {SHOWN};
  const look = () => {{ if (shown()) window.shownAt = performance.now(); else requestAnimationFrame(look); }};
  look();
}});
"""
"""From the beginning of the navigation, by the browser's own clock."""


def quantiles(spent: list[float]) -> dict[str, float]:
    """Of milliseconds."""
    ordered = sorted(spent)
    return {
        "median": round(statistics.median(ordered)),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]),
        "most": round(ordered[-1]),
        "times": len(ordered),
    }


@contextmanager
def served(path: Path) -> Iterator[tuple[str, int]]:
    """Address and process of a console of one corpus."""
    command = [sys.executable, "-m", "compoundeye.cli", "console", str(path), "--no-open", "--port", "0"]
    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"COMPOUNDEYE_HOME": home}
        ) as one,
    ):
        assert one.stdout is not None
        told = re.search(r"http://\S+", one.stdout.readline())
        if told is None:
            sys.exit("the console did not start")
        try:
            yield told[0], one.pid
        finally:
            one.send_signal(signal.SIGINT)


def memory(process: int) -> dict[str, int]:
    """Resident set in MB, now and at most."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return {"now_mb": values["VmRSS"] // 1000, "peak_mb": values["VmHWM"] // 1000}


def first_grid(browser: Browser, address: str, repeats: int, warm: bool) -> list[float]:
    """Milliseconds from the navigation to the pictures."""
    spent = []
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    for number in range(repeats + warm):
        if not warm:
            context.close()
            context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.add_init_script(WATCH)
        page.goto(address, wait_until="commit")
        page.wait_for_function("() => window.shownAt")  # a function: the policy of the page allows no eval
        if number or not warm:
            spent.append(float(page.evaluate("shownAt")))
        page.close()
    context.close()
    return spent


def question(rng: np.random.Generator) -> str:
    """A filter and an order that are new each time, as an address has them."""
    filters = (
        f"category=category {rng.integers(KINDS // 10):03d}",
        f"min_confidence={rng.uniform(0.1, 0.9):.4f}",
        f"since={rng.integers(2015, 2024)}-{rng.integers(1, 13):02d}",
        f"min_size={rng.integers(330, 1500)}",
        f"state=done&max_confidence={rng.uniform(0.5, 0.99):.4f}",
    )
    way = "&descending=true" if rng.integers(2) else ""
    return f"?{filters[rng.integers(len(filters))]}&sort={SORTS[rng.integers(len(SORTS))]}{way}".replace(" ", "+")


def timed(page: Page, act: str, value: object) -> float:
    """Milliseconds from an act to the pictures."""
    return float(page.evaluate(TIMED, [act, value]))


def measure(path: Path, repeats: int) -> dict[str, Any]:
    """All figures of one corpus."""
    rng = np.random.default_rng(0)
    report: dict[str, Any] = {}
    with served(path) as (address, process), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        gallery = f"{address}/c/{path.stem}"
        report["very_first_grid_ms"] = round(first_grid(browser, gallery, 1, warm=False)[0])
        report["first_grid_cold_ms"] = quantiles(first_grid(browser, gallery, repeats // 2, warm=False))
        report["first_grid_ms"] = quantiles(first_grid(browser, gallery, repeats, warm=True))
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(gallery)
        page.wait_for_function(SHOWN)
        report["scroll_ms"] = quantiles([timed(page, "scroll", float(rng.random())) for _ in range(2 * repeats)])
        sort = [timed(page, "ask", f"?sort={sort}") for sort in SORTS]  # the first that needs a column reads it
        report["first_sort_ms"] = dict(zip(SORTS, map(round, sort), strict=True))
        report["filter_and_sort_ms"] = quantiles([timed(page, "ask", question(rng)) for _ in range(2 * repeats)])
        page.evaluate(
            "() => { history.pushState(null, '', '?sort=taken_at'); dispatchEvent(new PopStateEvent('popstate')); }"
        )
        page.wait_for_function(SHOWN)
        report["scroll_sorted_ms"] = quantiles([timed(page, "scroll", float(rng.random())) for _ in range(2 * repeats)])
        report["server"] = memory(process)
        browser.close()
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--place", type=Path, required=True, help="a folder with room, see console_rows")
    parser.add_argument("--side", type=int, default=120)
    parser.add_argument("--dimension", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("there is no Chromium: apt install chromium")
    path = written(options.count, options.place, options.dimension, options.side)
    begun = {"rows": options.count, "cores": len(os.sched_getaffinity(0)), "load_before": round(os.getloadavg()[0], 1)}
    start = time.perf_counter()
    print(
        json.dumps(begun | measure(path, options.repeats) | {"seconds": round(time.perf_counter() - start)}, indent=2)
    )


if __name__ == "__main__":
    main()
