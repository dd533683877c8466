"""Pictures in a folder and the folders below it."""

from __future__ import annotations

from collections.abc import Iterator

from compoundeye.corpus._input import Broken, Input, LeftAlone, ending_of, file_input, is_picture_name, named_input
from compoundeye.corpus._place import BROKEN_LINK, NOT_REGULAR, Place, Status, children, reason_of


def from_folder(folder: Place, found: Status, left_alone: LeftAlone, skip: Place | None = None) -> Iterator[Input]:
    """Every file with a picture's ending, in the order of names; memory holds the names of the folders on the way down.

    Links are followed, but not into a folder that contains the link: all in there is listed anyway.

    Args:
        skip: a folder to leave out: the corpus itself, should it lie in its own source.
    """
    levels = [(found.identity, _list(folder, found))]
    while levels:
        entry = next(levels[-1][1], None)
        if entry is None:
            levels.pop()
            continue
        place, what = entry
        if isinstance(what, Input):
            yield what
        elif what.kind == "folder":
            looped = not place.base and any(what.identity == above for above, _ in levels)
            if place != skip and not looped:
                levels.append((what.identity, _list(place, what)))
        elif is_picture_name(place.path) or _may_be_folder(place, what):
            yield file_input(place, what)
        else:
            left_alone.add(place.path)


def _may_be_folder(place: Place, found: Status) -> bool:
    """Whether pictures may hide where the file system says only that it will not say."""
    return found.kind not in ("file", NOT_REGULAR, BROKEN_LINK) and not ending_of(place.path)


def _list(folder: Place, found: Status) -> Iterator[tuple[Place, Status | Input]]:
    """What lies in a folder; a folder that cannot be listed is one failed input."""
    try:
        yield from children(folder)
    except OSError as error:
        broken = Broken(f"cannot list folder: {reason_of(error)}")
        yield folder, named_input(folder.label, found, 0, broken)
