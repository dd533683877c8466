"""Where bytes lie: a path on this machine, or one inside a bucket. Everything that reads sources reads them here."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import unquote

from pyarrow import ArrowInvalid
from pyarrow import fs as arrow_fs

from compoundeye.corpus._error import CorpusError

READ_AHEAD = 1 << 20
"""Bytes fetched at once from a bucket: each request costs tens of milliseconds, whatever its size."""

MISSING = os.strerror(errno.ENOENT).lower()
NOT_REGULAR = "not a regular file"
BROKEN_LINK = "broken link"

# C0 and C1 controls (ISO/IEC 6429) repaint a terminal; line separators and the overrides of direction (Unicode UAX 9)
# make one name look like another.
_ESCAPED = {code: f"\\x{code:02x}" for code in [*range(0x20), 0x7F]}
_ESCAPED |= {code: f"\\u{code:04x}" for code in [*range(0x80, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)]}
if os.sep != "\\":
    _ESCAPED[ord("\\")] = "\\\\"  # so that no two names are shown alike


class Place(NamedTuple):
    """A file or folder. Picklable, and small: there may be billions."""

    path: str
    """On this machine (bytes that are not text as surrogates, see `os.fsencode`) or in the bucket's file system."""
    base: str = ""
    """URI that names the file system, with its options; empty for this machine."""

    @property
    def label(self) -> bytes:
        """The exact name, without what a URI may hold of passwords."""
        return f"{self.base.partition('://')[0]}://{self.path}".encode() if self.base else os.fsencode(self.path)

    def __str__(self) -> str:
        return printable(self.label)

    def open(self) -> BinaryIO:
        """Open for reading, seekable. Raises OSError."""
        if not self.base:
            return open(self.path, "rb")
        file_system, _ = bucket(self.base)
        return io.BufferedReader(file_system.open_input_file(self.path), READ_AHEAD)

    def beside(self, name: str) -> Place:
        """The place that ``name`` means in a list which lies here: relative to the list, or absolute, or a URI."""
        if "://" in name:
            return place_of(name)
        folder = os.path.dirname(self.path)
        return Place(f"{folder}/{name}" if self.base else os.path.normpath(os.path.join(folder, name)), self.base)


class Status(NamedTuple):
    """What is at a place now."""

    kind: str
    """"file", "folder", or why it is neither: a reason as accounts show it."""
    size: int = 0
    mtime_ns: int = 0
    identity: tuple[int, int] = (0, 0)
    """Device and inode of a local folder, by which a loop of links is known."""


class UnreadableError(Exception):
    """An input whose bytes cannot be had; the text is the reason that the account shows."""


def place_of(text: str) -> Place:
    """The place that a user's text names.

    Raises:
        CorpusError: a URI of a kind that is not known.
    """
    scheme, is_uri, rest = text.partition("://")
    if not is_uri:
        return Place(os.path.abspath(os.path.expanduser(text)))
    if scheme == "file":
        return Place(bucket(text)[1])
    name, mark, options = rest.partition("?")
    host, _, key = name.partition("/")
    if scheme in ("s3", "gs", "gcs"):
        # One file system a bucket, not one an object: each costs a question for the bucket's region.
        path = f"{host.rpartition('@')[2]}/{unquote(key)}".rstrip("/")
        return Place(path, f"{scheme}://{host}{mark}{options}")
    return Place(bucket(text)[1].rstrip("/"), text)


@lru_cache(maxsize=64)
def bucket(uri: str) -> tuple[Any, str]:
    """File system and path of a URI; connections are kept."""
    try:
        file_system, path = arrow_fs.FileSystem.from_uri(uri)
    except (ArrowInvalid, OSError) as error:
        # A URI may carry a password, before the host or among the options.
        shown = printable(re.sub("//[^/]*@", "//", uri.partition("?")[0]).encode())
        why = str(error).splitlines()[0].replace(uri, shown)
        raise CorpusError(f"cannot use {shown} as a source: {why}") from error
    return file_system, path


def printable(label: bytes) -> str:
    """A name as text on one line: bytes that are not UTF-8 and control characters are spelt out."""
    # A backslash of the name is doubled before invalid bytes become backslashes of ours.
    text = label.decode("utf-8", "surrogateescape").translate(_ESCAPED)
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def status(place: Place) -> Status:
    """What is at a place; links are followed. Never raises."""
    try:
        if place.base:
            return _of_info(bucket(place.base)[0].get_file_info(place.path))
        found = os.stat(place.path)
    except OSError as error:
        return Status(_broken_link(place) or reason_of(error))
    except ValueError:  # a zero byte in a name from a list
        return Status(MISSING)
    if stat.S_ISREG(found.st_mode):
        return Status("file", found.st_size, found.st_mtime_ns)
    if stat.S_ISDIR(found.st_mode):
        return Status("folder", identity=(found.st_dev, found.st_ino))
    return Status(NOT_REGULAR)  # a pipe or device: reading it might never end


def children(folder: Place) -> Iterator[tuple[Place, Status]]:
    """What lies in a folder, in the order of names; only the names are held in memory. Raises OSError."""
    if folder.base:
        selector = arrow_fs.FileSelector(folder.path)
        for info in sorted(bucket(folder.base)[0].get_file_info(selector), key=lambda info: str(info.path)):
            yield Place(info.path, folder.base), _of_info(info)
        return
    for name in sorted(os.listdir(folder.path)):
        place = Place(os.path.join(folder.path, name))
        yield place, status(place)


def read_whole(place: Place, limit: int) -> bytes:
    """The bytes of a file.

    Raises:
        UnreadableError: it cannot be read, or has more than ``limit`` bytes.
    """
    try:
        if place.base:
            with bucket(place.base)[0].open_input_file(place.path) as file:
                return bytes(file.read()) if file.size() <= limit else _too_large(limit)
        with open(place.path, "rb", buffering=0) as file:
            return file.readall() if os.fstat(file.fileno()).st_size <= limit else _too_large(limit)
    except OSError as error:
        raise UnreadableError(reason_of(error)) from error


def reason_of(error: OSError) -> str:
    """An error of the file system in a few words that do not vary from file to file."""
    if error.errno:
        return os.strerror(error.errno).lower()
    if isinstance(error, FileNotFoundError):
        return MISSING
    denied = isinstance(error, PermissionError) or "ACCESS_DENIED" in str(error)
    return os.strerror(errno.EACCES if denied else errno.EIO).lower()


def _too_large(limit: int) -> bytes:
    raise UnreadableError(too_large(limit))


def too_large(limit: int) -> str:
    """The reason for refusing a file of more than ``limit`` bytes."""
    return f"larger than {limit >> 20} MiB" if limit >> 20 else f"larger than {limit} bytes"


def _of_info(info: Any) -> Status:
    if info.type == arrow_fs.FileType.File:
        return Status("file", info.size or 0, info.mtime_ns or 0)
    return Status("folder" if info.type == arrow_fs.FileType.Directory else MISSING)


def _broken_link(place: Place) -> str | None:
    return BROKEN_LINK if not place.base and os.path.islink(place.path) and not os.path.exists(place.path) else None
