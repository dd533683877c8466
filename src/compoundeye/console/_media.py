"""Bytes of pictures for browsers: never anything that a browser would run, and asked for once.

A picture's id is a digest of its bytes, so what an address gives never changes and may be kept for ever.
"""

from __future__ import annotations

import io
import threading

from fastapi import Request, Response
from PIL import Image

from compoundeye.pixels import Header, PictureError, decode, probe

SHOWN = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}
"""What every browser shows, by the format that the bytes themselves announce."""

LONGEST = 8_192
"""Pixels of the longer side of a picture that is turned into JPEG for the browser."""
_QUALITY = 90
_AT_ONCE = threading.BoundedSemaphore(2)
"""A decoded picture may take 512 MB."""

_KEPT = "private, max-age=31536000, immutable"
_HEADERS = {
    "Cache-Control": _KEPT,
    "X-Content-Type-Options": "nosniff",
    # Opened by itself, a picture is still not a page of this server.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def unchanged(request: Request, identity: str, what: str) -> Response | None:
    """The answer to a browser that has these bytes already, before anything is read; None if it has not."""
    tag = _tag(identity, what)
    have = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers=_HEADERS | {"ETag": tag}) if tag in have else None


def thumbnail(data: bytes, identity: str) -> Response:
    """A stored thumbnail, which ingest made as JPEG."""
    return _response(data, "image/jpeg" if data[:3] == b"\xff\xd8\xff" else None, identity, "thumbnail")


def image(data: bytes, identity: str, *, original: bool = False) -> Response:
    """A picture as it was ingested, or as JPEG where browsers do not know its format.

    Args:
        original: the very bytes, whatever they are, as a download.
    """
    if original:
        return _response(data, None, identity, "original", _ending(data))
    try:
        found = probe(data)
        if found.format in SHOWN:
            return _response(data, SHOWN[found.format], identity, "image")
        return _response(_as_jpeg(data, found), "image/jpeg", identity, "image")
    except PictureError:
        return _response(data, None, identity, "image", "bin")


def _ending(data: bytes) -> str:
    try:
        return {"JPEG": "jpg", "TIFF": "tif"}.get(name := probe(data).format, name.lower())
    except PictureError:
        return "bin"


def _as_jpeg(data: bytes, found: Header) -> bytes:
    with _AT_ONCE:
        pixels = Image.fromarray(decode(data))
        if max(found.width, found.height) > LONGEST:
            pixels.thumbnail((LONGEST, LONGEST))
        file = io.BytesIO()
        pixels.save(file, "JPEG", quality=_QUALITY)
        return file.getvalue()


def _response(data: bytes, kind: str | None, identity: str, what: str, ending: str = "jpg") -> Response:
    headers = _HEADERS | {"ETag": _tag(identity, what)}
    if kind is None:
        headers["Content-Disposition"] = f'attachment; filename="{identity}.{ending}"'
    return Response(data, media_type=kind or "application/octet-stream", headers=headers)


def _tag(identity: str, what: str) -> str:
    return f'"{identity}-{what}"'
