"""Words for pictures: drawn once with a real font, then laid onto as many frames as show them."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ImageFont

from compoundeye.video._app import Colour

UInt8 = npt.NDArray[np.uint8]
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
LONGEST = 200
"""Characters of one label; what is longer is cut."""


def contrasting(colour: Colour) -> Colour:
    """Black or white, whichever reads better on a colour."""
    # WCAG 2.2, definitions of relative luminance and contrast ratio; the two are equal at a luminance of 0.179.
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return BLACK if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 else WHITE


def text_size(text: str, height: int) -> tuple[int, int]:
    """Width and height in pixels that a line of text takes, in a font of that height."""
    rows, columns = _mask(_printable(text), height).shape
    return columns, rows


def put_text(pixels: UInt8, at: tuple[int, int], text: str, colour: Colour, height: int) -> None:
    """Lay a line of text onto [H, W, 3] RGB pixels, its upper left corner at (x, y); what sticks out is cut off."""
    mask = _mask(_printable(text), height)
    x, y = at
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + mask.shape[1], pixels.shape[1]), min(y + mask.shape[0], pixels.shape[0])
    if left >= right or top >= bottom:
        return
    blend(pixels[top:bottom, left:right], colour, mask[top - y : bottom - y, left - x : right - x])


def blend(pixels: UInt8, colour: Colour, alpha: UInt8) -> None:
    """Cover [H, W, 3] pixels with a colour, each by [H, W] shares of 255; in place."""
    weight = cv2.merge([alpha, alpha, alpha])
    # Both halves are rounded on their own, so a share of 255 is the colour itself and one of 0 changes nothing.
    ink = cv2.multiply(weight, (*map(float, colour), 0.0), scale=1 / 255)
    rest = cv2.multiply(np.ascontiguousarray(pixels), 255 - weight, scale=1 / 255)
    np.copyto(pixels, cv2.add(ink, rest))


def _printable(text: str) -> str:
    """One line: what would break it is shown as a blank."""
    return "".join(one if one.isprintable() else " " for one in text[:LONGEST])


@lru_cache(maxsize=8)
def _font(height: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(height)  # a font that Pillow carries, so that every machine draws the same
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@lru_cache(maxsize=2048)
def _mask(text: str, height: int) -> UInt8:
    """[H, W] how much of each pixel the text covers, of 255."""
    font = _font(height)
    ascent, descent = font.getmetrics()
    width = max(int(np.ceil(font.getlength(text))), 1)
    core, (x, y) = font.getmask2(text, mode="L", anchor="ls")
    columns, rows = core.size
    mask = np.zeros((ascent + descent, width), np.uint8)
    if columns and rows:
        ink = np.frombuffer(bytes(core), np.uint8).reshape(rows, columns)
        top, left = max(ascent + y, 0), max(x, 0)
        part = mask[top : top + rows, left : left + columns]
        part[:] = ink[: part.shape[0], : part.shape[1]]
    mask.flags.writeable = False
    return mask
