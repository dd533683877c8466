"""The pictures as the network sees them, on one sheet: the quickest way to see a mistake in the view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from compoundeye.train._loader import Batch

_COLUMNS, _ROWS = 8, 4
_SMALLEST = 96
"""Side in pixels under which pictures are enlarged."""
_LABEL = 14


def samples(batch: Batch, names: Sequence[str]) -> Image.Image:
    """Up to 32 pictures of a batch with their classes under them."""
    side = batch.pixels.shape[1]
    factor = max(1, -(-_SMALLEST // side))
    shown = side * factor
    count = min(_COLUMNS * _ROWS, len(batch.pixels))
    rows = -(-count // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * (shown + 4) + 4, rows * (shown + _LABEL + 6) + 4), "white")
    draw = ImageDraw.Draw(sheet)
    for index in range(count):
        left, top = 4 + index % _COLUMNS * (shown + 4), 4 + index // _COLUMNS * (shown + _LABEL + 6)
        pixels = np.repeat(np.repeat(batch.pixels[index], factor, 0), factor, 1)
        sheet.paste(Image.fromarray(pixels), (left, top))
        draw.text((left, top + shown), _fitting(draw, _name(batch, index, names), shown), fill="black")
    return sheet


def _name(batch: Batch, index: int, names: Sequence[str]) -> str:
    if not batch.valid[index]:
        return "unreadable"
    if batch.targets is None:
        return ""
    target = batch.targets[index]
    return target if isinstance(target, str) else (names[target] if target >= 0 else "no class")


def _fitting(draw: ImageDraw.ImageDraw, text: str, width: int) -> str:
    if draw.textlength(text) <= width:
        return text
    while text and draw.textlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
