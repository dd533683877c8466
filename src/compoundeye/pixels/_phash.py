"""A fingerprint that survives re-encoding, resizing and small changes of light.

Source: C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.1, the DCT
hash of pHash: 32 x 32 grey pixels, DCT-II, the 8 x 8 lowest frequencies but the zeroth rows, each against their median.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE, _KEPT = 32, 8
# Integers, so that the hash of the same pixels is the same on every machine: no floating-point library decides a bit.
_FIXED_POINT = 1 << 12


def _basis() -> NDArray[np.int64]:
    """DCT-II rows 1 to 8, [8, 32], in fixed point."""
    frequency, place = np.arange(1, _KEPT + 1)[:, None], np.arange(_SIDE)[None, :]
    rows: NDArray[np.float64] = _FIXED_POINT * np.cos(np.pi * frequency * (2 * place + 1) / (2 * _SIDE))
    return np.rint(rows).astype(np.int64)


_BASIS = _basis()


def perceptual_hash(pixels: NDArray[np.uint8]) -> int:
    """64 bits of uint8 [H, W, 3].

    Bit order: the most significant bit is the lowest frequency in both directions; then row by row, vertical frequency
    1 to 8 outside, horizontal 1 to 8 inside. A bit is 1 where the coefficient exceeds the lower median, so 32 are set.
    A picture of one colour has the hash 0. Limit: pictures with almost no structure have almost arbitrary hashes.
    """
    grey = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    levels = grey.astype(np.int64) - int(grey.min())
    coefficients = (_BASIS @ levels @ _BASIS.T).ravel()
    lower_median = np.partition(coefficients, 31)[31]
    return int.from_bytes(np.packbits(coefficients > lower_median).tobytes(), "big")


def hamming(a: NDArray[np.uint64], b: NDArray[np.uint64] | int) -> NDArray[np.uint8]:
    """How many of 64 bits differ, elementwise with broadcasting: 0 to 64. Unrelated pictures differ in about 32."""
    distance: NDArray[np.uint8] = np.bitwise_count(np.asarray(a, np.uint64) ^ np.asarray(b, np.uint64))
    return distance
