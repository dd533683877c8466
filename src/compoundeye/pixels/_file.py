"""An encoded picture behind one face, whichever decoder reads it."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from compoundeye.pixels._colour import converter, to_srgb
from compoundeye.pixels._error import PictureError
from compoundeye.pixels._exif import Exif, read_exif, read_orientation
from compoundeye.pixels._jpeg import JpegHead, OddSamplingError, cheapest_scale, decode_stored, read_head, scaled
from compoundeye.pixels._pillow import exif_block, load_srgb, open_image
from compoundeye.pixels._sniff import sniff

# The decoded picture stays within 512 MiB (three bytes a pixel), which is also the size that Pillow itself refuses to
# exceed. Medium-format cameras of 150 megapixels and telephones of 108 stay below it.
MAX_PIXELS = 2**29 // 3


@dataclass(frozen=True, slots=True)
class JpegFile:
    """A JPEG: decoded at any of four scales, its colours converted once it has become small."""

    data: bytes
    head: JpegHead
    format: ClassVar[str] = "JPEG"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored."""
        return self.head.width, self.head.height

    @property
    def mode(self) -> str:
        return self.head.mode

    def exif(self) -> Exif:
        return read_exif(self.head.exif)

    def turn(self) -> int:
        """The orientation that the pixels still need."""
        return read_orientation(self.head.exif)

    def scale(self, side: float, at_least: int) -> int:
        """The divisor at which pixels come cheapest while `side` pixels of them stay at least `at_least`."""
        return cheapest_scale(int(side), at_least)

    def stored(
        self, scale: int, *, reuse: bool = False, rough: bool = False, bottom: int | None = None
    ) -> NDArray[np.uint8]:
        """uint8 [ceil(H / scale), ceil(W / scale), 3] in the file's own colours (CMYK: in sRGB).

        With `reuse` the pixels are good until this thread's next call; `rough` chroma is enough for pixels that will be
        averaged; rows from `bottom` on (at full size) may be missing. Raises PictureError.
        """
        try:
            pixels = decode_stored(self.data, self.head, scale, reuse=reuse, rough=rough, bottom=bottom)
        except OddSamplingError:
            full = load_srgb(open_image(self.data, "JPEG"), managed=self.mode == "CMYK")
            width, height = (scaled(side, scale) for side in self.size)
            return np.asarray(cv2.resize(full, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        if self.mode == "CMYK":
            return to_srgb(Image.fromarray(255 - pixels, "CMYK"), self.head.profile)
        return pixels

    def to_srgb(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """From the file's own colours; `pixels` may be any part of the picture at any size."""
        return pixels if self.mode == "CMYK" else converter(self.head.profile, self.mode)(pixels)


@dataclass(frozen=True, slots=True)
class PillowFile:
    """Any other format: always decoded whole, straight to sRGB."""

    data: bytes
    image: ImageFile

    @property
    def format(self) -> str:
        return str(self.image.format)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored; for TIFF, which Pillow turns by itself, as displayed."""
        return self.image.size

    @property
    def mode(self) -> str:
        return self.image.mode

    def exif(self) -> Exif:
        return read_exif(exif_block(self.image, self.data))

    def turn(self) -> int:
        """The orientation that the pixels still need."""
        return 1 if self.format == "TIFF" else read_orientation(exif_block(self.image, self.data))

    def scale(self, side: float, at_least: int) -> int:  # noqa: ARG002  # one face with JpegFile
        """Always 1: these formats have no cheaper scale."""
        return 1

    def stored(  # one face with JpegFile
        self,
        scale: int,  # noqa: ARG002
        *,
        reuse: bool = False,  # noqa: ARG002
        rough: bool = False,  # noqa: ARG002
        bottom: int | None = None,  # noqa: ARG002
    ) -> NDArray[np.uint8]:
        """uint8 [H, W, 3] in sRGB. Raises PictureError."""
        return load_srgb(self.image)

    def to_srgb(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return pixels


EncodedFile = JpegFile | PillowFile


def open_file(data: bytes, max_pixels: int | None = None) -> EncodedFile:
    """Read the header and refuse what is too large before any pixel is decoded. Raises PictureError."""
    name = sniff(data)
    file = JpegFile(data, read_head(data)) if name == "JPEG" else PillowFile(data, open_image(data, name))
    width, height = file.size
    if max_pixels is not None and width * height > max_pixels:
        raise PictureError(f"too many pixels: {width} x {height}")
    return file
