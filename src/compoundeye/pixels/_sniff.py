"""Which format the first bytes announce. A name's ending is never trusted, and nothing but these formats is opened."""

from compoundeye.pixels._error import PictureError

_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
    b"BM": "BMP",
}
_UNREAD = {
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"8BPS": "PSD",
    b"\0\0\1\0": "ICO",
}
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def sniff(data: bytes) -> str:
    """Name of the format, one of those of `Header.format`.

    Raises PictureError: "empty file", "not a picture" (text, SVG, HTML and archives too), "unsupported format: ...".
    """
    if not data:
        raise PictureError("empty file")
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _sniff_boxes(data)
    for magic, name in _UNREAD.items():
        if data.startswith(magic):
            raise PictureError(f"unsupported format: {name}")
    raise PictureError("not a picture")


def _sniff_boxes(data: bytes) -> str:
    """AVIF or HEIF: both are ISO base media files (ISO/IEC 14496-12), told apart by the brands of their first box."""
    end = min(int.from_bytes(data[:4], "big"), len(data), 256)
    brands = {data[8:12]} | {data[at : at + 4] for at in range(16, end - 3, 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        return "HEIF"
    raise PictureError("not a picture")
