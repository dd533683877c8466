"""Signing in and out: a name and a secret become a cookie that scripts of pages cannot read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from compoundeye.console._access import Access
from compoundeye.console._attempts import attempts_of
from compoundeye.console._refusals import SignIn, TooMany
from compoundeye.console._secrets import LONGEST, matches
from compoundeye.console._security import GUESSED, cookie_name
from compoundeye.console._sessions import LONGEST_S, NAME_LENGTH, sessions_of, visitor_of
from compoundeye.console._state import Console, Here

router = APIRouter(tags=["session"])

PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
"""No controls: a name that is written beside a correction is printed on terminals too."""


class SignedIn(BaseModel):
    """Who asks."""

    name: str | None
    """What corrections are signed with; null if nobody has signed in."""
    open: bool
    """Whether nobody has to sign in here."""


class Credentials(BaseModel):
    """What the form of the login page sends."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=NAME_LENGTH, pattern=PRINTABLE)]
    secret: str = Field(max_length=LONGEST)
    """The password, or the token."""


@router.get("/session")
def session(request: Request, here: Here) -> SignedIn:
    """Who has signed in."""
    visitor = visitor_of(request)
    return SignedIn(name=visitor.name if visitor else None, open=here.served.access.open)


@router.post("/session")
def sign_in(request: Request, response: Response, here: Here, given: Credentials) -> SignedIn:
    """Begin a session, kept in a cookie."""
    access, address = here.served.access, request.client.host if request.client else ""
    if not access.open:
        _check(here, address, given.secret)
        key = here.part(sessions_of).begin(given.name)
        _set_cookie(response, access, key, int(LONGEST_S))
    return SignedIn(name=given.name, open=access.open)


@router.delete("/session")
def sign_out(request: Request, response: Response, here: Here) -> SignedIn:
    """End the session."""
    visitor, access = visitor_of(request), here.served.access
    if visitor is not None and not access.open:
        here.part(sessions_of).end(visitor)
        _set_cookie(response, access, "", 0)
    return SignedIn(name=None, open=access.open)


def _check(here: Console, address: str, secret: str) -> None:
    """Raises TooMany or SignIn; both say the same of a wrong password as of a wrong token."""
    access, attempts = here.served.access, here.part(attempts_of)
    if seconds := attempts.guess(address):
        raise TooMany(GUESSED.format(seconds), seconds)
    if access.is_token(secret) or (access.password is not None and matches(access.password, secret)):
        attempts.succeeded(address)
        return
    raise SignIn("that is not the password or token of this console")


def _set_cookie(response: Response, access: Access, key: str, seconds: int) -> None:
    # Strict: not sent along with anything that begins at another site.
    response.set_cookie(
        cookie_name(access), key, max_age=seconds, httponly=True, secure=access.secure, samesite="strict", path="/"
    )
    response.headers["Cache-Control"] = "no-store"
