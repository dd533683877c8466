"""Who may come in, and by which names a browser may call the server: decided once, when `eye console` starts."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of the door. Without a secret the server is open to whoever reaches it: loopback only."""

    host: str = "127.0.0.1"
    """The address that is listened on."""
    port: int = 0
    names: tuple[str, ...] = ()
    """Host names beyond ``host``, this machine's own and plain addresses."""
    behind: str | None = None
    """``https://eye.example.org``: what a reverse proxy serves this under."""
    token: str | None = None
    """SHA-256 of the token, hexadecimal: scripts send the token with each request, people once."""
    password: str | None = None
    """Argon2 hash (RFC 9106) of the password."""
    tls: bool = False

    @property
    def open(self) -> bool:
        """Whether nobody has to sign in."""
        return self.token is None and self.password is None

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by TLS, so that cookies may be kept from travelling without."""
        return self.tls or (self.behind is not None and urlsplit(self.behind).scheme == "https")

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read along: TLS, or no way at all."""
        return self.secure or (self.behind is None and is_loopback(self.host))

    def answers_to(self, host: str) -> bool:
        """Whether a request may carry this Host header.

        A page of another site whose name was made to resolve to this machine (DNS rebinding) carries its own name:
        an open server answers to loopback names alone.
        """
        name = host_name(host)
        if name is None:
            return False
        if self.open or is_loopback(name):
            return is_loopback(name)
        known = (*self.names, self.host.lower(), host_name(urlsplit(self.behind or "").netloc))
        return name in known or _is_address(name)

    def is_token(self, offered: str) -> bool:
        """Whether ``offered`` is the token, in a time that says nothing about it."""
        return self.token is not None and hmac.compare_digest(self.token, digest(offered))


def digest(secret: str) -> str:
    """SHA-256 of a secret with enough chance in it (a token, a session's key), hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def host_name(host: str) -> str | None:
    """The name in a Host header, lower case, without port, brackets and final dot; None if it is no host."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018  # raises if it is no number
    except ValueError:
        return None
    if "@" in host or parts.path or parts.query or parts.fragment or not parts.hostname:
        return None
    return parts.hostname.rstrip(".")


def is_loopback(name: str) -> bool:
    """Whether a name or address never leaves this machine (RFC 6761 for ``.localhost``)."""
    if name in LOOPBACK_NAMES or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
