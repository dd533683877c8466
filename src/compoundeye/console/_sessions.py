"""Who is asking: sessions of people that have signed in, kept in memory and known only by a digest of their key."""

from __future__ import annotations

import getpass
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from compoundeye.console._access import digest

IDLE_S, LONGEST_S = 12 * 3600.0, 7 * 24 * 3600.0
"""A session ends after half a day without a request, and after a week in any case."""
MOST = 10_000
"""Sessions at once; the one unused longest makes room."""
NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a request comes from."""

    name: str
    """What corrections are signed with (``by``): the name given at sign-in, or of the user who runs the server."""
    key: str | None = None
    """Digest of the session's key; None on an open server and for scripts that send the token."""


@dataclass(slots=True)
class _Session:
    name: str
    began: float
    used: float


class Sessions:
    """Sessions by the digest of their key: who reads the memory or a log of it can still not sign in."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, name: str) -> str:
        """A new session of ``name``; returns the key that its cookie carries, 256 bits of chance."""
        key, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._sessions[digest(key)] = _Session(name, now, now)
            while len(self._sessions) > MOST:
                self._sessions.popitem(last=False)
        return key

    def visitor(self, key: str) -> Visitor | None:
        """Whose key this is; None if nobody's, or not any more."""
        known, now = digest(key), self._clock()
        with self._lock:
            session = self._sessions.get(known)
            if session is None:
                return None
            if now - session.used > IDLE_S or now - session.began > LONGEST_S:
                del self._sessions[known]
                return None
            session.used = now
            self._sessions.move_to_end(known)
            return Visitor(session.name, known)

    def end(self, visitor: Visitor) -> None:
        """Nobody comes in with this session's key again."""
        with self._lock:
            self._sessions.pop(visitor.key or "", None)


def sessions_of(_: object) -> Sessions:
    """The server's sessions: ``console.part(sessions_of)``."""
    return Sessions()


def visitor_of(request: Request) -> Visitor | None:
    """Who asks, as the guard found out; None on the pages that need nobody."""
    found: Visitor | None = request.scope.get("compoundeye.visitor")
    return found


def own_name() -> str:
    """The user who runs the server: who else is it on a server that only this machine reaches?"""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "console"


def _someone(request: Request) -> Visitor:
    return visitor_of(request) or Visitor(own_name())


Who = Annotated[Visitor, Depends(_someone)]
"""Parameter of a handler that signs what it writes: ``def correct(who: Who)`` and ``who.name``."""
