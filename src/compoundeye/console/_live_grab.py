"""One frame of a source, in a process of its own: what to open on standard input as JSON, the picture on its output.

python -m compoundeye.console._live_grab < {"source": "rtsp://...", "options": {}, "rate": null, "live": true}
"""

from __future__ import annotations

import json
import sys
from itertools import islice

import simplejpeg

from compoundeye.records import EyeError
from compoundeye.video import open_source

LONGEST = 960
"""Pixels of the longer side, as a watch shows."""


def main() -> None:
    """Write width and height of the frame (4 bytes each, little-endian) and a JPEG.

    Raises:
        EyeError: it cannot be opened, or holds no picture.
    """
    asked = json.load(sys.stdin)
    # A recording is read as such; only a camera may be asked again and again.
    live = None if asked["live"] else False
    with open_source(
        asked["source"], stream="frame", live=live, rate=asked["rate"], options=asked["options"], timeout_s=10
    ) as source:
        for frame in islice(source.frames(), 1):
            image = frame.image
            scale = min(1.0, LONGEST / max(image.width, image.height))
            pixels = image.rgb(max(2, round(image.width * scale)), max(2, round(image.height * scale)))
            data = simplejpeg.encode_jpeg(pixels.copy(), quality=85, colorspace="RGB")
            size = b"".join(one.to_bytes(4, "little") for one in (image.width, image.height))
            sys.stdout.buffer.write(size + data)
            return
    raise EyeError("the source holds no picture")


if __name__ == "__main__":
    try:
        main()
    except EyeError as mistake:
        sys.exit(f"error: {mistake}")
