"""Memory that a caller gives for the result."""

import numpy as np
from numpy.typing import NDArray

_Pixels = NDArray[np.uint8]


def check_out(out: _Pixels | None, height: int, width: int) -> None:
    """Raise ValueError unless `out` is None or can receive uint8 [height, width, 3]."""
    if out is None:
        return
    shape = (height, width, 3)
    if out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"out must be a writable C-contiguous uint8 {[*shape]}, not {out.dtype} {out.shape}")


def handed(pixels: _Pixels, out: _Pixels | None) -> _Pixels:
    """The pixels, in `out` if there is one; nothing is copied if they lie there already."""
    if out is None:
        return pixels
    if pixels is not out:
        out[...] = pixels
    return out
