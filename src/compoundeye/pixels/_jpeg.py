"""JPEG: what its markers say, and strict decoding at the cheapest adequate scale.

Source: ITU-T T.81 Annex B (markers), JFIF 1.02 (APP0), Adobe Technical Note 5116 (APP14), ICC.1:2022 B.4 (APP2).
libjpeg-turbo goes on after damage and fills with grey; here every warning about the scan is an error.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from compoundeye.pixels._error import PictureError
from compoundeye.pixels._scratch import borrow

_SOS, _EOI, _DRI, _APP0, _APP1, _APP2, _APP14 = 0xDA, 0xD9, 0xDD, 0xE0, 0xE1, 0xE2, 0xEE
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_READABLE_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # not lossless, not hierarchical
_PROGRESSIVE = {0xC2, 0xCA}
_SEQUENTIAL = {0xC0, 0xC1}  # Huffman-coded
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}

# Each scan of a progressive picture passes over all its pixels, so a file of a megabyte could cost hours. Real files
# hold some ten scans; 500 is the limit behind TurboJPEG's TJFLAG_LIMITSCANS, which simplejpeg does not set.
_MOST_SCANS = 500

# Scaling by 1/2, 1/4 and 1/8 has vector code in libjpeg-turbo; 5/8, 3/4 and 7/8 do not and are slower than no scaling.
_SCALES = (8, 4, 2)


# Ending early costs a copy of the bytes and a search for the end: a little less than two rows of blocks.
_WORTH_ENDING = 24
_ENDED_EARLY = re.compile(r"\bextraneous bytes before marker 0xd9$")


class OddSamplingError(Exception):
    """A chroma layout outside of the six that TurboJPEG names: valid, rare, decoded by Pillow instead."""


@dataclass(frozen=True, slots=True)
class JpegHead:
    """What stands before the first scan; sizes as stored, before orientation."""

    width: int
    height: int
    mode: str
    exif: bytes | None
    profile: bytes | None
    scan_at: int
    """Where the first scan begins."""
    repairs: tuple[tuple[int, int], ...]
    """(position, byte) pairs that make a harmless header oddity pass the strict decoder."""
    height_at: int = 0
    """Where the height stands, if decoding may end early: one Huffman-coded scan from top to bottom; else 0."""


def read_head(data: bytes) -> JpegHead:
    """Walk the markers up to the first scan; about 5 microseconds. Raises PictureError."""
    frame: tuple[int, int, int] | None = None
    exif: bytes | None = None
    chunks: dict[int, bytes] = {}
    repairs: list[tuple[int, int]] = []
    adobe_at = height_at = end = 0
    restarts = False
    for marker, start, end in _segments(data):
        if marker in _FRAMES:
            frame = _frame(data, marker, start, end)
            height_at = start + 1 if marker in _SEQUENTIAL else 0
        elif marker == _DRI:
            restarts = True
        elif marker == _APP1 and exif is None and data.startswith(b"Exif\0\0", start):
            exif = data[start:end]
        elif marker == _APP2 and data.startswith(b"ICC_PROFILE\0", start):
            chunks[data[start + 12]] = data[start + 14 : end]
        elif marker == _APP0 and data.startswith(b"JFIF\0", start) and data[start + 5] != 1:
            repairs.append((start + 5, 1))  # JFIF 0.00 and the like: a warning about nothing
        elif marker == _APP14 and data.startswith(b"Adobe", start) and end - start >= 12:
            adobe_at = start + 11
    if frame is None:
        raise PictureError("corrupt JPEG")
    width, height, components = frame
    repairs += _adobe_repair(data, adobe_at, components)
    profile = b"".join(chunks[key] for key in sorted(chunks)) or None
    if restarts or data[start] != components:  # the last segment is that of the scan
        height_at = 0
    return JpegHead(width, height, _MODES[components], exif, profile, end, tuple(repairs), height_at)


def scaled(size: int, scale: int) -> int:
    """Length of a side after DCT scaling by 1/scale: rounded up, as libjpeg does."""
    return -(-size // scale)


def cheapest_scale(side: int, at_least: int) -> int:
    """The strongest of the scales 8, 4, 2, 1 at which a side keeps `at_least` pixels (1 where it has fewer anyway)."""
    return next((scale for scale in _SCALES if side // scale >= at_least), 1)


def decode_stored(
    data: bytes, head: JpegHead, scale: int = 1, *, reuse: bool = False, rough: bool = False, bottom: int | None = None
) -> NDArray[np.uint8]:
    """Pixels as stored, uint8 [ceil(H / scale), ceil(W / scale), 3] RGB, or [..., 4] for CMYK with 255 = no ink.

    With `reuse` they lie in this thread's scratch and last until its next decode. `rough` repeats chroma instead of
    interpolating it, for pixels that will be averaged anyway. No colour management, no orientation. With `bottom`, rows
    from there on (counted at full size) may be missing; damage below it may go unseen, a missing end may not.
    Raises PictureError for damage and OddSamplingError.
    """
    colours, channels = ("CMYK", 4) if head.mode == "CMYK" else ("RGB", 3)
    rows = head.height if bottom is None else _rows_down_to(bottom, head, scale)
    width, height = scaled(head.width, scale), scaled(rows, scale)
    options: dict[str, Any] = {"fastupsample": rough}
    if reuse:
        options["buffer"] = borrow("decoded", width * height * channels)
    if scale > 1:
        options |= {"min_factor": scale, "min_width": width, "min_height": height}
    if rows < head.height:
        return _decode_top(data, head, rows, colours, options, (height, width, channels))
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(_repaired(data, head.repairs), colours, **options)
    except ValueError as error:
        raise _reason(str(error), ended=data.find(b"\xff\xd9", head.scan_at) >= 0) from error
    return pixels


def _rows_down_to(bottom: int, head: JpegHead, scale: int) -> int:
    """Rows to decode, at full size, so that those above `bottom` are as in the whole picture."""
    # One more row at that scale, since interpolated chroma looks at it.
    rows = (scaled(bottom, scale) + 1) * scale
    return rows if head.height_at and head.height - rows >= _WORTH_ENDING else head.height


def _decode_top(
    data: bytes, head: JpegHead, rows: int, colours: str, options: dict[str, Any], shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """The first rows only: the decoder is told that the picture ends there.

    It then looks for the marker that ends a picture and warns of the rest of the scan as bytes too many before it. That
    warning can only come when all rows stand in the buffer without one: any other, or another marker, is damage.
    """
    height = tuple(zip((head.height_at, head.height_at + 1), rows.to_bytes(2, "big"), strict=True))
    pixels: NDArray[np.uint8] = options.setdefault("buffer", np.empty(shape, np.uint8))
    try:
        simplejpeg.decode_jpeg(_repaired(data, head.repairs + height), colours, **options)
    except ValueError as error:
        if not _ENDED_EARLY.search(str(error)):
            raise _reason(str(error), ended=data.find(b"\xff\xd9", head.scan_at) >= 0) from error
    return pixels.reshape(-1)[: math.prod(shape)].reshape(shape)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end of its parameters) for each segment up to and including the first start of scan."""
    at, size = 2, len(data)
    while at + 4 <= size:
        if data[at] != 0xFF:
            raise PictureError("corrupt JPEG")
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:  # fill bytes, and markers without parameters
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _EOI or end < at + 4:
            raise PictureError("corrupt JPEG")
        if end > size:
            break
        yield marker, at + 4, end
        if marker == _SOS:
            return
        at = end
    raise PictureError("truncated JPEG")


