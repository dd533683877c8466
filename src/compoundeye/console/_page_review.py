"""``/c/{corpus}/review``: picture after picture that is worth a look, by the keyboard."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from compoundeye.console._review import QUEUES
from compoundeye.console._sessions import Who
from compoundeye.console._state import Here
from compoundeye.console._templates import render
from compoundeye.console._views import Views

router = APIRouter()


@router.get("/c/{corpus}/review")
def page(request: Request, here: Here, who: Who, corpus: str, queue: str = "least-certain") -> Response:
    """One queue of one corpus.

    Raises:
        NotFound: none of this name is served.
    """
    at = here.part(Views).newest(corpus)
    chosen = queue if queue in QUEUES else "least-certain"
    words = [(name, value) for name, value in request.query_params.multi_items() if name not in ("queue", "after")]
    links = {one: f"/c/{quote(corpus, safe='')}/review?{urlencode([('queue', one), *words])}" for one in QUEUES}
    ready = at.corpus.has_column(next((value for name, value in words if name == "name"), "category"))
    about = {"corpus": corpus, "queue": chosen, "words": words, "you": who.name}
    return render(
        request,
        "review.html",
        page="review",
        corpus=corpus,
        queues=QUEUES,
        links=links,
        chosen=chosen,
        ready=ready,
        path=here.corpora[corpus],
        about=about,
    )
