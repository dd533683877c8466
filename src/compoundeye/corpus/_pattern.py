"""Places that a pattern matches, in the order of names, one folder's names in memory at a time."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator

from compoundeye.corpus._place import Place, Status, children, reason_of, status

_WILD = re.compile(r"[*?\[]")
ANY_DEPTH = "**"


def is_pattern(text: str) -> bool:
    """Whether a path has wildcards in it."""
    return _WILD.search(text.partition("?")[0] if "://" in text else text) is not None


def matches(pattern: Place) -> Iterator[tuple[Place, Status]]:
    """Files and folders whose path matches: ``*``, ``?`` and ``[...]`` within a name, ``**`` for any number of folders.

    As in a shell, names that begin with a dot match only a part that does so too, and ``**`` does not follow links.
    A folder that cannot be listed matches, with the reason as its status.
    """
    parts = pattern.path.split("/")
    first = next(index for index, part in enumerate(parts) if _WILD.search(part))
    start = Place("/".join(parts[:first]) or ("" if pattern.base else "/"), pattern.base)
    yield from _below(start, parts[first:])


def _below(folder: Place, parts: list[str]) -> Iterator[tuple[Place, Status]]:
    part, rest = parts[0], parts[1:]
    if not _WILD.search(part):
        place = Place(f"{folder.path.rstrip('/')}/{part}", folder.base)
        found = status(place)
        if rest and found.kind == "folder":
            yield from _below(place, rest)
        elif not rest and found.kind in ("file", "folder"):
            yield place, found
        return
    if part == ANY_DEPTH and rest:
        yield from _below(folder, rest)
    matching = re.compile(fnmatch.translate(part)).match
    for place, found in _children(folder):
        if place == folder:  # it cannot be listed
            yield place, found
            continue
        name = place.path.rpartition("/")[2]
        if name.startswith(".") and not part.startswith("."):
            continue
        if part == ANY_DEPTH:
            if found.kind == "folder" and (place.base or not os.path.islink(place.path)):
                yield from _below(place, parts)
            elif found.kind != "folder" and not rest:
                yield place, found
        elif matching(name):
            if not rest:
                yield place, found
            elif found.kind == "folder":
                yield from _below(place, rest)


def _children(folder: Place) -> Iterator[tuple[Place, Status]]:
    try:
        yield from children(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield folder, Status(f"cannot list folder: {reason_of(error)}")
