"""The secret of a gallery: where the master key is kept, and what is made of it.

A template, a name, a crop is sealed by AES-256-GCM (NIST SP 800-38D) under a key of its own record; that key is wrapped
by a key derived from the master key by HKDF-SHA-256 (RFC 5869). What is sealed names what it is (the associated data),
so that no sealed thing can be put in the place of another unnoticed.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from compoundeye.records import EyeError

ENVIRONMENT = "EYE_GALLERY_KEY"
"""Holds the line of a key file, where there is no file."""
MARK = "eye-gallery-key-1:"
"""Before the key, so that no other file is taken for one."""
KEY_BYTES = 32
NONCE_BYTES, TAG_BYTES = 12, 16  # NIST SP 800-38D, sections 8.2 and 5.2.1.2


class DamagedError(EyeError):
    """Something sealed was changed, cut, or put where it does not belong."""


class Secret:
    """A master key, the gallery's root key that is wrapped under it, and what is derived from both.

    The root never changes: the audit log is chained, and pictures are tagged, under keys derived from it.
    """

    def __init__(self, master: bytes, gallery: str, root: bytes | None = None) -> None:
        """Args:
            root: wrapped, as a gallery keeps it; None: a new one.

        Raises:
            DamagedError: it was changed.
        """
        self.gallery = gallery
        self._master = master
        seal, unseal = sealer(self.wrapping)
        self._root = secrets.token_bytes(KEY_BYTES) if root is None else unseal(root, self.about("root", 0))
        self.wrapped_root = seal(self._root, self.about("root", 0)) if root is None else root

    def renewed(self, master: bytes) -> Secret:
        """The same gallery under another master key."""
        new = Secret(master, self.gallery)
        new._root = self._root
        new.wrapped_root = sealer(new.wrapping)[0](self._root, self.about("root", 0))
        return new

    def derived(self, key: bytes, use: str, length: int = KEY_BYTES) -> bytes:
        """A key for one use only: others say nothing about it."""
        hashes, hkdf = _needed().hashes, _needed().HKDF
        salt, info = self.gallery.encode(), f"compoundeye gallery {use}".encode()
        return bytes(hkdf(hashes.SHA256(), length, salt, info).derive(key))

    @cached_property
    def wrapping(self) -> bytes:
        """What keys of records are wrapped under."""
        return self.derived(self._master, "wrap")

    @cached_property
    def auditing(self) -> bytes:
        """What entries of the audit log are sealed and chained under."""
        return self.derived(self._root, "audit")

    @cached_property
    def _tagging(self) -> bytes:
        return self.derived(self._root, "picture tags")

    def tag(self, picture: str) -> bytes:
        """What stands for a picture's id on disk, 16 bytes: equal for equal ids, and says nothing to who has no key."""
        return hmac.digest(self._tagging, picture.encode(), "sha256")[:16]

    def about(self, what: str, number: int) -> bytes:
        """Associated data of a sealed thing: which gallery, what, of which record."""
        return f"{self.gallery}|{what}|{number}".encode()

    @cached_property
    def rotating(self) -> bytes:
        """What the turning of templates is drawn from; another one with another master key."""
        return self.derived(self._master, "rotation")

    @staticmethod
    def check(master: bytes, gallery: str) -> bytes:
        """Tells the right master key from a wrong one, and nothing else."""
        return hmac.digest(master, b"compoundeye gallery check|" + gallery.encode(), "sha256")

    @property
    def checked(self) -> bytes:
        """`check` of this master key."""
        return self.check(self._master, self.gallery)


def sealer(key: bytes) -> tuple[Callable[[bytes, bytes], bytes], Callable[[bytes, bytes], bytes]]:
    """``seal(plain, about)`` and ``unseal(sealed, about)`` under a key of 32 bytes.

    ``unseal`` raises DamagedError: what was sealed was changed, or was sealed as something else.
    """
    aead, wrong = _needed().AESGCM(key), _needed().InvalidTag

    def seal(plain: bytes, about: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + bytes(aead.encrypt(nonce, plain, about))

    def unseal(sealed: bytes, about: bytes) -> bytes:
        try:
            return bytes(aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about))
        except (wrong, ValueError) as error:
            raise DamagedError(f"{about.decode()} was changed or is not whole; restore a copy") from error

    return seal, unseal


def make_key(file: str | os.PathLike[str]) -> bytes:
    """A new master key in a new file that only its owner may read.

    Raises:
        EyeError: the file is there already, or cannot be written.
    """
    place, key = Path(file).expanduser(), secrets.token_bytes(KEY_BYTES)
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(key_line(key) + "\n")
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError as error:
        raise EyeError(f"{place} is there already; a key is never written over") from error
    except OSError as error:
        raise EyeError(f"cannot write the key file {place}: {error.strerror}") from error
    return key


def key_line(key: bytes) -> str:
    """A key as the one line of its file, or as the value of `ENVIRONMENT`."""
    return MARK + base64.urlsafe_b64encode(key).decode()


def read_key(file: str | os.PathLike[str] | None) -> bytes:
    """The master key in a file, or in the environment where no file is named.

    Raises:
        EyeError: there is none, others may read the file, or it holds no key.
    """
    if file is None:
        line, place = os.environ.get(ENVIRONMENT, ""), f"the variable {ENVIRONMENT}"
        if not line:
            raise EyeError(f"a gallery needs its key: name the key file, or put its line into {ENVIRONMENT}")
    else:
        line, place = _private_line(Path(file).expanduser()), str(file)
    try:
        key = base64.b64decode(line.removeprefix(MARK).encode(), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if not line.startswith(MARK) or len(key) != KEY_BYTES:
        raise EyeError(f"{place} holds no key of a gallery: a line that begins with {MARK}")
    return key


def _private_line(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EyeError(f"cannot read the key file {file}: {getattr(error, 'strerror', 'it is no text')}") from error
    if os.name == "posix" and mode & 0o077:
        raise EyeError(f"others may read the key file {file}: chmod 600 {file}")
    return lines[0].strip() if lines else ""


class _Needed:
    """The package that seals, when it is first needed."""

    def __init__(self) -> None:
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives import hashes
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF
        except ModuleNotFoundError as missing:
            raise EyeError(f"a gallery needs {missing.name}: pip install 'compoundeye[face]'") from missing
        self.InvalidTag, self.hashes, self.AESGCM, self.HKDF = InvalidTag, hashes, AESGCM, HKDF


_found: _Needed | None = None


def _needed() -> _Needed:
    global _found
    _found = _found or _Needed()
    return _found
