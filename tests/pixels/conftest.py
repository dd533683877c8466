"""Real photographs that ship in wheels, and small ways to encode them."""

import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from skimage import data
from sklearn.datasets import load_sample_images

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def photos() -> dict[str, np.ndarray]:
    """Six photographs, uint8 [H, W, 3]."""
    china, flower = load_sample_images().images
    return {
        "chelsea": data.chelsea(),
        "astronaut": data.astronaut(),
        "coffee": data.coffee(),
        "rocket": data.rocket(),
        "china": china,
        "flower": flower,
    }


@pytest.fixture(scope="session")
def encode() -> Encode:
    """encode(pixels or image, "JPEG", orientation=6, **what Pillow's save takes) -> bytes."""

    def _encode(picture: np.ndarray | Image.Image, name: str, *, orientation: int | None = None, **options) -> bytes:
        image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
        if orientation is not None:
            exif = Image.Exif()
            exif[0x0112] = orientation
            options["exif"] = exif
        file = BytesIO()
        image.save(file, name, **options)
        return file.getvalue()

    return _encode


@pytest.fixture(scope="session")
def matrix_profile() -> Callable[..., bytes]:
    """matrix_profile(red, green, blue, gamma): a minimal RGB display profile (ICC.1:2001 section 6.3) from colorants.

    Colorants are XYZ under D50. The description says nothing of use, so a reader must look at the numbers.
    """

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def build(red, green, blue, gamma: float) -> bytes:
        xyz = {b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue, b"wtpt": (0.9642, 1.0, 0.8249)}
        tags = {tag: b"XYZ \0\0\0\0" + fixed(*value) for tag, value in xyz.items()}
        curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
        tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + bytes(78 + 4)
        tags[b"cprt"] = b"text\0\0\0\0none\0\0\0\0"
        at, table, body = 128 + 4 + 12 * len(tags), b"", b""
        for tag, value in tags.items():
            table += tag + struct.pack(">II", at + len(body), len(value))
            body += value + bytes(-len(value) % 4)
        size = at + len(body)
        header = struct.pack(">I4sI4s4s4s", size, b"\0" * 4, 0x02400000, b"mntr", b"RGB ", b"XYZ ")
        header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249)
        return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body

    return build
