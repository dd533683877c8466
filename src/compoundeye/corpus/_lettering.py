"""Short lines of text on pictures, in whatever script a name is written."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Fonts that systems commonly have, for scripts that Pillow's own (Latin) lacks; the first that has all letters is used.
_FURTHER = (
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "msyh.ttc",
    "seguisym.ttf",
    "arial.ttf",
)
_NO_CHARACTER = "\uffff"
ELLIPSIS = "…"


def lettered(text: str, size: int, width: int) -> tuple[str, Font]:
    """One line that fits ``width`` pixels, and the font that has its letters.

    A letter that no font here has loses its accent, or else becomes a question mark; text too long ends in an ellipsis.
    """
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    font = next((one for one in _fonts(size) if all(_has(one, mark) for mark in line)), _fonts(size)[0])
    return fitting("".join(_drawable(mark, font) for mark in line), font, width), font


def fitting(line: str, font: Font, width: int) -> str:
    """As much of a line as fits."""
    if font.getlength(line) <= width:
        return line
    low, high = 0, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(line[:middle].rstrip() + ELLIPSIS) <= width:
            low = middle
        else:
            high = middle - 1
    return line[:low].rstrip() + ELLIPSIS


@cache
def _fonts(size: int) -> tuple[Font, ...]:
    found: list[Font] = [ImageFont.load_default(size)]
    for name in _FURTHER:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:  # not on this system
            continue
    return tuple(found)


@cache
def _has(font: Font, mark: str) -> bool:
    """Whether the font draws a letter rather than the box that stands for what it lacks."""
    return mark == " " or bytes(font.getmask(mark)) != bytes(font.getmask(_NO_CHARACTER))


def _drawable(mark: str, font: Font) -> str:
    if _has(font, mark):
        return mark
    plain = "".join(part for part in unicodedata.normalize("NFKD", mark) if not unicodedata.combining(part))
    return plain if plain and all(_has(font, part) for part in plain) else "?"
