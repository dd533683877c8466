"""Everything that is not an ordinary JPEG, through exactly one of Pillow's plugins.

`Image.open` is not used: it would try every plugin, and warn about size by a global limit instead of refusing by ours.
"""

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)
from PIL.ImageFile import ImageFile

from compoundeye.pixels._colour import to_srgb
from compoundeye.pixels._error import PictureError
from compoundeye.pixels._quiet import quiet_pillow

_PLUGINS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}


def open_image(data: bytes, name: str) -> ImageFile:
    """The picture's first frame with its header read and no pixel decoded. Raises PictureError."""
    _refuse_early(data, name)
    plugin = _plugin(name)
    with quiet_pillow():
        try:
            return plugin(BytesIO(data))
        except Exception as error:  # a parser on hostile bytes may raise anything; all of it means "not readable"
            # Two letters announce a BMP, so a text that starts with them is no broken picture.
            raise PictureError("not a picture") if name == "BMP" else _reason(error, name) from error


def load_srgb(image: ImageFile, *, managed: bool = True) -> NDArray[np.uint8]:
    """All pixels of the first frame in sRGB on white, uint8 [H, W, 3], as stored (TIFF: upright). Raises PictureError.

    `managed=False` leaves the ICC profile to the caller.
    """
    name = image.format or ""
    with quiet_pillow():
        try:
            image.load()
            return to_srgb(image, image.info.get("icc_profile") if managed else None)
        except Exception as error:  # as above
            raise _reason(error, name) from error


def exif_block(image: ImageFile, data: bytes) -> bytes | None:
    """The Exif block, found without decoding pixels."""
    if image.format == "TIFF":
        return data  # a TIFF file is its own Exif directory
    if image.format == "PNG":
        return _png_exif(data)
    block = image.info.get("exif")
    return block if isinstance(block, bytes) else None


def _plugin(name: str) -> Callable[[BytesIO], ImageFile]:
    if name == "AVIF" and not features.check("avif"):
        raise PictureError("AVIF needs a Pillow that was built with it")
    return _heif_plugin() if name == "HEIF" else _PLUGINS[name]


def _heif_plugin() -> Callable[[BytesIO], ImageFile]:
    """From either package of the same author: pi-heif only decodes, and carries no GPL encoder."""
    for package in ("pi_heif", "pillow_heif"):
        with suppress(ImportError):
            plugin: Callable[[BytesIO], ImageFile] = import_module(package).HeifImageFile
            return plugin
    raise PictureError("HEIF needs the package pi-heif")


def _refuse_early(data: bytes, name: str) -> None:
    """Cut files that the plugins would show in part, or name wrongly."""
    if name == "WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise PictureError("truncated WEBP")
    if name == "PNG" and not any(kind == b"IEND" for kind, _, _ in _png_chunks(data)):
        raise PictureError("truncated PNG")


def _png_chunks(data: bytes) -> list[tuple[bytes, int, int]]:
    """(type, start, end) of each whole chunk (PNG 3rd edition, section 5.3)."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        start = at + 8
        end = start + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        chunks.append((data[at + 4 : start], start, end))
        at = end + 4
    return chunks


def _png_exif(data: bytes) -> bytes | None:
    """The eXIf chunk, which may stand after the pixels, where Pillow sees it only once they are decoded."""
    return next((data[start:end] for kind, start, end in _png_chunks(data) if kind == b"eXIf"), None)


def _reason(error: Exception, name: str) -> PictureError:
    if isinstance(error, PictureError):
        return error
    if isinstance(error, Image.DecompressionBombError):
        return PictureError("too many pixels")
    return PictureError(f"truncated {name}" if "truncated" in str(error).lower() else f"corrupt {name}")
