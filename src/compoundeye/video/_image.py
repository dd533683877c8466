"""Decoded pixels that become RGB only when somebody looks, at the size that is looked at.

Colour conversion at full size is what makes reading a video slow, so it never happens: the luma and chroma planes are
scaled to the size that is wanted, each row read where it lies, and only those few pixels are converted. Scaling is
bilinear, as detectors are trained with; a reduction by four or more is halved first, so that nothing flickers away.
FFmpeg's own fast bilinear scaling costs a little less, but moves everything to one side: by two pixels of 1280.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

UInt8 = npt.NDArray[np.uint8]

# Formats whose planes we scale ourselves: how their chroma lies. All have eight bits a sample.
PLANAR = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"}
PACKED_CHROMA = {"nv12"}
SCALED_HERE = PLANAR | PACKED_CHROMA
FULL_RANGE = {"yuvj420p", "yuvj422p", "yuvj444p"}
# Plain numbers: looking up members of an enumeration takes time for every frame.
FULL, LIMITED = int(ColorRange.JPEG), int(ColorRange.MPEG)
FAST_BILINEAR, BILINEAR = int(Interpolation.FAST_BILINEAR), int(Interpolation.BILINEAR)
KEPT_PLANS = 8
"""Sizes a thread remembers; a stream needs one or two."""
HALVE_FROM = 4
"""A reduction by which bilinear scaling would skip half of the rows and columns, and more."""
# Colour matrices by the number that a stream gives them. ITU-T H.273 (07/2021), table 4.
MATRICES = {
    1: int(Colorspace.ITU709),
    4: int(Colorspace.FCC),
    5: int(Colorspace.ITU601),
    6: int(Colorspace.ITU601),
    7: int(Colorspace.SMPTE240M),
    9: int(Colorspace.BT2020),
    10: int(Colorspace.BT2020),
}


class ArrayImage:
    """Pixels that are RGB already."""

    __slots__ = ("pixels",)

    def __init__(self, pixels: UInt8) -> None:
        """[height, width, 3] RGB; kept, not copied."""
        self.pixels = pixels

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[0])

    def rgb(self, width: int | None = None, height: int | None = None) -> UInt8:
        """[height, width, 3] RGB; a view of the pixels where their size is wanted."""
        return scaled(self.pixels, width or self.width, height or self.height)


class DecodedImage:
    """A frame as the decoder left it. Safe to look at from several threads."""

    __slots__ = ("_frame", "_height", "_lock", "_turn", "_width")

    def __init__(self, frame: av.VideoFrame, width: int, height: int, turn: Turn | None = None) -> None:
        """
        Args:
            frame: in memory that the processor reads.
            width: as shown, in pixels; what was decoded is stretched to it.
            height: as shown.
            turn: how the decoded picture is turned to be shown.
        """
        self._frame, self._width, self._height, self._turn = frame, width, height, turn
        self._lock = threading.Lock()

    @property
    def width(self) -> int:
        """Pixels, as shown: after rotation."""
        return self._width

    @property
    def height(self) -> int:
        """Pixels, as shown: after rotation."""
        return self._height

    def rgb(self, width: int | None = None, height: int | None = None) -> UInt8:
        """[height, width, 3] RGB, scaled and converted in one pass; the picture's own size if not given."""
        width, height = width or self._width, height or self._height
        turn = self._turn
        if turn is not None and turn.quarters % 2:
            width, height = height, width
        name = self._frame.format.name
        if name in SCALED_HERE and (width, height) != (self._frame.width, self._frame.height):
            pixels = _scaled_planes(self._frame, name, width, height)
        else:
            with self._lock:  # the reformatter writes into the frame that it reads, for a moment
                pixels = _reformatted(self._frame, width, height)
        return pixels if turn is None else turn(pixels)


class Turn(NamedTuple):
    """How a decoded picture is turned to be shown."""

    quarters: int
    """Turns by 90 degrees against the clock."""
    mirrored: bool
    """Left and right exchanged, before it is turned."""

    def __call__(self, pixels: UInt8) -> UInt8:
        """The pixels as shown, in memory of their own."""
        return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if self.mirrored else pixels, self.quarters))


def scaled(pixels: UInt8, width: int, height: int, into: UInt8 | None = None) -> UInt8:
    """[h, w, ...] to [height, width, ...], bilinear; halved first where it shrinks by four or more."""
    while pixels.shape[1] >= HALVE_FROM * width and pixels.shape[0] >= HALVE_FROM * height:
        half = pixels.shape[1] // 2, pixels.shape[0] // 2
        pixels = np.asarray(cv2.resize(pixels, half, interpolation=cv2.INTER_AREA), np.uint8)
    if pixels.shape[:2] == (height, width) and into is None:
        return pixels
    resized: UInt8 = cv2.resize(pixels, (width, height), dst=into, interpolation=cv2.INTER_LINEAR)
    return resized


