"""Pictures to measure with: the user's own, or JPEGs made on the spot with the size that is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg

from compoundeye.pixels import PictureError, probe
from compoundeye.records import EyeError

_PATCH = 512
_FALL = 1.5
"""Amplitude falls with this power of the frequency. Photographs: 0.8 to 1.5 (Tolhurst, Tadmor and Chao, "Amplitude
spectra of natural images", Ophthalmic Physiol. Opt. 12, 1992). At the smooth end a JPEG of 500 x 375 and 50 KB has a
customary quality (83) and a thumbnail near to a photograph's (10.2 KB; those of benchmarks/decode.py: 8.7)."""
_NOISE = 6.0
"""Levels, of a sensor. What decoding costs hangs on neither: within 3 % of those photographs for any of them."""
_FEWEST_NAMES = 64
_FEWEST_OWN, _MOST_OWN_BYTES = 4, 32 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """Encoded pictures of about one size."""

    width: int
    """Pixels, the mean of all."""
    height: int
    size: float
    """Bytes of one encoded picture, the mean of all."""
    pictures: tuple[bytes, ...]
    origin: str
    """In words."""


def synthetic_jpegs(count: int, width: int, height: int, size: int, seed: int = 0) -> Sample:
    """JPEGs (4:2:0) of ``width x height`` pixels and about ``size`` bytes each.

    Detail falls off with frequency as in photographs, a sensor's noise is added, and the JPEG quality is the lowest
    that reaches ``size``. What a decoder does depends on bits and pixels, not on what they show.

    Raises:
        EyeError: no quality comes within a third of ``size``.
    """
    rng = np.random.default_rng(seed)
    patch = _patch(rng)
    first = _pixels(patch, width, height, rng)
    quality = _quality(first, size)
    encoded = [_encode(first, quality)]
    encoded += [_encode(_pixels(patch, width, height, rng), quality) for _ in range(count - 1)]
    mean = sum(map(len, encoded)) / count
    if not 2 / 3 < mean / size < 4 / 3:
        raise EyeError(f"no JPEG of {width} x {height} pixels has {size:,} bytes; the nearest has {mean:,.0f}")
    return Sample(width, height, mean, tuple(encoded), f"made: JPEG {width} x {height}, quality {quality}")


def own_pictures(folder: str | os.PathLike[str], count: int) -> Sample:
    """``count`` pictures below ``folder``, evenly spread over the files by name; files that are no pictures are passed.

    Fewer where they are large: 32 MB of them are enough.

    Raises:
        EyeError: there is no folder, or no picture in it.
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise EyeError(f"there is no folder {place}: give --pictures a folder of your pictures, or leave it out")
    # Of a folder of millions the first names do: listing all of them would take longer than measuring.
    names = sorted(islice((path for path in place.rglob("*") if path.is_file()), max(_FEWEST_NAMES, 64 * count)))
    step = max(1, len(names) // count)
    found: list[bytes] = []
    sides: list[tuple[int, int]] = []
    for path in [name for start in range(step) for name in names[start::step]]:
        data = path.read_bytes()
        try:
            header = probe(data)
        except PictureError:
            continue
        found.append(data)
        sides.append((header.width, header.height))
        if len(found) == count or (len(found) >= _FEWEST_OWN and sum(map(len, found)) > _MOST_OWN_BYTES):
            break
    if not found:
        raise EyeError(f"there is no picture in {place}: give --pictures another folder, or leave it out")
    width, height = (round(float(np.mean(side))) for side in zip(*sides, strict=True))
    mean = sum(map(len, found)) / len(found)
    return Sample(width, height, mean, tuple(found), f"{len(found)} pictures of {place}")


def distinct(pictures: Sequence[bytes], number: int) -> bytes:
    """The ``number``-th of endlessly many pictures: what follows the end of one makes its bytes its own."""
    return pictures[number % len(pictures)] + b"%012d" % number


def _patch(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """[512, 512, 3] in levels around grey: luminance, and colours of a third of its contrast."""
    across = np.fft.fftfreq(_PATCH)
    distance = np.hypot(across[:, None], across[None, : _PATCH // 2 + 1])
    distance[0, 0] = np.inf
    planes = []
    for contrast in (48.0, 16.0, 16.0):
        waves = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((_PATCH, _PATCH))) / distance**_FALL)
        planes.append(contrast * waves / waves.std())
    luminance, blue, red = planes
    # ITU-R BT.601, as JFIF has it.
    levels = (luminance + 1.402 * red, luminance - 0.344 * blue - 0.714 * red, luminance + 1.772 * blue)
    return np.stack(levels, axis=2).astype(np.float32) + np.float32(118)


def _pixels(patch: npt.NDArray[np.float32], width: int, height: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The patch, mirrored at its edges, from a place of its own; new noise."""
    top, left = (int(start) for start in rng.integers(0, 2 * _PATCH, 2))
    rows, columns = _mirrored(top, height), _mirrored(left, width)
    noise = rng.standard_normal((height, width, 1), np.float32) * np.float32(_NOISE)
    return np.asarray((patch[rows][:, columns] + noise).clip(0, 255), np.uint8)


def _mirrored(start: int, length: int) -> npt.NDArray[np.int64]:
    place = (start + np.arange(length)) % (2 * _PATCH)
    return np.minimum(place, 2 * _PATCH - 1 - place)


def _encode(pixels: npt.NDArray[np.uint8], quality: int) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=quality, colorsubsampling="420"))


def _quality(pixels: npt.NDArray[np.uint8], size: int) -> int:
    """The lowest quality that reaches ``size``; bytes rise with quality."""
    low, high = 10, 98
    while low < high:
        middle = (low + high) // 2
        if len(_encode(pixels, middle)) < size:
            low = middle + 1
        else:
            high = middle
    return low
