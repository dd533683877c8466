"""Words for pictures: drawn once with a real font, then laid onto as many frames as show them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from threading import Lock

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from compoundeye.video._app import Colour

UInt8 = npt.NDArray[np.uint8]
BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
LONGEST = 80
"""Characters of one label; what is longer is cut."""
WEIGHT = 500
"""Between regular (400) and bold (700): thin strokes drown in a picture."""
DRAWING = Lock()


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


@lru_cache(maxsize=512)
def _mask(text: str, height: int) -> UInt8:
    """[H, W] how much of each pixel the text covers, of 255."""
    draw = _by_opencv if hasattr(cv2, "FontFace") else _by_pillow
    with DRAWING:  # neither font says that threads may share it
        mask = draw(text, height)
    mask.flags.writeable = False
    return mask


def _by_opencv(text: str, height: int) -> UInt8:
    """OpenCV 5 carries a font for most alphabets."""
    baseline, rows = round(1.0 * height), round(1.3 * height)
    room = np.zeros((rows, (len(text) + 2) * 2 * height), np.uint8)
    end, _ = cv2.putText(room, text, (0, baseline), (255,), _face(), height, WEIGHT)
    return room[:, : max(int(end[0]), 1)].copy()


def _by_pillow(text: str, height: int) -> UInt8:
    """Before that: Pillow's font, which is as good for the letters of English and has no others."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    plain = bare.encode("ascii", "replace").decode()
    font = ImageFont.load_default(height)
    box = font.getbbox(plain)
    picture = PILImage.new("L", (max(round(box[2]), 1), round(1.3 * height)))
    ImageDraw.Draw(picture).text((0, height), plain, 255, font, anchor="ls")
    return np.array(picture)


@lru_cache(maxsize=1)
def _face() -> cv2.FontFace:
    return cv2.FontFace("sans")
