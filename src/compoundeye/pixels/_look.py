"""Everything that keeping a picture needs, in one decode."""

from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from compoundeye.pixels._file import MAX_PIXELS, open_file
from compoundeye.pixels._header import Header, header_of
from compoundeye.pixels._orient import upright
from compoundeye.pixels._phash import perceptual_hash
from compoundeye.pixels._shrink import shrink

# Just below half of 500, so that the very common 500-pixel pictures are decoded at half scale.
THUMBNAIL_SIDE = 240
_THUMBNAIL_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Look:
    """What one decode of a picture tells."""

    header: Header
    thumbnail: bytes
    """JPEG, upright, sRGB, its longest side 240 pixels (smaller pictures keep their size)."""
    phash: int
    """64-bit perceptual hash; compare with `hamming`."""


def look(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Look:
    """Decode once, at the cheapest scale, for header, thumbnail and perceptual hash.

    The whole scan is read, so a picture that passes is a whole one. Raises PictureError, for "too many pixels" before
    anything is decoded.
    """
    file = open_file(data, max_pixels)
    scale = file.scale(max(file.size), THUMBNAIL_SIDE)
    small = shrink(file.stored(scale, reuse=True), *_thumbnail_size(*file.size))
    small = np.ascontiguousarray(upright(file.to_srgb(small), file.turn()))
    return Look(header=header_of(file), thumbnail=_encode(small), phash=perceptual_hash(small))


def _thumbnail_size(width: int, height: int) -> tuple[int, int]:
    longest = max(width, height, THUMBNAIL_SIDE)
    return max(1, round(width * THUMBNAIL_SIDE / longest)), max(1, round(height * THUMBNAIL_SIDE / longest))


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(simplejpeg.encode_jpeg(pixels, quality=_THUMBNAIL_QUALITY, colorsubsampling="420"))
