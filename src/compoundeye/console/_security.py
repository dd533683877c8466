"""The door of the server: a request passes here before any handler, and its answer on the way out.

In this order: the Host header (against DNS rebinding), proxies that an open server was not told of, who asks, and for
whatever changes something that the request was sent by a page of ours (against request forgery). Every answer, an
error too, gets the headers that keep a browser from running or framing what it should not.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from compoundeye.console._access import Access
from compoundeye.console._attempts import attempts_of
from compoundeye.console._ending import until
from compoundeye.console._errors import answer, defect
from compoundeye.console._headers import Sealed
from compoundeye.console._refusals import Forbidden, Refusal, SignIn, TooMany
from compoundeye.console._sessions import Visitor, own_name, sessions_of
from compoundeye.console._state import Console

HEADER = "x-compoundeye"
"""No page of another site can send it: a browser asks first (CORS preflight), and the answer is no."""
GUESSED = "too many wrong guesses from your address; try again in {} s"
READING = frozenset({"GET", "HEAD"})
ELSEWHERE = "a page of another site sent this"
NEEDS_NOBODY = ("/login", "/static/", "/api/v1/session")
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def guard(app: FastAPI, console: Console) -> None:
    """Put the door in front of an application."""
    console.part(sessions_of), console.part(attempts_of)  # made now: the door never waits for another part
    app.add_middleware(_Door, console=console)


class _Door:
    """Pure ASGI: streams pass unbuffered."""

    def __init__(self, app: ASGIApp, console: Console) -> None:
        self.app = app
        self.console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            return
        request, out = Request(scope, receive), Sealed(Request(scope, receive), send, self.console.served.access)
        try:
            response = self._stopped(request)
            await (self.app if response is None else response)(scope, until(self.console.ending, receive), out)
            if self.console.ending.is_set():
                await out.finish()
        except Exception as error:
            if out.began:
                raise  # half an answer is out: the server breaks the connection
            await defect(request, error)(scope, receive, out)

    def _stopped(self, request: Request) -> Response | None:
        """Why the request goes no further, or None; says in the scope who asks."""
        try:
            admit(request, self.console)
        except SignIn as error:
            if _wants_page(request):
                to = quote(f"{request.url.path}?{request.url.query}".rstrip("?"), safe="")
                return RedirectResponse(f"/login?to={to}", 303, {"Cache-Control": "no-store"})
            return answer(request, str(error), error.status, {"WWW-Authenticate": "Bearer"})
        except TooMany as error:
            return answer(request, str(error), error.status, {"Retry-After": str(error.seconds)})
        except Refusal as error:
            return answer(request, str(error), error.status)
        return None


def admit(request: Request, console: Console) -> None:
    """Let a request through.

    Raises:
        Forbidden: it comes by a name or a way that this server does not answer to, or a page of another site sent it.
        SignIn: nobody has signed in who may.
        TooMany: wrong tokens came from this address.
    """
    access = console.served.access
    if not access.answers_to(request.headers.get("host", "")):
        raise Forbidden("this server does not answer to that name; `eye console --name NAME` adds one")
    if access.open and any(name in request.headers for name in FORWARDED):
        raise Forbidden("a proxy sends this, so anybody may: start `eye console` with --behind ADDRESS and a password")
    if _is_used_elsewhere(request):
        raise Forbidden(ELSEWHERE)
    path = request.url.path
    visitor = _who(request, console, access)
    request.scope["compoundeye.visitor"] = visitor
    if visitor is None and not any(path == one or (one[-1] == "/" and path.startswith(one)) for one in NEEDS_NOBODY):
        raise SignIn("sign in first: at /login, or with the token in the header `Authorization: Bearer TOKEN`")
    if request.method not in READING:
        _refuse_forgery(request, access)


def _who(request: Request, console: Console, access: Access) -> Visitor | None:
    if access.open:
        return Visitor(own_name())
    scheme, _, offered = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _script(request, console, offered.strip())
    key = request.cookies.get(cookie_name(access))
    return console.part(sessions_of).visitor(key) if key else None


def _script(request: Request, console: Console, offered: str) -> Visitor | None:
    """Whoever sends the token with each request; wrong ones count as wrong passwords do."""
    attempts, address = console.part(attempts_of), request.client.host if request.client else ""
    if seconds := attempts.wait(address):
        raise TooMany(GUESSED.format(seconds), seconds)
    if console.served.access.is_token(offered):
        return Visitor("token")
    attempts.guess(address)
    return None


def cookie_name(access: Access) -> str:
    """With the port, for browsers send cookies to every port of a host; ``__Host-`` where TLS allows (RFC 6265bis)."""
    return f"{'__Host-' if access.secure else ''}eye-{access.port}"


def _is_used_elsewhere(request: Request) -> bool:
    """Whether a page of another site asks (W3C Fetch Metadata): it may lead here by a link, not use what is here."""
    if request.headers.get("sec-fetch-site", "none") in ("same-origin", "none"):
        return False
    leads = request.headers.get("sec-fetch-mode") == "navigate" and request.headers.get("sec-fetch-dest") == "document"
    return request.method not in READING or not leads


def _refuse_forgery(request: Request, access: Access) -> None:
    if not request.headers.get(HEADER):
        raise Forbidden(f"what changes something needs the header `{HEADER}: 1`, which no other site can send")
    origin = request.headers.get("origin")
    if origin is not None and not _is_own(origin, request, access):
        raise Forbidden(ELSEWHERE)


def _is_own(origin: str, request: Request, access: Access) -> bool:
    if access.behind is not None and origin.rstrip("/") == access.behind.rstrip("/"):
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc == request.headers.get("host")


def _wants_page(request: Request) -> bool:
    return request.method in READING and not request.url.path.startswith("/api/")
