"""``/api``: what the API can do, for people who write programs; the same as its OpenAPI description says."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from compoundeye.console._templates import render

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Operation:
    """A method at an address."""

    method: str
    path: str
    summary: str
    query: tuple[str, ...]
    """Names of its parameters that stand behind the question mark."""


@router.get("/api")
def api(request: Request) -> Response:
    """Every operation, by what it is about."""
    described = request.app.openapi()
    found = [
        (str((operation.get("tags") or ["other"])[0]), _operation(method, path, operation))
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    ]
    about = {tag: [one for _, one in group] for tag, group in groupby(sorted(found, key=itemgetter(0)), itemgetter(0))}
    return render(request, "api.html", page="api", about=about)


def _operation(method: str, path: str, described: dict[str, Any]) -> Operation:
    query = tuple(one["name"] for one in described.get("parameters", ()) if one["in"] == "query")
    return Operation(method.upper(), path, described.get("summary", ""), query)
