"""Which columns of a table hold pictures, captions and everything else: one rule for CSV and Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from compoundeye.corpus._error import CorpusError

# In the order of preference. "image" with a field "bytes" is how Hugging Face's datasets write pictures.
BYTES = ("image", "bytes", "img", "picture", "jpg", "jpeg", "png", "webp", "content", "data")
PATHS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "picture")
CAPTIONS = ("caption", "text", "description", "alt_text")


class Roles(NamedTuple):
    """Columns by what they are for."""

    picture: str
    caption: str | None
    metadata: tuple[str, ...]


def roles(names: Sequence[str], pictures: Sequence[str], wanted: Sequence[str], what: str) -> Roles:
    """Tell columns apart by their names, whatever their case.

    Args:
        names: all columns that can be shown as text.
        pictures: columns of a type that may hold the picture or its path.
        wanted: names for it, best first.
        what: the table, for people.

    Raises:
        CorpusError: no column has such a name.
    """
    picture = _first(pictures, wanted)
    if picture is None:
        raise CorpusError(
            f"{what} has no column with pictures or their paths (one of {', '.join(wanted)}); "
            f"it has {', '.join(names) or 'none'}"
        )
    caption = _first([name for name in names if name != picture], CAPTIONS)
    return Roles(picture, caption, tuple(name for name in names if name not in (picture, caption)))


def _first(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    lower = {name.strip().lower(): name for name in reversed(names)}
    return next((lower[name] for name in wanted if name in lower), None)
