"""What a camera wrote beside the pixels. A malformed block is read as far as it makes sense and never fails a picture.

Source: CIPA DC-008 (Exif 2.32) sections 4.6.2 to 4.6.6, whose structure is that of TIFF 6.0 section 2.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

_MAKE, _MODEL, _ORIENTATION, _CHANGED = 0x010F, 0x0110, 0x0112, 0x0132
_EXIF_BLOCK, _GPS_BLOCK, _TAKEN = 0x8769, 0x8825, 0x9003
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4

_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 13: 4}
_SHORT, _RATIONAL = 3, 5
_MOST_ENTRIES = 512  # real directories hold some tens; a hostile one must not cost time
_LONGEST_TEXT = 128
_WHEN = re.compile(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T](\d\d):(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class Exif:
    """The few facts that the corpus keeps; None where the camera did not say, or said nonsense."""

    orientation: int = 1
    taken_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    camera: str | None = None


def read_exif(block: bytes | None) -> Exif:
    """All facts of an Exif block (with or without its ``Exif\\0\\0`` prefix), or of a whole classic TIFF file."""
    tree = _Tree.of(block)
    if tree is None:
        return Exif()
    first = dict(tree.entries(tree.root))
    exif = dict(tree.entries(tree.pointer(first, _EXIF_BLOCK)))
    gps = dict(tree.entries(tree.pointer(first, _GPS_BLOCK)))
    latitude = tree.degrees(gps, _LATITUDE, _LATITUDE_REF, negative="S", most=90)
    longitude = tree.degrees(gps, _LONGITUDE, _LONGITUDE_REF, negative="W", most=180)
    known = latitude is not None and longitude is not None
    return Exif(
        orientation=_valid_orientation(tree, first),
        taken_at=_moment(tree.text(exif, _TAKEN)) or _moment(tree.text(first, _CHANGED)),
        latitude=latitude if known else None,
        longitude=longitude if known else None,
        camera=_camera(tree.text(first, _MAKE), tree.text(first, _MODEL)),
    )


def read_orientation(block: bytes | None) -> int:
    """Only the orientation, 1 to 8 (1 where it is missing or nonsense): all that turning pixels needs."""
    tree = _Tree.of(block)
    return 1 if tree is None else _valid_orientation(tree, dict(tree.entries(tree.root)))


_Entry = tuple[int, int, int]  # type, count, position of the value or of its offset
_Directory = dict[int, _Entry]


@dataclass(frozen=True, slots=True)
class _Tree:
    """A TIFF structure in memory; every reader returns None (or nothing) where bytes are missing."""

    data: bytes
    order: str
    root: int

    @classmethod
    def of(cls, block: bytes | None) -> "_Tree | None":
        if not block:
            return None
        data = block[6:] if block[:6] == b"Exif\0\0" else block
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
        if order is None or len(data) < 8:
            return None
        return cls(data, order, struct.unpack_from(order + "I", data, 4)[0])

    def entries(self, at: int | None) -> Iterator[tuple[int, _Entry]]:
        if not at or at + 2 > len(self.data):
            return
        (count,) = struct.unpack_from(self.order + "H", self.data, at)
        whole = min(count, _MOST_ENTRIES, (len(self.data) - at - 2) // 12)
        rows = struct.iter_unpack(self.order + "HHI4x", self.data[at + 2 : at + 2 + 12 * whole])
        for row, (tag, kind, length) in enumerate(islice(rows, whole)):
            yield tag, (kind, length, at + 10 + 12 * row)

    def value(self, directory: _Directory, tag: int) -> tuple[int, bytes] | None:
        """Type and raw bytes of a value."""
        kind, count, at = directory.get(tag, (0, 0, 0))
        size = _BYTES_OF_TYPE.get(kind, 0) * count
        if not 0 < size <= len(self.data):
            return None
        if size > 4:
            (at,) = struct.unpack_from(self.order + "I", self.data, at)
        raw = self.data[at : at + size]
        return (kind, raw) if len(raw) == size else None

    def pointer(self, directory: _Directory, tag: int) -> int | None:
        value = self.value(directory, tag)
        if value is None or len(value[1]) != 4:
            return None
        return int(struct.unpack(self.order + "I", value[1])[0])

    def short(self, directory: _Directory, tag: int) -> int | None:
        value = self.value(directory, tag)
        if value is None or value[0] != _SHORT:
            return None
        return int(struct.unpack_from(self.order + "H", value[1])[0])

    def text(self, directory: _Directory, tag: int) -> str:
        value = self.value(directory, tag)
        raw = b"" if value is None else value[1].split(b"\0")[0][:_LONGEST_TEXT]
        return "".join(c for c in raw.decode("utf-8", "replace") if c.isprintable()).strip()

    def degrees(self, directory: _Directory, tag: int, ref: int, *, negative: str, most: int) -> float | None:
        """Degrees, minutes and seconds as one signed number, None outside [-most, most]."""
        value = self.value(directory, tag)
        if value is None or value[0] != _RATIONAL or len(value[1]) != 24:
            return None
        d, d_over, m, m_over, s, s_over = struct.unpack(self.order + "6I", value[1])
        if not d_over or (m and not m_over) or (s and not s_over):
            return None
        angle: float = d / d_over + (m / m_over / 60 if m else 0) + (s / s_over / 3600 if s else 0)
        if angle > most:
            return None
        return -angle if self.text(directory, ref).upper() == negative else angle


def _valid_orientation(tree: _Tree, directory: _Directory) -> int:
    orientation = tree.short(directory, _ORIENTATION)
    return orientation if orientation is not None and 1 <= orientation <= 8 else 1


def _moment(text: str) -> datetime | None:
    """The camera's clock as it stood: Exif times carry no zone, so this is a naive local time."""
    match = _WHEN.match(text)
    if match is None:
        return None
    try:
        return datetime(*map(int, match.groups()))  # type: ignore[arg-type]  # six integers, by the pattern
    except ValueError:  # cameras whose clock was never set write 0000:00:00
        return None


def _camera(make: str, model: str) -> str | None:
    """Make and model as one name; many makers repeat the make inside the model."""
    repeated = model.lower().startswith(make.lower())
    return (model if repeated else f"{make} {model}").strip() or None
