"""What counts as a picture at all."""

import sys

import pytest

from compoundeye.pixels import PictureError, decode, look, probe
from compoundeye.records import EyeError

NOT_PICTURES = {
    "one byte": b"\x89",
    "text": b"hello, world",
    "text that starts like a BMP": b"BMW makes cars and motorcycles, it says here.",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "html": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "pdf": b"%PDF-1.7\n",
    "zip": b"PK\x03\x04" + bytes(60),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "zeros": bytes(4096),
    "film": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "sound in RIFF": b"RIFF\x24\0\0\0WAVEfmt ",
}


@pytest.mark.parametrize("reader", [probe, decode, look])
@pytest.mark.parametrize("data", NOT_PICTURES.values(), ids=NOT_PICTURES.keys())
def test_what_is_not_a_picture_is_said_so(reader, data):
    with pytest.raises(PictureError, match=r"^not a picture$"):
        reader(data)


@pytest.mark.parametrize("reader", [probe, decode, look])
def test_an_empty_file(reader):
    with pytest.raises(PictureError, match=r"^empty file$"):
        reader(b"")


def test_a_picture_of_a_format_that_is_not_read_is_named():
    with pytest.raises(PictureError, match=r"^unsupported format: PSD$"):
        probe(b"8BPS\0\1" + bytes(20))


def test_heif_without_its_package_says_what_to_install(monkeypatch):
    for package in ("pi_heif", "pillow_heif"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PictureError, match="pi-heif"):
        probe(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")


def test_avif_is_told_from_heif_by_its_compatible_brands():
    with pytest.raises(PictureError, match=r"^truncated AVIF$"):
        probe(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf")


def test_a_picture_error_is_an_error_that_users_may_see():
    assert issubclass(PictureError, EyeError)
