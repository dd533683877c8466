"""From what `eye console` was told to the rules of the door; a secret that is needed and not given is made."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from compoundeye.console._access import Access, digest, is_loopback
from compoundeye.console._serve import MISSING
from compoundeye.records import EyeError

SHORTEST = 16
"""Characters of a token that somebody thought of."""


def access_rules(
    host: str,
    port: int,
    *,
    token: str | None = None,
    password_file: Path | None = None,
    names: Sequence[str] = (),
    behind: str | None = None,
) -> tuple[Access, str | None]:
    """Who may come in, and how.

    Args:
        host: the address to listen on.
        token: a secret for scripts and people.
        password_file: its first line is a password, or the argon2 hash of one.
        names: host names by which browsers may call the server, beside its addresses and this machine's name.
        behind: the address under which a reverse proxy on this machine serves it.

    Returns:
        The rules, and the token if it was made here: whoever started the server has to be told. Without names and
        proxy, on loopback, nobody needs a secret.

    Raises:
        EyeError: a secret is too short or cannot be read, or ``behind`` is no address.
    """
    if behind is not None and not _is_root(behind):
        raise EyeError(f"--behind takes an address without a path, such as https://eye.example.org, not {behind}")
    if token is not None and len(token) < SHORTEST:
        raise EyeError(f"a token has at least {SHORTEST} characters, this one has {len(token)}")
    try:
        from compoundeye.console._secrets import new_token, read_password
    except ModuleNotFoundError as missing:
        raise EyeError(MISSING.format(missing.name)) from missing

    password = None if password_file is None else read_password(password_file.expanduser())
    made = None
    if token is None and password is None and (behind is not None or names or not is_loopback(host)):
        token = made = new_token()
    known = (socket.gethostname().lower(), *(name.lower() for name in names))
    return Access(host, port, known, behind, digest(token) if token else None, password), made


def _is_root(address: str) -> bool:
    """Whether an address is of a whole host: pages link to each other from its root."""
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and f"{parts.path}{parts.query}" in ("", "/")
