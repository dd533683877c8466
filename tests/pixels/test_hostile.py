"""Files that are cut, damaged or made to harm: a reason each, no other exception, no warning, no word on any stream."""

import logging
import random
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from compoundeye.pixels import MAX_PIXELS, PictureError, crop_resize, decode, look, probe

FORMATS = {
    "JPEG": {},
    "PNG": {},
    "WEBP": {},
    "WEBP lossless": {"lossless": True},
    "GIF": {},
    "BMP": {},
    "TIFF": {},
    "TIFF deflate": {"compression": "tiff_adobe_deflate"},
    "TIFF lzw": {"compression": "tiff_lzw"},
    "TIFF jpeg": {"compression": "jpeg"},
    "AVIF": {"speed": 10},
}
REASON = r"^((truncated|corrupt|unsupported) [A-Z]+|not a picture|too many pixels(: \d+ x \d+)?)$"


@pytest.fixture(scope="module")
def samples(photos, encode) -> dict[str, bytes]:
    image = Image.fromarray(photos["coffee"][100:148, 100:164])
    return {name: encode(image, name.split()[0], exif=_exif(), **options) for name, options in FORMATS.items()}


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "camera"
    return exif


def outcome(reader, data: bytes):
    """What the reader returns, or the reason it gives; the reason must be one of the stable ones."""
    try:
        return reader(data)
    except PictureError as error:
        with pytest.raises(PictureError, match=REASON):
            raise
        return str(error)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_anywhere_is_a_reason_or_still_the_whole_picture(samples, name, capfd):
    data = samples[name]
    whole = decode(data)
    for end in range(1, len(data), max(1, len(data) // 150)):
        found = outcome(decode, data[:end])
        assert isinstance(found, str) or np.array_equal(found, whole)
        if isinstance(found, str):
            assert isinstance(outcome(look, data[:end]), str)
        outcome(probe, data[:end])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP", "AVIF"])
def test_half_a_file_is_called_truncated(samples, name):
    data = samples[name]
    for reader in (decode, look, lambda data: crop_resize(data, 32, 0.875)):
        with pytest.raises(PictureError, match=f"^truncated {name}$"):
            reader(data[: len(data) * 3 // 4])


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_never_raises_anything_else(samples, name, capfd, caplog):
    data, chance = samples[name], random.Random(11)
    for _ in range(80):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 1, 3, 20])):
            # The first bytes hold the structures, so half of the damage goes there.
            at = chance.randrange(min(200, len(data)) if chance.random() < 0.5 else len(data))
            damaged[at] = chance.randrange(256)
        for reader in (probe, decode, look):
            outcome(lambda data, reader=reader: reader(data, **_small(reader)), bytes(damaged))
    if "TIFF" not in name:  # libtiff itself prints what it thinks of a damaged strip
        assert capfd.readouterr() == ("", "")
    assert not caplog.records


def _small(reader) -> dict[str, int]:
    return {} if reader is probe else {"max_pixels": 4_000_000}


def jpeg_of(width: int, height: int) -> bytes:
    size = struct.pack(">HH", height, width)
    frame = b"\xff\xc0\0\x11\x08" + size + b"\3\1\x11\0\2\x11\0\3\x11\0"
    return b"\xff\xd8" + frame + b"\xff\xda\0\x0c\3\1\0\2\0\3\0\0\x3f\0\xff\xd9"


def png_of(width: int, height: int) -> bytes:
    def chunk(body: bytes) -> bytes:
        return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))

    header = b"IHDR" + struct.pack(">II", width, height) + b"\x08\2\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(header) + chunk(b"IDAT" + bytes(50)) + chunk(b"IEND")


def gif_of(width: int, height: int) -> bytes:
    screen = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6)
    return screen + b"," + struct.pack("<4H", 0, 0, width, height) + b"\0\2\2\x4c\1\0;"


def bmp_of(width: int, height: int) -> bytes:
    information = struct.pack("<IiiHH6I", 40, width, height, 1, 24, *[0] * 6)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + information


def tiff_of(width: int, height: int, **more: int) -> bytes:
    """One LZW strip; `more` are further tags by number, as t322=1024."""
    tags = {256: width, 257: height, 258: 8, 259: 5, 262: 1, 273: 8, 277: 1, 278: height, 279: 8}
    tags |= {int(tag[1:]): value for tag, value in more.items()}
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + rows + bytes(4)


BOMBS = [jpeg_of, png_of, gif_of, bmp_of, tiff_of]


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_by_its_header(bomb, capfd):
    data = bomb(60_000, 60_000)
    for reader in (decode, look, lambda data: crop_resize(data, 32, 0.875)):
        with pytest.raises(PictureError, match=r"^too many pixels: 60000 x 60000$"):
            reader(data)
    assert capfd.readouterr() == ("", "")


def test_an_animated_bomb_is_refused_by_its_canvas(encode):
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue")]
    data = bytearray(encode(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    assert data[12:16] == b"VP8X"
    data[24:30] = (16_383).to_bytes(3, "little") * 2
    with pytest.raises(PictureError, match=r"^too many pixels"):
        decode(bytes(data))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_the_limit_is_the_callers(samples, name):
    for reader in (decode, look, lambda data, **limit: crop_resize(data, 32, 0.875, **limit)):
        reader(samples[name], max_pixels=64 * 48)
        with pytest.raises(PictureError, match=r"^too many pixels: (64 x 48|48 x 64)$"):
            reader(samples[name], max_pixels=64 * 48 - 1)


def test_a_large_picture_within_the_limit_makes_no_noise(encode):
    """Above 89 million pixels Pillow would warn of a bomb."""
    data = encode(Image.new("1", (30_000, 3_000)), "PNG")
    assert MAX_PIXELS > 30_000 * 3_000
    assert probe(data).width == 30_000


def test_a_giant_tile_in_a_small_tiff_costs_nothing():
    with pytest.raises(PictureError, match=REASON):
        decode(tiff_of(16, 16, t322=1 << 20, t323=1 << 20, t324=8, t325=8))


def test_threads_do_not_disturb_each_other(samples, photos, encode):
    pictures = [*samples.values(), *(encode(pixels, "JPEG") for pixels in photos.values())]
    work = (pictures + [data[: len(data) // 2] for data in samples.values()]) * 4
    before = warnings.filters.copy()

    def see(data: bytes):
        found = outcome(look, data)
        square = outcome(lambda data: crop_resize(data, 48, 0.9), data)
        return found, square if isinstance(square, str) else square.tobytes()

    alone = [see(data) for data in work]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(see, work))
    assert together == alone
    assert warnings.filters == before


def test_pillow_may_still_speak_to_others(caplog):
    probe_error = outcome(probe, b"II*\0\x08\0\0\0\0\0")
    assert isinstance(probe_error, str)
    with caplog.at_level(logging.DEBUG, logger="PIL"):
        logging.getLogger("PIL.TiffImagePlugin").error("for others")
    assert [record.message for record in caplog.records] == ["for others"]
