"""``/c/{corpus}``: a corpus as a grid of pictures. What is looked at stands in the address; the script reads it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from compoundeye.console._api_columns import columns_of
from compoundeye.console._filters import STATES
from compoundeye.console._snapshot import Snapshot
from compoundeye.console._state import Here
from compoundeye.console._templates import render
from compoundeye.console._views import Views

router = APIRouter()

TYPES = "image/*,.heic,.heif,.avif,.tif,.tiff"
"""What the dialog for a picture to search by offers; the server looks at the bytes, not at names."""


@router.get("/c/{corpus}")
def page(request: Request, here: Here, corpus: str) -> Response:
    """The gallery of one corpus.

    Raises:
        NotFound: none of this name is served.
        CorpusError: it is not there any more.
    """
    at = here.part(Views).newest(corpus)
    return render(request, "gallery.html", page="gallery", corpus=corpus, about=_about(corpus, at), types=TYPES)


def _about(corpus: str, at: Snapshot) -> dict[str, Any]:
    """What the script needs before it asks for anything."""
    names = at.corpus.dataset.schema.names
    return {
        "corpus": corpus,
        "rows": at.rows,
        "embedded": "embedding" in names,
        "columns": [column.model_dump() for column in columns_of(at)],
        "results": [name.removesuffix("_state") for name in names if name.endswith("_state")],
        "states": STATES,
    }
