"""What other processes read in live folders: which watches run, how their streams are, the newest frame; and what
they ask of them."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compoundeye.records import EyeError

STOP = "stop.json"
"""In a live folder: who asks which run of a watch to stop."""


@dataclass(frozen=True, slots=True)
class LiveView:
    """The newest frame of a stream, as the watch shows it."""

    frame: dict[str, Any]
    """stream, index, time_s, captured (Unix s), dropped, width and height in pixels of the frame itself."""
    shapes: list[dict[str, Any]]
    """What the app draws, in pixels of the frame: see `ShapesCanvas`."""
    app: dict[str, Any]
    """The app's state."""
    jpeg: bytes
    """The frame, perhaps smaller, with people hidden if the site says so."""


def read_view(folder: Path, stream: str) -> LiveView | None:
    """The newest frame of a stream; None while there is none. Asks for the next ones: look again within 5 s.

    Raises:
        ValueError: that is no name of a stream.
    """
    if not stream or stream in (".", "..") or "/" in stream or "\0" in stream:
        raise ValueError(f"{stream!r} is no name of a stream")
    try:
        (folder / f"{stream}.wanted").touch()
        data = (folder / f"{stream}.view").read_bytes()
    except OSError:
        return None
    size = 8 + int.from_bytes(data[:8], "little")
    facts = json.loads(data[8:size])
    return LiveView(facts["frame"], facts["shapes"], facts["app"], data[size:])


def read_states(folder: Path) -> dict[str, dict[str, Any]]:
    """State of each stream of a watch, by name: written each second, and a last time at the end."""
    found = dict[str, dict[str, Any]]()
    for path in sorted(folder.glob("*.state.json")):
        try:
            state = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue  # it was replaced or removed this moment
        found[state["stream"]] = state
    return found


def running(live: Path) -> dict[str, dict[str, Any]]:
    """Watches that run, by name: pid, started (Unix s), app, site, streams.

    Args:
        live: the folder of live folders, ``$COMPOUNDEYE_HOME/live``.
    """
    found = dict[str, dict[str, Any]]()
    for path in sorted(live.glob("*/watch.json")):
        try:
            about = json.loads(path.read_bytes())
            os.kill(about["pid"], 0)
        except PermissionError:
            pass  # somebody else's process, but it is there
        except (OSError, ValueError):
            continue  # it ended, perhaps without a word
        found[path.parent.name] = about
    return found


def ask_to_stop(folder: Path, by: str) -> None:
    """Ask the watch of a live folder to end, as Ctrl-C does. It looks each second, and answers in ``watch.json``.

    Whoever asks needs no right to signal its process, only to write in the folder; and a request ends the run that it
    was made for, never a later one.

    Args:
        by: who asks; the watch says so.

    Raises:
        EyeError: nothing is watched there, or the folder cannot be written.
    """
    about = running(folder.parent).get(folder.name)
    if about is None:
        raise EyeError(f"{folder.name} is not being watched (any more)")
    part = folder / f"{STOP}.{os.getpid()}.part"
    try:
        part.write_text(json.dumps({"started": about["started"], "by": by, "at": time.time()}))
        part.replace(folder / STOP)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise EyeError(f"{folder.name} cannot be asked to stop: {error.strerror}; end it at its terminal") from error


def asked_to_stop(folder: Path, started: float) -> dict[str, Any] | None:
    """``by`` and ``at`` (Unix s) of who asked the run that began at ``started`` to stop; None: nobody has."""
    try:
        asked = json.loads((folder / STOP).read_bytes())
    except (OSError, ValueError):
        return None
    return asked if isinstance(asked, dict) and asked.get("started") == started and "by" in asked else None
