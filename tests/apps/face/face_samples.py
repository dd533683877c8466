"""Real faces for the tests of this room, and where OpenCV's own classes find their files."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from skimage import data

from compoundeye.models import card, weights

UInt8 = npt.NDArray[np.uint8]


@cache
def astronaut() -> UInt8:
    """512 x 512: Eileen Collins (NASA, public domain), one face of 90 x 113 pixels."""
    return np.ascontiguousarray(data.astronaut())


def sface_file() -> str:
    """SFace's published file."""
    return str(weights(card("sface")))


def yunet_file() -> str:
    """YuNet's published file."""
    return str(weights(card("yunet")))
