"""What the console answers instead of what was asked for: one exception a status, each with its sentence."""

from __future__ import annotations

from typing import ClassVar

from compoundeye.records import EyeError


class Refusal(EyeError):  # noqa: N818  # an answer, not an accident
    """A request that is not done: answered with ``status``, as JSON under /api and as a page elsewhere."""

    status: ClassVar[int] = 400
    """Of HTTP (RFC 9110); any other `EyeError` is answered with 400 too."""


class SignIn(Refusal):
    """Nobody has signed in: 401, or the way to the login page."""

    status = 401


class Forbidden(Refusal):
    """Whoever asks, and whatever they say, this is not done: 403."""

    status = 403


class NotFound(Refusal):
    """There is nothing at an address: 404."""

    status = 404


class Conflict(Refusal):
    """It was done by another meanwhile, or cannot be done twice: 409."""

    status = 409


class TooLarge(Refusal):
    """More bytes than are taken: 413."""

    status = 413


class WrongType(Refusal):
    """Bytes of a kind that is not taken, such as an upload that is no picture: 415."""

    status = 415


class Unprocessable(Refusal):
    """A value that is understood and makes no sense: 422."""

    status = 422


class TooMany(Refusal):
    """Too often, or too many at once: 429, with how long to wait."""

    status = 429

    def __init__(self, text: str, seconds: int) -> None:
        super().__init__(text)
        self.seconds = seconds
