"""What an address names: a file, a folder of frames, a camera, a stream on the network, standard input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from compoundeye.records import EyeError

Kind = Literal["file", "folder", "stdin", "camera", "network", "made"]
ALWAYS_LIVE = {"rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "srt"}
NETWORK = ALWAYS_LIVE | {"http", "https", "tcp", "tls", "mmsh"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where pictures come from."""

    kind: Kind
    target: str
    """What FFmpeg opens, or a path."""
    shown: str
    """For people: without user and password."""
    live: bool | None
    """Whether this kind is live; None where only its contents tell."""
    format: str | None = None
    """The demuxer or device that has to be named."""


def read_address(address: str | Path) -> Address:
    """What an address names.

    ``-`` is standard input; ``rtsp://``, ``http://`` and the like are streams; ``/dev/video0`` is a camera, and so is
    ``0`` where no file is called so; ``lavfi:testsrc2=rate=25`` is a picture that FFmpeg makes; anything else a path.

    Raises:
        EyeError: nothing is there, or the scheme is unknown.
    """
    text = str(address)
    if text == "-":
        return Address("stdin", "-", "standard input", False)
    if text.startswith("lavfi:"):
        return Address("made", text.removeprefix("lavfi:"), text, False, "lavfi")
    if scheme := re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*)://", text):
        return _network(text, scheme[1].lower())
    if re.fullmatch(r"\d{1,2}", text) and not Path(text).exists():
        text = f"/dev/video{text}"
    if re.fullmatch(r"/dev/video\d+", text):
        if not Path(text).exists():
            raise EyeError(f"there is no camera {text}; `ls /dev/video*` shows those that are plugged in")
        return Address("camera", text, text, True, "v4l2")
    return _path(Path(text))


def _network(text: str, scheme: str) -> Address:
    if scheme == "file":
        return _path(Path(text.removeprefix("file://")))
    if scheme not in NETWORK:
        raise EyeError(f"{scheme}:// is no kind of source; known are {', '.join(sorted(NETWORK))}, files and folders")
    return Address("network", text, without_password(text), True if scheme in ALWAYS_LIVE else None)


def _path(path: Path) -> Address:
    if path.is_dir():
        return Address("folder", str(path), str(path), False)
    if not path.exists():
        raise EyeError(f"{path} does not exist; a source is a file, a folder of frames, a camera, a URL or -")
    return Address("file", str(path), str(path), False)


def without_password(url: str) -> str:
    """The URL without its user and password, and without what follows a question mark, which may hold a key."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
