"""``/login``: a name, and the password or the token. The form sends it by `_api_session`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from compoundeye.console._state import Here
from compoundeye.console._templates import render

router = APIRouter()


@router.get("/login")
def login(request: Request, here: Here) -> Response:
    """The form; on an open server there is nothing to sign in to."""
    if here.served.access.open:
        return RedirectResponse("/", 303)
    return render(request, "login.html", page="login")
