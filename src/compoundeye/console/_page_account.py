"""``/c/{corpus}/account``: what became of every input of a corpus, what failed, and its versions."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from compoundeye.console._state import Here
from compoundeye.console._templates import render
from compoundeye.console._views import Views

router = APIRouter()


@router.get("/c/{corpus}/account")
def page(request: Request, here: Here, corpus: str) -> Response:
    """The frame; sums of a large corpus take seconds, so the script asks for them.

    Raises:
        NotFound: none of this name is served.
    """
    at = here.part(Views).newest(corpus)
    about = {"corpus": corpus, "path": at.corpus.path, "rows": at.rows, "version": at.version}
    return render(request, "account.html", page="account", corpus=corpus, about=about)
