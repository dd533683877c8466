"""``/c/{corpus}/p/{id}``: one picture with all that is known of it, in the list that it was opened from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import JsonValue

from compoundeye.console._api_around import At, Listed
from compoundeye.console._around import Around, around
from compoundeye.console._asked import PictureId
from compoundeye.console._details import Details, details, history
from compoundeye.console._made_by import made_by, trust
from compoundeye.console._pictures import address
from compoundeye.console._sessions import Who
from compoundeye.console._snapshot import Snapshot
from compoundeye.console._state import Here
from compoundeye.console._templates import render
from compoundeye.console._views import Views
from compoundeye.records import EyeError

router = APIRouter()

_TOLD = ("id", "source", "width", "height", "format", "bytes", "taken_at", "camera", "caption", "latitude", "longitude")
"""Columns that the page tells in words of its own."""
_INSIDE = {"metadata", "thumbnail", "image", "phash", "label", "label_by", "label_at", "embedding_by"}


@router.get("/c/{corpus}/p/{id}")
def page(
    request: Request,
    here: Here,
    who: Who,
    corpus: str,
    id: PictureId,  # noqa: A002  # its name in addresses
    listing: Listed,
    at: At = None,
) -> Response:
    """One picture.

    Raises:
        NotFound: no such corpus or picture.
    """
    now = here.part(Views).newest(corpus)
    row = now.row_of(bytes.fromhex(id))
    found = details(corpus, now, row)
    try:
        place: Around | None = around(here, corpus, bytes.fromhex(id), listing, at)
    except EyeError:  # a list that cannot be made, or is gone: the picture is there all the same
        place = None
    return render(
        request,
        "picture.html",
        page="picture",
        corpus=corpus,
        name=found.picture.source.rstrip("/").rpartition("/")[2] or found.picture.source,
        found=found,
        said=[
            one.model_dump() | {"made_by": made_by(one.by), "trust": trust(now, one.name, one.by)} for one in found.said
        ],
        embedded_by=made_by(found.embedded_by),
        history=history(now, row),
        place=place,
        links=_links(request, corpus, place) | {"alike": f"/c/{quote(corpus, safe='')}?like={id}"},
        more=_more(found),
        metadata=None if found.metadata is None else json.dumps(found.metadata, indent=2, ensure_ascii=False),
        about=_about(corpus, now, found, who.name),
    )


def _about(corpus: str, now: Snapshot, found: Details, you: str) -> dict[str, Any]:
    """What the scripts need."""
    return {
        "corpus": corpus,
        "version": now.version,
        "picture": found.picture.model_dump(mode="json"),
        "embedded": found.embedded_by is not None,
        "you": you,
    }


def _links(request: Request, corpus: str, place: Around | None) -> dict[str, str | None]:
    """To the list, and to the pictures before and after: the list's own words go along, with the version it is of."""
    words = [(name, value) for name, value in request.query_params.multi_items() if name not in ("at", "version")]
    here = f"/c/{quote(corpus, safe='')}"

    def to(path: str, **more: int | None) -> str:
        query = urlencode([*words, *((name, value) for name, value in more.items() if value is not None)])
        return f"{here}{path}?{query}" if query else f"{here}{path}"

    found: dict[str, str | None] = {"list": to("", at=place.place if place else None), "before": None, "after": None}
    for name, end in (("before", place.before), ("after", place.after)) if place else ():
        if end is not None:
            found[name] = to(f"/p/{end.id}", at=end.place, version=place.version if place else None)
            found[f"{name}_image"] = address(corpus, end.id, "image", end.row)
    return found


def _more(found: Details) -> Mapping[str, JsonValue]:
    """Columns that somebody added, and those that the page has no words for."""
    told = {*_TOLD, *(name for one in found.said for name in found.values if name == one.name)}
    results = tuple(f"{one.name}_" for one in found.said)
    return {
        name: value
        for name, value in found.values.items()
        if value is not None and name not in told and name not in _INSIDE and not name.startswith(results)
    }