def _frame(data: bytes, marker: int, start: int, end: int) -> tuple[int, int, int]:
    """Width, height and number of components of a frame header (T.81 B.2.2)."""
    if end - start < 6:
        raise PictureError("corrupt JPEG")
    precision, components = data[start], data[start + 5]
    height, width = (int.from_bytes(data[at : at + 2], "big") for at in (start + 1, start + 3))
    if marker not in _READABLE_FRAMES or precision != 8 or components not in _MODES or height == 0:
        raise PictureError("unsupported JPEG")
    if width == 0:
        raise PictureError("corrupt JPEG")
    if marker in _PROGRESSIVE and data.count(b"\xff\xda", end) > _MOST_SCANS:
        raise PictureError("too many scans")
    return width, height, components


def _adobe_repair(data: bytes, at: int, components: int) -> list[tuple[int, int]]:
    """An unknown colour transform is read as the usual one, which is what libjpeg does after its warning."""
    usual = {3: (0, 1), 4: (0, 2)}.get(components)
    return [(at, usual[1])] if at and usual and data[at] not in usual else []


def _repaired(data: bytes, repairs: tuple[tuple[int, int], ...]) -> bytes | bytearray:
    if not repairs:
        return data
    copy = bytearray(data)
    for at, value in repairs:
        copy[at] = value
    return copy


def _reason(message: str, *, ended: bool) -> Exception:
    """`ended`: the file has the marker that ends a picture, which cannot occur within a scan."""
    if "subsampling" in message:
        return OddSamplingError(message)
    if "Premature end of JPEG file" in message or not ended:
        return PictureError("truncated JPEG")
    return PictureError("corrupt JPEG")
