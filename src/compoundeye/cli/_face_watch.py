"""`eye face watch`: `eye watch` with the application for faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compoundeye.cli._watch import watch as watch_streams


def watch(
    source: Annotated[
        list[str] | None,
        typer.Argument(help="File, folder of frames, /dev/video0, rtsp://, http://, - for stdin; or NAME=SOURCE."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A site: streams, and in [face] gallery, people, fpir, why.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.mp4", help="Write an annotated video.")
    ] = None,
    events: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Where events go: a SQLite file, postgresql://, mqtt://, none, ..."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of this watch, for the console; the site's if not given.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a line of JSON a frame, and nothing else.")] = False,
) -> None:
    """Watch cameras for people of a gallery: `eye watch --app face`, which has more options.

    Without --config faces are followed and nobody is looked for. With it the gallery, whom to look for, how often a
    stranger may be taken for somebody, and why, stand in the file; docs/faces.md shows one.

    Example:
      eye face watch door.mp4 -o annotated.mp4
      eye face watch --config door.toml
    """
    app = None if config is not None else "face"  # a site says itself what watches
    watch_streams(source, app=app, config=config, output=output, events=events, name=name, json=json)
