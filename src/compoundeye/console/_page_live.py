"""``/live``: what is watched, as a wall; ``/live/WATCH/STREAM`` one stream; ``/live/WATCH/STREAM/draw`` its lines."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from compoundeye.console._api_live import row_of, stream_row, watches
from compoundeye.console._live import Watch, lives_of
from compoundeye.console._live_start import CAMERAS
from compoundeye.console._roots import local
from compoundeye.console._state import Console, Here
from compoundeye.console._templates import render

router = APIRouter()


@router.get("/live")
def page(request: Request, here: Here) -> Response:
    """The wall."""
    found = watches(here)
    setup = {"roots": local(here.served.roots), "schemes": list(CAMERAS)}
    return render(
        request, "live.html", page="live", found=found.model_dump(mode="json"), missing=found.missing, setup=setup
    )


@router.get("/live/{watch}/{stream}")
def one(request: Request, here: Here, watch: str, stream: str) -> Response:
    """One stream."""
    known = _known(here, watch, stream)
    facts = row_of(known).model_dump(mode="json", exclude={"streams"})
    state = stream_row(stream, known).model_dump(mode="json")
    return render(request, "live_stream.html", page="live", watch=facts, stream=state)


@router.get("/live/{watch}/{stream}/draw")
def draw(request: Request, here: Here, watch: str, stream: str) -> Response:
    """The drawing tool."""
    known = _known(here, watch, stream)
    facts = row_of(known).model_dump(mode="json", exclude={"streams"})
    return render(request, "live_draw.html", page="live", watch=facts, stream=stream)


def _known(here: Console, watch: str, stream: str) -> Watch:
    return here.part(lives_of).stream(watch, stream)
