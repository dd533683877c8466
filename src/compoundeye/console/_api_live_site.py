"""Lines and zones of a stream: read from its site file, and written back with all that stands around them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from compoundeye.console._live import Watch, lives_of, video
from compoundeye.console._live_check import Problem, problems
from compoundeye.console._live_fields import Field as Setting
from compoundeye.console._live_fields import fields
from compoundeye.console._live_site import KINDS, Document, Shape, changed, drawn_on, read, shapes, write
from compoundeye.console._refusals import Conflict, Unprocessable
from compoundeye.console._state import Console, Here
from compoundeye.records import EyeError

router = APIRouter(tags=["live"])
MOST_SHAPES = 128
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class Drawn(BaseModel):
    """A line or zone."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    was: str | None = Field(default=None, max_length=1000)
    """Its name in the file; null for a new one."""
    values: dict[str, Any]
    """Its settings as in TOML: points and what is not as by default."""
    shared: bool = False
    """It holds for all streams; of what is sent, this is not looked at."""


class Drawing(BaseModel):
    """All lines and zones of one stream."""

    version: str
    """Of the file: what is saved says which one it changes."""
    app: str
    size: list[int] | None
    """Width and height of the frame that points are pixels of; null for the stream's own."""
    lines: list[Drawn]
    zones: list[Drawn]
    settings: dict[str, list[Setting]]
    """What else there is to say of a line and of a zone."""
    running: bool


class Sent(BaseModel):
    """A drawing that is to be saved."""

    model_config = ConfigDict(extra="forbid")

    version: str = Field(max_length=64)
    frame: Annotated[list[Annotated[int, Field(ge=16, le=32768)]], Field(min_length=2, max_length=2)] | None = None
    """Width and height of the frame that was drawn on."""
    lines: list[Drawn] = Field(default=[], max_length=MOST_SHAPES)
    zones: list[Drawn] = Field(default=[], max_length=MOST_SHAPES)


@router.get("/live/{watch}/streams/{stream}/drawing")
def drawing(here: Here, watch: str, stream: str) -> Drawing:
    """What is drawn."""
    known, document, app = _site(here, watch, stream)
    return _told(known, document, app, stream)


@router.put("/live/{watch}/streams/{stream}/drawing", response_model=Drawing)
def save(here: Here, watch: str, stream: str, sent: Sent) -> Drawing | Response:
    """Save it. A watch that runs takes it within a second. What is wrong is told with the place of each problem."""
    known, document, app = _site(here, watch, stream)
    if document.version != sent.version:
        raise Conflict("the site file was changed meanwhile: load it again; what you drew here is not saved")
    wanted = {kind: [_shape(one) for one in getattr(sent, kind)] for kind in KINDS}
    for kind, drawn in wanted.items():
        names = [one.name for one in drawn]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            return _refused([Problem((kind, twice, "name"), f"two {kind} have this name")])
    text = changed(document, app, stream, wanted, sent.frame)
    # Points of a file that says nothing of a size are pixels of the stream's frame, whatever it is.
    state = known.states.get(stream, {})
    size = [state["width"], state["height"]] if state.get("width") and state.get("height") else sent.frame
    wrong = problems(text, document.path.name, app, stream, size)
    if wrong:
        return _refused(wrong)
    return _told(known, write(document, text) if text != document.text else document, app, stream)


def _site(here: Console, watch: str, stream: str) -> tuple[Watch, Document, str]:
    known = here.part(lives_of).stream(watch, stream)
    if known.site is None:
        raise Conflict("this watch has no site file to keep lines in: start it with one (eye watch --config site.toml)")
    document = read(known.site)
    app = document.values.get("app") or known.app
    streams = document.values.get("streams")
    if not isinstance(app, str) or not isinstance(streams, dict) or stream not in streams:
        raise Conflict(f"{known.site.name} says nothing of this stream: add [streams.{stream[:60]}] to it")
    return known, document, app


def _told(known: Watch, document: Document, app: str, stream: str) -> Drawing:
    video()
    from compoundeye.apps import application

    values = document.values
    found = {kind: [_drawn(one) for one in shapes(values, app, stream, kind)] for kind in KINDS}
    return Drawing(
        version=document.version,
        app=app,
        size=drawn_on(values, app, stream),
        **found,
        settings=fields(application(app).settings),
        running=known.state == "running",
    )


def _drawn(one: Shape) -> Drawn:
    return Drawn.model_construct(name=one.name, was=one.was, values=one.values, shared=one.shared)


def _shape(one: Drawn) -> Shape:
    if not one.name.isprintable() or re.search(r"[\"\\]", one.name):
        raise Unprocessable("names are without quotes, backslashes and control characters")
    return Shape(one.name, _plain(one.values), was=one.was)


def _plain(value: Any) -> Any:
    """What TOML has a word for.

    Raises:
        Unprocessable: it has none for null, and none for what is nested without end.
    """
    try:
        return _without_nothing(value, 0)
    except EyeError:
        raise
    except RecursionError as error:
        raise Unprocessable("that is nested too deeply") from error


def _without_nothing(value: Any, depth: int) -> Any:
    if depth > 8:
        raise Unprocessable("that is nested too deeply")
    if isinstance(value, dict):
        return {name: _without_nothing(one, depth + 1) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_nothing(one, depth + 1) for one in value if one is not None]
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise Unprocessable("that number is too large")
    return value


def _refused(wrong: list[Problem]) -> Response:
    """All that is wrong, each with its place; the sentence is of the first."""
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    text = f"{'.'.join(wrong[0].place) or 'the site'}: {wrong[0].text}{more}"
    told = [{"place": list(one.place), "text": one.text} for one in wrong]
    return JSONResponse({"error": text[:1000], "problems": told}, 422)
