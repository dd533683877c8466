"""``/faces/watch``: whom cameras look for, and enrolment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from compoundeye.console._api_faces_audit import watched
from compoundeye.console._state import Here
from compoundeye.console._templates import render

router = APIRouter()
ROWS = 50


@router.get("/faces/watch")
def page(request: Request, here: Here, offset: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
    """Everybody with a name, and the form."""
    return render(request, "watchlist.html", page="watchlist", found=watched(here, offset, ROWS), rows=ROWS)
