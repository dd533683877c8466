"""From a request to a watch: its site file, written or checked, and the arguments of `eye watch`.

Sources stand in the site file alone, which only its owner can read: an address may hold a password, and the arguments
of a process are everybody's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from compoundeye.console._live import NAME, Lives, lives_of, video
from compoundeye.console._live_site import MOST_BYTES, read
from compoundeye.console._refusals import Conflict, Forbidden, Unprocessable
from compoundeye.console._roots import LONGEST, located_file, source
from compoundeye.console._state import Console
from compoundeye.records import EyeError

CAMERAS = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "http", "https", "udp", "rtp")
"""Schemes of cameras. Others of FFmpeg read files (file, concat, subfile) or make pictures (lavfi)."""
MOST_STREAMS = 64

Name = Annotated[str, StringConstraints(pattern=NAME)]
Place = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]


class WatchRequest(BaseModel):
    """Watch cameras or recordings: new ones, those of a site file, or those of a watch that was begun here before."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["watch"]
    name: Name
    """Of the watch; its site file becomes ``$COMPOUNDEYE_HOME/sites/NAME.toml`` if ``streams`` are given."""
    app: str = Field(default="traffic", max_length=60)
    streams: dict[Name, Place] = Field(default={}, max_length=MOST_STREAMS)
    """Sources by the names of their streams: addresses of cameras, ``/dev/video0``, or places below the roots."""
    site: Place | None = None
    """A site file below the roots instead."""
    hide: Literal["none", "pixelate", "blur", "cover"] = "none"
    """What is done to people before anything is kept or shown; of a site file, what it says."""


def watch_command(console: Console, asked: WatchRequest) -> tuple[str, list[str], dict[str, Any]]:
    """Title, arguments, and what is kept of the request.

    Raises:
        EyeError: the extra is missing, or the site cannot be read.
        Conflict: it runs, or there is another site of this name.
        Forbidden: a source is neither a camera nor below a root.
        Unprocessable: something does not go together.
    """
    rooms, lives = video(), console.part(lives_of)
    if asked.streams and asked.site:
        raise Unprocessable("give streams or a site file, not both")
    if asked.name in lives.running():
        raise Conflict(f"{asked.name} is being watched already: stop it first, or choose another name")
    roots = console.served.roots
    if asked.streams:
        path = _written(lives, asked, roots)
    elif asked.site:
        path = Path(located_file(asked.site, roots))
        if path.suffix != ".toml":
            raise Unprocessable("a site file ends in .toml")
    else:
        path = lives.sites / f"{asked.name}.toml"
        if not path.is_file():
            raise Unprocessable("give sources for the streams, or a site file")
    values = read(path).values
    site = rooms.site_of(values, path.name)
    if not site.streams:
        raise Unprocessable(f"{path.name} has no stream to watch")
    for name, stream in site.streams.items():
        check_source(name, stream.source, stream.options, roots)
    for to in site.events.to or ():
        if "://" not in to and to not in ("-", "none") and not os.path.isabs(os.path.expanduser(to)):
            raise Unprocessable(
                f"{path.name}: events.to: {to[:100]} is no whole path, and a job has no folder of its own"
            )
    app = site.app or asked.app
    _check_app(rooms, site, app)
    arguments = ["watch", f"--config={path}", f"--app={app}", f"--name={asked.name}"]
    return asked.name, arguments, {"kind": "watch", "name": asked.name, "app": app, "site": str(path)}


def watch_again(console: Console, asked: Mapping[str, Any]) -> list[str]:
    """The arguments of a watch that was begun before, checked anew.

    Raises:
        EyeError: as `watch_command`.
    """
    name, app, place = (str(asked.get(key, "")) for key in ("name", "app", "site"))
    own = str(console.part(lives_of).sites / f"{name}.toml") == place
    again = WatchRequest.model_validate({"kind": "watch", "name": name, "app": app, "site": None if own else place})
    return watch_command(console, again)[1]


def camera(text: str) -> bool:
    """Whether an address is that of a camera, of which nothing on this machine's disks is read."""
    if text.startswith("/dev/video"):
        return text[10:].isdecimal() and len(text) <= 13
    scheme = text.partition("://")[0].lower()
    if "://" not in text or scheme not in CAMERAS or not text.isprintable():
        return False
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False


def check_source(name: str, text: str, options: Mapping[str, str], roots: Sequence[str]) -> None:
    """Refuse what is neither a camera nor below a root; never with the address, which may hold a password.

    Raises:
        Forbidden: it is not allowed.
        Unprocessable: there is nothing.
    """
    if camera(text):
        if options.keys() - {"rtsp_transport", "video_size", "framerate", "input_format", "timeout"}:
            raise Forbidden(f"stream {name}: options of FFmpeg that a console does not give on: start it at a terminal")
        return
    if "://" in text or text.startswith(("lavfi:", "-")):
        raise Forbidden(
            f"stream {name}: give a camera ({', '.join(CAMERAS)}://, /dev/video0) or a path below the roots"
        )
    if source(text, roots) != os.path.realpath(text):
        raise Forbidden(f"stream {name}: that is no plain path")


def _check_app(rooms: Any, site: Any, app: str) -> None:
    from compoundeye.apps import application

    rooms.SiteOf(site, application(app))


def _written(lives: Lives, asked: WatchRequest, roots: Sequence[str]) -> Path:
    """A new site file of one's own; one that says the same already is as good."""
    import tomlkit

    for name, text in asked.streams.items():
        check_source(name, text, {}, roots)
    document = tomlkit.document()
    document.add("app", tomlkit.item(asked.app))
    if asked.hide != "none":
        document.add("privacy", tomlkit.item({"hide": asked.hide}))
    document.add("streams", tomlkit.item({name: {"source": text} for name, text in asked.streams.items()}))
    data, path = tomlkit.dumps(document).encode(), lives.sites / f"{asked.name}.toml"
    if len(data) > MOST_BYTES:
        raise Unprocessable("these are more addresses than a site file holds")
    _check_app(video(), video().site_of(document.unwrap(), path.name), asked.app)
    try:
        lives.sites.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except FileExistsError as error:
        if read(path).text.encode() != data:
            raise Conflict(f"there is a site named {asked.name} already: start that, or choose another name") from error
    except OSError as error:
        raise EyeError(f"the site file {path.name} cannot be written: {error.strerror}") from error
    return path
