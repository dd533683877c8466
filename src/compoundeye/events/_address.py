"""Addresses of where events go: a URL, and after its # what else is to be known, which nobody is ever sent.

Example: ``mqtts://eye@broker.example/metro/north#password_file=/run/secrets/broker&retain=open``
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from compoundeye.records import EyeError


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart."""

    scheme: str
    host: str
    port: int | None
    user: str | None
    password: str | None
    path: str
    """Without the first slash; not decoded."""
    options: Mapping[str, str]
    parts: SplitResult

    @property
    def shown(self) -> str:
        """For people: without password and options."""
        name = f"{self.parts.username}@" if self.parts.username else ""
        place = self.parts.netloc.rpartition("@")[2]
        return urlunsplit((self.scheme, name + place, self.parts.path, self.parts.query, ""))

    def file(self, name: str) -> str | None:
        """The path that an option names; ``~`` is the home."""
        path = self.options.get(name)
        return None if path is None else str(Path(path).expanduser())

    def secret(self, name: str) -> str | None:
        """What the first line of the file says that the option ``NAME_file`` names.

        Raises:
            EyeError: it cannot be read, or is empty.
        """
        path = self.options.get(f"{name}_file")
        if path is None:
            return None
        try:
            lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise EyeError(f"{self.shown}: {name}_file={path} cannot be read: {error}") from error
        if not lines or not lines[0].strip():
            raise EyeError(f"{self.shown}: the first line of {name}_file={path} is empty")
        return lines[0].strip()


def read_address(text: str, options: Mapping[str, str]) -> Address:
    """Take an address apart.

    Args:
        options: what may stand after #, and what for.

    Raises:
        EyeError: it has no host, a port that is none, or an option that is not known.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise EyeError(f"the address {text.rpartition('@')[2]} cannot be read: {error}") from error
    scheme = parts.scheme.lower()
    if not parts.hostname:
        raise EyeError(f"{scheme}:// needs a host: {scheme}://HOST/...")
    given = dict(parse_qsl(parts.fragment, keep_blank_values=True))
    for name in given:
        if name not in options:
            known = ", ".join(f"{key} ({value})" for key, value in options.items())
            raise EyeError(f"{scheme}://{parts.hostname} knows no option {name}; after # there may be {known}")
    user, password = (None if one is None else unquote(one) for one in (parts.username, parts.password))
    return Address(scheme, parts.hostname, port, user, password, parts.path.removeprefix("/"), given, parts)


def spool_file(shown: str) -> str:
    """The name of a file that is an address's: the same under another password or other options."""
    scheme, _, rest = shown.partition("://")
    host = re.sub(r"[^\w.-]", "_", rest.rpartition("@")[2].partition("/")[0])
    return f"{scheme}-{host}-{hashlib.sha256(shown.encode()).hexdigest()[:12]}.sqlite"


def spool_folder() -> Path:
    """Where messages wait: ``$COMPOUNDEYE_HOME/spool``, or ``~/.cache/compoundeye/spool``."""
    chosen = os.environ.get("COMPOUNDEYE_HOME")
    return (Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "compoundeye") / "spool"
