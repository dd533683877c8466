"""What every answer carries, headers that keep a browser from running or framing what it should not."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Request
from starlette.types import Message, Send

from compoundeye.console._access import Access
from compoundeye.console._errors import PLAIN, answer

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",  # innerHTML and its kind throw: a label cannot become markup
        "trusted-types 'none'",
    ]
)
"""W3C Content Security Policy Level 3: no script or style but our own files, no request but to this server."""
YEAR = "max-age=31536000"
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",  # what may be kept says so itself
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class Sealed:
    """Where an answer goes out: the headers are added, and the framework's own words for too many bytes are ours."""

    def __init__(self, request: Request, send: Send, access: Access) -> None:
        self.began = False
        """Whether the browser has the beginning of an answer."""
        self._request, self._send, self._access = request, send, access
        self._replaced = False
        self._endless = False

    async def __call__(self, message: Message) -> None:
        """One message of ASGI."""
        if message["type"] != "http.response.start":
            if not self._replaced:
                self._endless &= message.get("more_body", False)
                await self._send(message)
            return
        self.began = True
        if message["status"] == 413 and _kind(message).startswith(b"text/plain"):
            self._replaced = True
            await answer(self._request, PLAIN[413], 413)(self._request.scope, self._request.receive, self._whole)
            return
        await self._whole(message)

    async def finish(self) -> None:
        """Put the last word to a stream that was broken off, so that it ends rather than fails."""
        if self._endless:
            await self({"type": "http.response.body", "body": b"", "more_body": False})

    async def _whole(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._endless = not any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
            message = {**message, "headers": with_headers(message.get("headers", ()), self._access)}
        await self._send(message)


def with_headers(headers: Iterable[tuple[bytes, bytes]], access: Access) -> list[tuple[bytes, bytes]]:
    """A handler may tighten what stands here (a policy of its own for a stranger's picture), never go without."""
    kept = list(headers)
    present = {name.lower().decode("latin-1") for name, _ in kept}
    more = HEADERS | ({"strict-transport-security": YEAR} if access.secure else {})
    return kept + [(name.encode(), value.encode()) for name, value in more.items() if name not in present]


def _kind(message: Message) -> bytes:
    return next((value for name, value in message.get("headers", ()) if name.lower() == b"content-type"), b"")
