"""``/faces/compare``: two pictures against each other, and one against the gallery."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from compoundeye.console._faces import faces_of
from compoundeye.console._state import Here
from compoundeye.console._templates import render

router = APIRouter()


@router.get("/faces/compare")
def page(request: Request, here: Here) -> Response:
    """Both forms."""
    here.part(faces_of)
    return render(request, "compare.html", page="compare")