class _Plan(threading.local):
    """What this thread keeps for the sizes it converts to: small frames to scale into, and converters."""

    def __init__(self) -> None:
        self.small: dict[tuple[str, int, int], tuple[av.VideoFrame, list[UInt8], VideoReformatter]] = {}
        self.whole = VideoReformatter()

    def into(self, name: str, width: int, height: int) -> tuple[av.VideoFrame, list[UInt8], VideoReformatter]:
        key = name, width, height
        if key not in self.small:
            if len(self.small) >= KEPT_PLANS:
                del self.small[next(iter(self.small))]
            frame = av.VideoFrame(width, height, name)
            self.small[key] = frame, _planes(frame, name), VideoReformatter()
        return self.small[key]


_plan = _Plan()


def _planes(frame: av.VideoFrame, name: str) -> list[UInt8]:
    """Views of the samples: [h, w], then [h', w'] twice, or [h', w', 2] once."""
    views = []
    for number, plane in enumerate(frame.planes):
        shape: tuple[int, ...] = (plane.height, plane.width)
        strides: tuple[int, ...] = (plane.line_size, 1)
        if number and name in PACKED_CHROMA:
            shape, strides = ((frame.height + 1) // 2, (frame.width + 1) // 2, 2), (plane.line_size, 2, 1)
        views.append(np.ndarray(shape, np.uint8, plane, strides=strides))
    return views


def _scaled_planes(frame: av.VideoFrame, name: str, width: int, height: int) -> UInt8:
    small, into, reformatter = _plan.into("nv12" if name in PACKED_CHROMA else "yuv420p", width, height)
    for samples, target in zip(_planes(frame, name), into, strict=True):
        scaled(samples, target.shape[1], target.shape[0], into=target)
    return _converted(small, reformatter, frame, name, width, height, FAST_BILINEAR)


def _reformatted(frame: av.VideoFrame, width: int, height: int) -> UInt8:
    how = FAST_BILINEAR if (width, height) == (frame.width, frame.height) else BILINEAR
    return _converted(frame, _plan.whole, frame, frame.format.name, width, height, how)


def _converted(
    frame: av.VideoFrame,
    reformatter: VideoReformatter,
    tagged: av.VideoFrame,
    name: str,
    width: int,
    height: int,
    how: int,
) -> UInt8:
    result = reformatter.reformat(
        frame,
        width,
        height,
        "rgb24",
        src_colorspace=_matrix(tagged),
        src_color_range=FULL if name in FULL_RANGE else _range(tagged),
        dst_color_range=FULL,
        interpolation=how,
        threads=1,
    )
    return np.asarray(result.to_ndarray(), np.uint8)


def _matrix(frame: av.VideoFrame) -> int:
    """The stream's own; where it says nothing, that of its size, as players guess: BT.709 for high definition."""
    known = MATRICES.get(frame.colorspace)
    return known or MATRICES[1 if frame.width >= 1280 or frame.height > 576 else 5]


def _range(frame: av.VideoFrame) -> int:
    return FULL if frame.color_range == FULL else LIMITED


def turn_of(frame: Any) -> Turn | None:
    """How the stream says this frame is to be turned: to a whole quarter, as cameras do; None for not at all.

    The display matrix is of ISO/IEC 14496-12:2015, 8.3.2: nine numbers, of which the four at 0, 1, 3, 4 turn.
    """
    if not frame.rotation and not _mirrored(frame):
        return None
    matrix = _display_matrix(frame)
    if matrix is None:
        return None
    a, b, c, d = (int(value) for value in matrix[[0, 1, 3, 4]])
    mirrored = a * d - b * c < 0
    if mirrored:  # undo the mirror, which comes first: (x, y) to (-x, y)
        a, b = -a, -b
    # The matrix turns (1, 0) to (a, b), y downwards; numpy turns against the clock.
    quarters = round(-np.degrees(np.arctan2(b, a)) / 90) % 4
    return Turn(quarters, mirrored) if quarters or mirrored else None


def _mirrored(frame: Any) -> bool:
    matrix = _display_matrix(frame)
    return matrix is not None and int(matrix[0]) * int(matrix[4]) - int(matrix[1]) * int(matrix[3]) < 0


def _display_matrix(frame: Any) -> Any:
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else np.frombuffer(data, np.int32)
