"""`eye watch`: cameras and videos, as an application sees them."""

from __future__ import annotations

import json as lines_of_json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compoundeye.cli._output import note, plain, print_table, printable
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.video import Seen

SECONDS_BETWEEN_LINES = 10.0


def watch(
    source: Annotated[
        list[str] | None,
        typer.Argument(help="File, folder of frames, /dev/video0, rtsp://, http://, - for stdin; or NAME=SOURCE."),
    ] = None,
    app: Annotated[str | None, typer.Option("--app", help="What watches: traffic.")] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A site: streams, lines, zones; read again when it changes.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.mp4", help="Write an annotated video.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show it in a window (needs ffplay, of FFmpeg).")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a line of JSON a frame, and nothing else.")] = False,
    live: Annotated[
        bool | None,
        typer.Option("--live/--lossless", help="Drop frames rather than fall behind, or lose none; by the source."),
    ] = None,
    events: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Where events go: a SQLite file, postgresql://, mqtt://, none, ..."),
    ] = None,
    detector: Annotated[str | None, typer.Option(help="A model of `eye models`, or a file.")] = None,
    every: Annotated[int | None, typer.Option(min=1, max=1000, help="Look at one frame of so many.")] = None,
    name: Annotated[str | None, typer.Option(help="Of this watch, for the console; the site's if not given.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(min=0, help="For the model; 0: one a core.")] = 0,
) -> None:
    """Watch cameras and videos: count, measure, tell what happens, until they end or Ctrl-C.

    Without --events they are kept in $COMPOUNDEYE_HOME/live/NAME/events.sqlite.

    With --config the streams of the file are watched, or only those that are named here; NAME=SOURCE gives a stream
    another source, such as a recording.

    Example:
      eye watch street.mp4 --app traffic -o annotated.mp4
      eye watch --config site.toml
      eye watch door=recorded.mp4 --config site.toml --json
      eye watch rtsp://camera.local/stream --app traffic --events mqtt://broker.local
    """
    try:
        from compoundeye.cli._watching import Request, start
    except ModuleNotFoundError as missing:
        raise EyeError(f"watching needs {missing.name}: pip install 'compoundeye[video]'") from missing
    import os

    request = Request(
        sources=tuple(source or ()),
        app=app,
        config=config,
        output=output,
        show=show,
        live=live,
        events=None if events is None else tuple(events),
        detector=detector,
        every=every,
        name=name,
        device=device,
        threads=threads or len(os.sched_getaffinity(0)),
    )
    found = start(request, viewers=[_JsonLines()] if json else [], tell=_progress(), say=note)
    if sys.stderr.isatty():
        print(file=sys.stderr)  # the line of progress is over
    if not json:
        print_table(
            ("stream", "frames", "looked at", "dropped", "frames/s", "p50 ms", "p99 ms", "events"),
            [
                (
                    one["stream"],
                    one["frames"],
                    one["looked"],
                    one["dropped"],
                    one["looked"] / found.seconds,
                    one["latency_ms"].get("p50"),
                    one["latency_ms"].get("p99"),
                    one["events"],
                )
                for one in found.streams
            ],
        )
        if counted := [(one["stream"], *pair) for one in found.streams for pair in _flat(one["app"])]:
            print_table(("stream", "measure", "value"), counted)


def _flat(state: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float | str]]:
    """What an app's state counts and measures: each number under its whole name."""
    for name, value in state.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{above}{name}", value


class _JsonLines:
    """A line of JSON for each frame, on stdout."""

    def __init__(self) -> None:
        self._lock = Lock()

    def see(self, seen: Seen) -> None:
        """Print one frame: its facts, what is followed in it, and what happened."""
        frame = seen.frame
        line = {
            "stream": frame.stream,
            "index": frame.index,
            "time_s": frame.time_s,
            "captured": frame.captured,
            "dropped": frame.dropped,
            "records": seen.outcome.records,
            "events": seen.outcome.events,
        }
        text = lines_of_json.dumps(plain(line), allow_nan=False, separators=(",", ":"))
        with self._lock:
            print(text, flush=True)

    def close(self) -> None:
        """Nothing is held back."""


def _progress() -> Callable[[Sequence[dict[str, Any]]], None]:
    """On a terminal one line that changes; otherwise a line now and then."""
    said = -SECONDS_BETWEEN_LINES
    shown = 0
    terminal = sys.stderr.isatty()

    def tell(states: Sequence[dict[str, Any]]) -> None:
        nonlocal said, shown
        now = time.monotonic()
        if terminal:
            text = printable("; ".join(map(_described, states)))
            print(f"\r{text:<{shown}}", end="", file=sys.stderr, flush=True)
            shown = len(text)
        elif now - said >= SECONDS_BETWEEN_LINES:
            said = now
            for state in states:
                note(_described(state))

    return tell


def _described(state: dict[str, Any]) -> str:
    latency = state["latency_ms"]
    parts = [
        f"{state['looked']:,} frames",
        f"{state['fps']:.1f}/s",
        *([f"{latency['p50']:.0f} ms (p99 {latency['p99']:.0f} ms) from {state['latency_from']}"] if latency else ()),
        f"{state['dropped']:,} dropped",
        f"{state['events']:,} event{'s' * (state['events'] != 1)}",
        *([state["source"]] if state["source"] == "waiting" else ()),
        *(
            state[key]
            for key in ("error", "source_error", "settings_error", "events_error", "media_error")
            if state[key]
        ),
    ]
    return f"{state['stream']}: {', '.join(parts)}"
