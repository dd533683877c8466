"""The description of the API (OpenAPI 3.1): what FastAPI writes, with what the door asks for and plain summaries."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from compoundeye.console._access import Access
from compoundeye.console._security import HEADER, READING

ABOUT = """The functions of the `eye` command over HTTP. Ids are 32 hexadecimal digits. Every error is
`{"error": "one sentence"}`. What changes something needs the header `X-CompoundEye: 1`; a console that is not open
to this machine alone needs `Authorization: Bearer TOKEN` or a session's cookie (POST /api/v1/session) too."""
SCHEMES = {
    "header": {
        "type": "apiKey",
        "in": "header",
        "name": HEADER,
        "description": "Any value: no page of another site can send it.",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "The token of `eye console`."},
}
OPEN_TO_ALL = ("/api/v1/session",)


def operation_name(route: APIRoute) -> str:
    """``jobs-stop``: of the tag and the function, which readers of clients made from the description see."""
    return "-".join([*(str(tag) for tag in route.tags[:1]), route.name])


def describe(app: FastAPI, access: Access) -> None:
    """Let ``app.openapi()`` tell all that a client must know."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        fresh = app.openapi_schema is None
        schema = plain()
        if fresh:
            schema["info"]["description"] = ABOUT
            schema.setdefault("components", {})["securitySchemes"] = SCHEMES
            for path, operations in schema["paths"].items():
                for method, operation in operations.items():
                    _complete(operation, _needs(path, method, access))
        return schema

    app.openapi = described  # type: ignore[method-assign]  # how FastAPI documents it


def _needs(path: str, method: str, access: Access) -> dict[str, list[str]]:
    """Names of `SCHEMES` that a request has to satisfy, all of them."""
    asked: dict[str, list[str]] = {}
    if method.upper() not in READING:
        asked["header"] = []
    if not access.open and path not in OPEN_TO_ALL:
        asked["token"] = []
    return asked


def _complete(operation: dict[str, Any], needs: dict[str, list[str]]) -> None:
    if needs:
        operation["security"] = [needs]
    first, _, rest = operation.get("description", "").replace("``", "`").partition("\n\n")
    if first:
        operation["summary"] = " ".join(first.split())
        operation["description"] = rest.strip() or operation["summary"]
