"""A canvas of pixels: what an app draws, burnt into a frame of a video."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.video._app import Box, Colour, Point
from compoundeye.video._canvas_text import BLACK, WHITE, blend, contrasting, put_text, text_size

UInt8 = npt.NDArray[np.uint8]
SHIFT = 4
"""OpenCV takes places in 16ths of a pixel, so that a slow thing glides and does not hop."""
FARTHEST = 100_000.0
"""Pixels from the corner beyond which a place is brought in: 16ths of it still fit OpenCV's integers."""
HEAT_SHARE = 0.65
"""The most that heat covers what is below it."""


class PixelCanvas:
    """Draws onto RGB pixels, in place. Whatever lies outside is cut off; what has no finite place is left out.

    Lines have a dark rim and text a ground of its own, so that both are seen on any picture. Sizes of lines and text
    follow the size of the picture.
    """

    def __init__(self, pixels: UInt8, scale: float = 1.0) -> None:
        """[H, W, 3] writable RGB ``pixels`` that show the frame at ``scale`` times its size.

        Raises:
            ValueError: they are of another shape or kind, or read-only.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"pixels should be [height, width, 3] of uint8, not {pixels.shape} of {pixels.dtype}")
        if not (pixels.flags.writeable and pixels.flags.c_contiguous):
            raise ValueError("pixels should be writable and in one piece: draw on a copy")
        self.pixels = pixels
        self.scale = scale
        shorter = min(pixels.shape[:2])
        self._thick = max(round(shorter / 320), 1)
        self._text = min(max(round(shorter / 30), 11), 48)

    def box(self, box: Box, colour: Colour, label: str = "") -> None:
        """A rectangle with a line of text at its top."""
        corners = self._places([(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])])
        if corners is None:
            return
        self._stroke(corners, colour, closed=True)
        if label:
            x, y = corners[0]
            self._label((x - self._thick, y - self._thick), label, colour, above=True)

    def line(self, points: Sequence[Point], colour: Colour, label: str = "", *, closed: bool = False) -> None:
        """Straight lines from point to point, with text at the first."""
        places = self._places(points)
        if places is None:
            return
        self._stroke(places, colour, closed=closed)
        if label:
            self._label((places[0][0] + 2 * self._thick, places[0][1]), label, colour, above=True)

    def arrow(self, start: Point, end: Point, colour: Colour, label: str = "") -> None:
        """A line with a head at its end, and text there."""
        places = self._places([start, end])
        if places is None:
            return
        (x, y), tip = places
        back = np.array([x, y]) - tip
        length = float(np.hypot(*back))
        if length > 0:
            head = back / length * min(6.0 * self._thick + 4, max(length, 1.0))
            across = np.array([-head[1], head[0]]) * 0.5
            self._stroke(places, colour)
            self._stroke(np.array([tip + head + across, tip, tip + head - across]), colour)
        if label:
            self._label((tip[0] + 2 * self._thick, tip[1]), label, colour, above=True)

    def fill(self, points: Sequence[Point], colour: Colour, share: float) -> None:
        """A filled polygon that covers what is below it by a share of 0..1."""
        places = self._places(points)
        if places is None or len(places) < 3 or not share > 0:
            return
        height, width = self.pixels.shape[:2]
        left, top = np.clip(np.floor(places.min(axis=0)).astype(int), 0, (width, height))
        right, bottom = np.clip(np.ceil(places.max(axis=0)).astype(int) + 1, 0, (width, height))
        if left >= right or top >= bottom:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(mask, [_fixed(places - (left, top))], round(255 * min(share, 1.0)), cv2.LINE_AA, SHIFT)
        blend(self.pixels[top:bottom, left:right], colour, mask)

    def dot(self, point: Point, colour: Colour) -> None:
        """A small disc."""
        places = self._places([point])
        if places is None:
            return
        x, y = _fixed(places)[0].tolist()
        for radius, ink in ((2.0 * self._thick + 2, BLACK), (2.0 * self._thick + 1, colour)):
            cv2.circle(self.pixels, (x, y), round(radius * (1 << SHIFT)), ink, cv2.FILLED, cv2.LINE_AA, SHIFT)

    def text(self, lines: Sequence[str]) -> None:
        """Lines in the upper left corner, on a dark ground."""
        if not lines:
            return
        pad = max(self._text // 3, 3)
        sizes = [text_size(line, self._text) for line in lines]
        step = max(height for _, height in sizes)
        width, height = max(width for width, _ in sizes) + 2 * pad, step * len(lines) + 2 * pad
        ground = self.pixels[:height, :width]
        blend(ground, BLACK, np.full(ground.shape[:2], 165, np.uint8))
        for row, line in enumerate(lines):
            put_text(self.pixels, (pad, pad + row * step), line, WHITE, self._text)

    def heat(self, values: npt.NDArray[np.float32], colour: Colour) -> None:
        """[rows, columns] of 0..1, stretched over the frame: what is 0 stays as it is."""
        if not values.size:
            return
        known = np.clip(np.nan_to_num(values.astype(np.float32)), 0, 1)
        size = (self.pixels.shape[1], self.pixels.shape[0])
        shares = cv2.resize(known * (255 * HEAT_SHARE), size, interpolation=cv2.INTER_LINEAR)
        blend(self.pixels, colour, np.rint(shares).astype(np.uint8))

    def _places(self, points: Sequence[Point]) -> npt.NDArray[np.float64] | None:
        """[N, 2] places on the canvas; None if one of them is nowhere, or there is none."""
        # A pixel's middle is its place: half a pixel is taken off before scaling, and given back after.
        places = (np.asarray(points, np.float64).reshape(-1, 2)) * self.scale - 0.5
        if not len(places) or not np.isfinite(places).all():
            return None
        return np.clip(places, -FARTHEST, FARTHEST)

    def _stroke(self, places: npt.NDArray[np.float64], colour: Colour, *, closed: bool = False) -> None:
        way = [_fixed(places)]
        cv2.polylines(self.pixels, way, closed, BLACK, self._thick + 2, cv2.LINE_AA, SHIFT)
        cv2.polylines(self.pixels, way, closed, colour, self._thick, cv2.LINE_AA, SHIFT)

    def _label(self, at: tuple[float, float], label: str, colour: Colour, *, above: bool) -> None:
        """Text on a ground of its colour, moved so that as much as possible of it is inside the picture."""
        pad = max(self._text // 5, 2)
        width, height = text_size(label, self._text)
        width, height = width + 2 * pad, height
        x = min(max(round(at[0]), 0), max(self.pixels.shape[1] - width, 0))
        y = round(at[1]) - height if above and round(at[1]) >= height else round(at[1])
        y = min(max(y, 0), max(self.pixels.shape[0] - height, 0))
        if not (-width < at[0] < self.pixels.shape[1] and -height < at[1] < self.pixels.shape[0] + height):
            return  # what it belongs to is not in the picture
        self.pixels[y : y + height, x : x + width] = colour
        put_text(self.pixels, (x + pad, y), label, contrasting(colour), self._text)


def _fixed(places: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    return np.rint(places * (1 << SHIFT)).astype(np.int32)
