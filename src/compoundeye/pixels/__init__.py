"""Encoded bytes to pixels: what a picture says, how it looks, and the square that a model wants.

Guarantee: a picture comes out whole, upright, in sRGB on white, or it is a `PictureError` with a short stable reason;
never grey filling, never another exception, never a warning. Size is checked before anything is decoded.
Cost: one decode per call, at the cheapest adequate scale; an ordinary 50 KB JPEG takes well under a millisecond.
Limit: damage that a format does not reveal goes unseen (JPEG and fax-coded TIFF have no checksums); of several frames
only the first; the fast square differs from the exact one by what `benchmarks/decode.py --effect` measures; libtiff
prints what it thinks of a damaged strip. AVIF needs a Pillow built with it, HEIF the package pi-heif.
Safe to call from many threads; decoding and resizing release the interpreter's lock. Importing this gives OpenCV one
thread in this process, since work is spread over pictures.
"""

from compoundeye.pixels._box import Box, crop_box
from compoundeye.pixels._decode import crop_resize, decode
from compoundeye.pixels._error import PictureError
from compoundeye.pixels._file import MAX_PIXELS
from compoundeye.pixels._framing import Crop, framed
from compoundeye.pixels._header import Header, probe
from compoundeye.pixels._look import Look, look
from compoundeye.pixels._phash import hamming

__all__ = [
    "MAX_PIXELS",
    "Box",
    "Crop",
    "Header",
    "Look",
    "PictureError",
    "crop_box",
    "crop_resize",
    "decode",
    "framed",
    "hamming",
    "look",
    "probe",
]
