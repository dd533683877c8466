"""File names that no file system minds, whatever a picture or a category was called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

ENDINGS = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "AVIF": ".avif",
    "HEIF": ".heic",
}
"""By the format that the bytes have, which need not be the one that the source's name says."""

LONGEST = 80
"""Bytes of UTF-8 in a name; file systems allow 255, and paths add up."""

# Separators and what Windows forbids, controls (also C1), halves of surrogate pairs, and marks that turn text around.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]')
# Source: Microsoft, "Naming Files, Paths, and Namespaces".
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_name(text: str, otherwise: str = "_") -> str:
    """One path component made of a text: never empty, hidden, a way upwards or longer than `LONGEST` bytes."""
    name = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", text))
    name = name.encode()[:LONGEST].decode(errors="ignore").strip().strip(".").strip()
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    return name or otherwise


def folder_names(categories: Iterable[str]) -> dict[str, str]:
    """A folder for each category: distinct also where upper and lower case are one."""
    taken, names = set[str](), dict[str, str]()
    for category in categories:
        wanted = name = safe_name(category)
        number = 2
        while name.casefold() in taken:
            name = f"{wanted}-{number}"
            number += 1
        taken.add(name.casefold())
        names[category] = name
    return names


def file_name(source: str, id_: bytes, format_: str, *, digits: int = 12) -> str:
    """The picture's own name, its id's first digits, and the ending of its format."""
    stem = re.split(r"[/\\#]", source.rstrip("/\\"))[-1]
    if not stem or stem.isdecimal():  # the row of a table: "list.parquet#17"
        stem = "-".join(part for part in re.split(r"[/\\#]", source)[-2:] if part)
    stem = re.sub(r"\.[A-Za-z0-9]{2,5}$", "", stem)
    return f"{safe_name(stem, 'picture')}-{id_.hex()[:digits]}{ENDINGS.get(format_, '.bin')}"
