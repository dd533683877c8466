"""Text beside pictures in archives: members of one name make one sample, as WebDataset writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from compoundeye.corpus._input import Input, LeftAlone, is_picture_name

CAPTIONS = ("txt", "caption")
_TEXT_BYTES = 1 << 20
"""More is no caption: it is left alone rather than held in memory."""
_LONGEST_SAMPLE = 1_000


class Member(NamedTuple):
    """A file in an archive, while the archive is listed."""

    name: str
    size: int
    read: Callable[[], bytes]
    """Its bytes; called at once if at all, for text only."""
    to_input: Callable[[str | None, str | None], Input]
    """The input it is, given caption and metadata."""


def sample_key(name: str) -> str:
    """What members of a sample share: the folder, and the name up to its first dot.

    Source: WebDataset's format, https://github.com/webdataset/webdataset (`base_plus_ext`).
    """
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}{file.partition('.')[0]}"


def samples(members: Iterable[Member], left_alone: LeftAlone) -> Iterator[Input]:
    """The pictures among members, each with the text that lies next to it under the same name."""
    sizes: dict[str, int] = {}

    def key(member: Member) -> tuple[str, int]:
        # A key that thousands of pictures share is no sample: cut, so that memory stays bounded.
        name = sample_key(member.name)
        count = sizes.pop(name, 0)
        sizes.clear()
        sizes[name] = count + 1
        return name, count // _LONGEST_SAMPLE

    for _, sample in groupby(members, key):
        pictures: list[Member] = []
        texts: dict[str, bytes] = {}
        for member in sample:
            ending = member.name.rpartition("/")[2].partition(".")[2].lower()
            if is_picture_name(member.name):
                pictures.append(member)
            elif ending in (*CAPTIONS, "json", "cls") and member.size <= _TEXT_BYTES:
                texts[ending] = member.read()
            else:
                left_alone.add(member.name)
        caption, metadata = _caption(texts), _metadata(texts)
        for picture in pictures:
            yield picture.to_input(caption, metadata)


def as_json(value: Any) -> str | None:
    """A value as it stands in the column ``metadata``; None for one without content."""
    if value is None or value == {}:
        return None
    try:
        return clean(json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":")))
    except RecursionError:  # nested a thousand deep to do harm
        return None


def clean(text: str) -> str:
    """Text that UTF-8 can hold: halves of surrogate pairs, and bytes of other encodings, become "?"."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _caption(texts: dict[str, bytes]) -> str | None:
    found = next((texts[ending] for ending in CAPTIONS if ending in texts), None)
    return None if found is None else found.decode("utf-8", "replace").strip() or None


def _metadata(texts: dict[str, bytes]) -> str | None:
    values: dict[str, Any] = {}
    if "json" in texts:
        found = _parsed(texts["json"])
        values = found if isinstance(found, dict) else {"json": found}
    if "cls" in texts:
        label = texts["cls"].decode("utf-8", "replace").strip()
        values = values | {"cls": int(label) if label.isdecimal() else label}
    return as_json(values)


def _parsed(text: bytes) -> Any:
    try:
        # Python also reads NaN and Infinity, which RFC 8259 does not know.
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return text.decode("utf-8", "replace")
