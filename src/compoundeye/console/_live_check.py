"""What is wrong with a site, and at which field: the same checks as a watch makes, so that it takes what is saved."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from compoundeye.console._live import video
from compoundeye.console._live_site import KINDS
from compoundeye.records import EyeError

MOST = 50
SHARED = ("detector", "tracker")
"""Tables beside an application's; the whole site is checked after the shapes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting that is not allowed."""

    place: tuple[str, ...]
    """Names of tables and of the field, such as ("zones", "quay", "loitering", "after_s"); empty if unknown."""
    text: str


def problems(text: str, where: str, app: str, stream: str, size: Sequence[int] | None) -> list[Problem]:
    """What a watch would say against a site file; empty if nothing.

    Args:
        size: width and height of the stream's frames, where they are known.
    """
    rooms = video()
    from compoundeye.apps import application

    values = tomllib.loads(text)
    of = application(app)
    own = values.get("streams", {}).get(stream, {}).get(app, {})
    merged = rooms.merged(values.get(app, {}), own)
    found = _of_shapes(of.settings, {name: value for name, value in merged.items() if name not in SHARED})
    if found:
        return found
    try:
        site = rooms.SiteOf(rooms.site_of(values, where), of)
        if size is not None:
            of.open(rooms.Stream(stream, size[0], size[1], None, "check"), site.streams[stream])
    except EyeError as mistake:
        return [Problem(_place(str(mistake), merged), str(mistake))]
    return []


def _of_shapes(settings: type[BaseModel], values: Mapping[str, Any]) -> list[Problem]:
    try:
        settings.model_validate(values)
    except ValidationError as error:
        return [_problem(one, values) for one in error.errors(include_url=False)[:MOST]]
    return []


def _problem(one: Any, values: Mapping[str, Any]) -> Problem:
    place = tuple(str(part) for part in one["loc"])
    text = str(one["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    if one["type"] == "missing":
        text = "is missing"
    return Problem(place or _place(text, values), text)


def _place(text: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """The shape that a sentence names: the longest name, where one begins as another."""
    found = [
        (kind, name)
        for kind in KINDS
        for name in values.get(kind, {})
        if f"{kind}.{name}." in text or f"{kind[:-1]} {name!r}" in text
    ]
    if not found:
        return ()
    kind, name = max(found, key=lambda one: len(one[1]))
    _, marked, rest = text.partition(f"{kind}.{name}.")
    return (kind, name, *rest.partition(":")[0].split(".")) if marked else (kind, name)
