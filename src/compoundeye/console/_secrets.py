"""Passwords that a person thought of, as hashes that are dear to guess: argon2id (RFC 9106), at most two at once."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from compoundeye.console._refusals import TooMany
from compoundeye.records import EyeError

SHORTEST, LONGEST = 8, 1024
"""Characters of a password: NIST SP 800-63B, section 5.1.1.1, asks for 8; the other bound is ours."""
AT_ONCE, IN_LINE = 2, 8
"""Each check takes 64 MiB and a core for a moment: a flood of them neither fills the memory nor holds all threads."""

_hasher = PasswordHasher()
_turn, _line = threading.BoundedSemaphore(AT_ONCE), threading.BoundedSemaphore(IN_LINE)


def hashed(password: str) -> str:
    """The hash to keep instead of ``password``.

    Raises:
        EyeError: it is too short to be a secret, or far too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise EyeError(f"a password has {SHORTEST} to {LONGEST} characters, this one has {len(password):,}")
    return _hasher.hash(_bytes(password))


def matches(hash_: str, password: str) -> bool:
    """Whether ``password`` is the one that was hashed.

    Raises:
        TooMany: more are being checked than anybody would type at once.
    """
    if len(password) > LONGEST:
        return False
    if not _line.acquire(blocking=False):
        raise TooMany("many are signing in right now; try again in a moment", 1)
    try:
        with _turn:
            return _hasher.verify(hash_, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _line.release()


def _bytes(password: str) -> bytes:
    """The same for each way of typing the same letters (NIST SP 800-63B asks for a normal form of Unicode)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def read_password(file: Path) -> str:
    """The hash of the first line of a file; a line that is an argon2 hash already is taken as it is.

    Raises:
        EyeError: the file cannot be read, others may read it, or it holds no fit password.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        mode = file.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise EyeError(f"cannot read the password in {file}: {error}") from error
    first = lines[0].strip() if lines else ""
    if first.startswith("$argon2"):
        return first
    if mode & 0o077:
        raise EyeError(f"others may read {file}: chmod 600 {file}, or keep an argon2 hash in it instead")
    return hashed(first)


def new_token() -> str:
    """256 bits of chance, in characters that every shell and address takes as they are."""
    return secrets.token_urlsafe(32)
