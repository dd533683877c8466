"""``/faces/audit``: who did what with faces, when and why, and whether the log is whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from compoundeye.console._api_faces_audit import audit
from compoundeye.console._state import Here
from compoundeye.console._templates import render

router = APIRouter()
ROWS = 100


@router.get("/faces/audit")
def page(
    request: Request,
    here: Here,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    person: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> Response:
    """The newest entries, or those before one."""
    found = audit(here, before, person, ROWS)
    return render(request, "audit.html", page="audit", found=found, before=before, person=person)
