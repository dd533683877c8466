"""Style, scripts and pictures of the pages: held in memory, under an address that changes when any of them does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from fastapi import APIRouter, Request, Response

from compoundeye.console._refusals import NotFound

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
FOREVER = "public, max-age=31536000, immutable"
"""A year, the longest that RFC 9111 knows a use for: the address of other bytes is another."""

router = APIRouter()


@lru_cache(maxsize=1)
def assets() -> Mapping[str, bytes]:
    """Every file of ``data/static`` by its name."""
    folder = files("compoundeye.console").joinpath("data", "static")
    return MappingProxyType({file.name: file.read_bytes() for file in _in_order(folder) if _suffix(file.name) in TYPES})


@lru_cache(maxsize=1)
def edition() -> str:
    """Digest of all of them together: scripts import each other by name, so one that changes moves all."""
    whole = hashlib.sha256()
    for name, data in assets().items():
        whole.update(f"{name}\0{len(data)}\0".encode())
        whole.update(data)
    return whole.hexdigest()[:16]


def address(name: str) -> str:
    """Where a page finds the file ``name``.

    Raises:
        KeyError: there is no such file.
    """
    if name not in assets():
        raise KeyError(f"data/static has no {name}")
    return f"/static/{edition()}/{name}"


@router.get("/static/{digest}/{name}")
def static(digest: str, name: str, request: Request) -> Response:
    """One file. Names are looked up, never joined to a folder: there is no way out of it."""
    data = assets().get(name)
    if data is None:
        raise NotFound("there is no such file")
    if digest != edition():  # a page that was open while the server was renewed: right, but not for ever
        return Response(data, media_type=TYPES[_suffix(name)], headers={"Cache-Control": "no-cache"})
    tag = f'"{digest}"'
    headers = {"Cache-Control": FOREVER, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=TYPES[_suffix(name)], headers=headers)


def _in_order(folder: Traversable) -> list[Traversable]:
    return sorted((file for file in folder.iterdir() if file.is_file()), key=lambda file: file.name)


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2]}"
