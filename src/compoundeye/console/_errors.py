"""Every error as one sentence: JSON under /api, a page in the layout elsewhere. Defects say nothing of the inside."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from compoundeye.console._refusals import Refusal, TooMany
from compoundeye.console._templates import render
from compoundeye.records import EyeError

log = logging.getLogger("compoundeye.console")

DEFECT = "this is a defect of CompoundEye: the server's log says more; please report it"
PLAIN = {
    400: "the request cannot be read",
    404: "there is nothing at this address",
    405: "this address does not do that",
    413: "that is more bytes than this address takes",
    415: "bytes of this kind are not taken",
}
"""Instead of the framework's own words."""


class Error(BaseModel):
    """What every error of the API looks like."""

    error: str
    """One sentence: what, where, and what to do."""


ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": Error} for code in (400, 401, 403, 404, 409, 413, 415, 422, 429)
}
"""``responses`` of all routes of the API, for its description."""


def tell_errors(app: FastAPI) -> None:
    """Answer the exceptions of handlers."""

    @app.exception_handler(EyeError)
    def mistake(request: Request, error: Exception) -> Response:
        return answer(request, str(error), error.status if isinstance(error, Refusal) else 400, _wait(error))

    @app.exception_handler(RequestValidationError)
    def unfit(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, _sentence(error), 422)

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        text = PLAIN.get(error.status_code) or str(error.detail)
        return answer(request, text, error.status_code, dict(error.headers or {}))


def answer(request: Request, text: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """An error as whoever asked wants it."""
    response: Response
    if request.url.path.startswith("/api/") or request.url.path.startswith("/static/"):
        response = JSONResponse({"error": text}, status)
    else:
        response = render(
            request, "error.html", page="", status=status, text=text, code=status, title=HTTPStatus(status).phrase
        )
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def defect(request: Request, error: Exception) -> Response:
    """Our own mistake: its traceback goes to the log, a sentence to whoever asked."""
    log.error("%s %r failed", request.method, request.url.path, exc_info=error)
    return answer(request, DEFECT, 500)


def _wait(error: Exception) -> dict[str, str]:
    return {"Retry-After": str(error.seconds)} if isinstance(error, TooMany) else {}


def _sentence(error: RequestValidationError) -> str:
    """The first of what does not fit: where, and why; never the value, which may be long or hostile."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    more = len(error.errors()) - 1
    return f"{where}: {first['msg']}" + (f" (and {more} more)" if more else "")
