"""One input: a place that should hold a picture, and how to get at its bytes."""

from __future__ import annotations

import os
from collections import Counter
from typing import NamedTuple, Protocol

from compoundeye.corpus._error import CorpusError
from compoundeye.corpus._place import Place, Status, UnreadableError, printable, read_whole, status
from compoundeye.records import source_key

# What pixels can decode, by the endings in use; an ending only says what to look at, the bytes decide.
PICTURE_ENDINGS = frozenset(
    ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "avif", "heic", "heif", "hif"]
)
_MOST_ENDINGS = 100


class Locator(Protocol):
    """How a worker gets an input's bytes. Picklable and small."""

    def read(self, limit: int) -> bytes:
        """The encoded picture. Raises UnreadableError, also where it has more than ``limit`` bytes."""
        ...


class Input(NamedTuple):
    """Something that will be stored, a duplicate or failed. It is the same input as long as its key is the same."""

    key: bytes
    source: str
    """For people: what the picture was read from."""
    size: int
    """Bytes as far as the listing knows; reading decides."""
    mtime_ns: int
    locator: Locator
    caption: str | None = None
    metadata: str | None = None
    """JSON (RFC 8259)."""


class WholeFile(NamedTuple):
    """A file of its own."""

    place: Place

    def read(self, limit: int) -> bytes:
        return read_whole(self.place, limit)


class Broken(NamedTuple):
    """An input that is known to be unreadable when it is listed."""

    reason: str

    def read(self, limit: int) -> bytes:  # noqa: ARG002  # the signature of a Locator
        raise UnreadableError(self.reason)


class LeftAlone:
    """How many files were not looked at because of their endings."""

    def __init__(self) -> None:
        self.count = 0
        self.endings: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """Count one; a source with endings without end takes no memory without end."""
        self.count += 1
        ending = f".{ending_of(name)}"
        self.endings[ending if ending in self.endings or len(self.endings) < _MOST_ENDINGS else "other"] += 1


def ending_of(name: str) -> str:
    """What follows the last dot, in small letters."""
    return name.rpartition("/")[2].rpartition(".")[2].lower() if "." in name else ""


def is_picture_name(name: str) -> bool:
    """Whether a file of this name should hold a picture. "._" begins what macOS puts beside a file, never a picture."""
    return ending_of(name) in PICTURE_ENDINGS and not name.rpartition("/")[2].startswith("._")


def file_input(place: Place, found: Status, caption: str | None = None, metadata: str | None = None) -> Input:
    """The input that a file is, or the failed one that stands for what is there instead."""
    locator: Locator = WholeFile(place) if found.kind == "file" else Broken(_why(found))
    return named_input(place.label, found, found.size, locator, caption, metadata)


def listed_input(table: Place, found: Status, name: str, caption: str | None, metadata: str | None) -> Input:
    """The input that a row of a table names: a path relative to the table, or a URI."""
    try:
        place = table.beside(name)
    except CorpusError:
        label = os.fsencode(name)
        return named_input(label, found, 0, Broken("unknown kind of address"), caption, metadata)
    return file_input(place, status(place), caption, metadata)


def named_input(
    label: bytes,
    found: Status,
    size: int,
    locator: Locator,
    caption: str | None = None,
    metadata: str | None = None,
    at: int | None = None,
) -> Input:
    """An input by its exact name.

    Args:
        found: the file that holds it, so that a changed file holds new inputs.
        at: where in that file, if names do not tell its inputs apart.
    """
    key = source_key(label if at is None else b"%b@%d" % (label, at), size, found.mtime_ns)
    return Input(key, printable(label), size, found.mtime_ns, locator, caption, metadata)


def _why(found: Status) -> str:
    return "is a folder" if found.kind == "folder" else found.kind
