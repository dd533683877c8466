"""``/``: to the corpus that is served, or how to begin where there is none."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from compoundeye.console._state import Here
from compoundeye.console._templates import render

router = APIRouter()


@router.get("/")
def start(request: Request, here: Here) -> Response:
    """The only or first corpus; without one, the page that says how to make one."""
    first = next(iter(here.corpora), None)
    if first is None:
        return render(request, "start.html", page="start")
    return RedirectResponse(f"/c/{quote(first, safe='')}", 303)
