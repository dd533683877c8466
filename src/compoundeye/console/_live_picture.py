"""Frames of streams as bytes: the newest one of a watch with its shapes, or one of a source that nobody watches."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

import simplejpeg

from compoundeye.console._live import Lives, video
from compoundeye.console._live_site import read
from compoundeye.console._live_start import camera, check_source
from compoundeye.console._refusals import Conflict, TooMany, Unprocessable

GRAB_S = 30
"""How long a camera may take for its first frame."""
_GRABBING = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame to draw on."""

    jpeg: bytes
    width: int
    """Of the frame itself, as shown; the picture may be smaller."""
    height: int


def view(lives: Lives, watch: str, stream: str, after: int | None, width: int | None) -> bytes | None:
    """The newest frame with its shapes: 8 bytes (little-endian, how long the JSON is), JSON, JPEG.

    Args:
        after: the index of the frame that is there already.
        width: pixels that are seen: a picture twice as wide or more is made smaller first.

    Returns:
        None while there is no newer one. It is asked for by that.
    """
    found = _newest(lives, watch, stream)
    if found is None or found.frame["index"] == after:
        return None
    facts = json.dumps({"frame": found.frame, "shapes": found.shapes, "app": found.app}, separators=(",", ":")).encode()
    return len(facts).to_bytes(8, "little") + facts + _smaller(found.jpeg, width)


def frame(lives: Lives, watch: str, stream: str, roots: tuple[str, ...]) -> Picture:
    """A frame to draw on: the watch's newest, or one of the source if it does not run.

    Raises:
        Conflict: the first frame is still to come, or people are to be hidden and nobody looks for them.
        Forbidden: the source is no camera and not below a root.
        Unprocessable: the source has no picture.
    """
    known = lives.stream(watch, stream)
    if known.state in ("running", "starting"):
        found = _newest(lives, watch, stream)
        if found is None:
            raise Conflict("the watch has not shown a frame yet")
        return Picture(found.jpeg, found.frame["width"], found.frame["height"])
    if known.site is None:
        raise Conflict("this watch has no site file, and does not run")
    site = video().site_of(read(known.site).values, known.site.name)
    if site.privacy.hide != "none":
        raise Conflict("this site hides people, which needs the watch: start it to draw on its picture")
    if stream not in site.streams:
        raise Unprocessable(f"{known.site.name} has no stream {stream}")
    of = site.streams[stream]
    check_source(stream, of.source, of.options, roots)
    return _grabbed({"source": of.source, "options": of.options, "rate": of.rate, "live": camera(of.source)})


def _newest(lives: Lives, watch: str, stream: str) -> Any:
    try:
        return video().read_view(lives.folder / watch, stream)
    except (ValueError, KeyError):  # what is there is none, or was being replaced
        return None


def _smaller(jpeg: bytes, width: int | None) -> bytes:
    if width is None:
        return jpeg
    _, wide, *_ = simplejpeg.decode_jpeg_header(jpeg)
    if wide < 2 * width:
        return jpeg
    # Decoding at a half, quarter or eighth costs less than decoding it all.
    pixels = simplejpeg.decode_jpeg(jpeg, "RGB", min_width=width, min_height=1, min_factor=1.0)
    small: bytes = simplejpeg.encode_jpeg(pixels, quality=80, colorspace="RGB", colorsubsampling="420")
    return small


def _grabbed(asked: dict[str, Any]) -> Picture:
    """In a process that is gone afterwards: a decoder of strangers' bytes, and a camera that may never answer."""
    if not _GRABBING.acquire(blocking=False):
        raise TooMany("other cameras are being asked for a picture: try again", 5)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "compoundeye.console._live_grab"],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=GRAB_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unprocessable(f"the source gave no picture within {GRAB_S} s") from error
    finally:
        _GRABBING.release()
    if done.returncode or len(done.stdout) < 8:
        said = [one for one in done.stderr.decode("utf-8", "replace").splitlines() if one.startswith("error: ")]
        raise Unprocessable(said[-1].removeprefix("error: ")[:500] if said else "the source gave no picture")
    width, height = (int.from_bytes(done.stdout[at : at + 4], "little") for at in (0, 4))
    return Picture(done.stdout[8:], width, height)
