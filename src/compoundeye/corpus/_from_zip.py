"""Pictures in a zip file. Members are read where they lie: a worker needs no list of them."""

from __future__ import annotations

import bz2
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from compoundeye.corpus._beside import Member, samples
from compoundeye.corpus._input import Broken, Input, LeftAlone, Locator, named_input
from compoundeye.corpus._kept import kept
from compoundeye.corpus._place import Place, Status, UnreadableError, reason_of, too_large

DAMAGED = "damaged zip file"
# PKWARE APPNOTE.TXT 6.3.10: section 4.3.7 (local file header), 4.4.4 bit 0 (encrypted).
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_ENCRYPTED = 1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_DAMAGE = (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, struct.error, zlib.error)


class ZipMember(NamedTuple):
    """A member of a zip file, by what the archive's directory says of it."""

    archive: Place
    mtime_ns: int
    offset: int
    """Of its local header."""
    packed: int
    """Bytes in the archive."""
    size: int
    """Bytes unpacked."""
    method: int
    crc: int

    def read(self, limit: int) -> bytes:
        if max(self.size, self.packed) > limit:
            raise UnreadableError(too_large(limit))
        try:
            data = self._unpack(self._packed_bytes())
        except OSError as error:
            raise UnreadableError(reason_of(error) if error.errno else DAMAGED) from error
        except _DAMAGE as error:
            raise UnreadableError(DAMAGED) from error
        if len(data) != self.size or zlib.crc32(data) != self.crc:
            raise UnreadableError(DAMAGED)
        return data

    def _packed_bytes(self) -> bytes:
        file: BinaryIO = kept((self.archive, self.mtime_ns), self.archive.open)
        file.seek(self.offset)
        header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        if header[0] != b"PK\x03\x04":
            raise UnreadableError(DAMAGED)
        file.seek(header[-2] + header[-1], 1)  # name and extra field
        return file.read(self.packed)

    def _unpack(self, packed: bytes) -> bytes:
        """At most one byte more than announced: a zip bomb does not get to unfold."""
        if self.method == zipfile.ZIP_STORED:
            return packed
        if self.method == zipfile.ZIP_DEFLATED:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, self.size + 1)
        return bz2.BZ2Decompressor().decompress(packed, self.size + 1)


def from_zip(archive: Place, found: Status, left_alone: LeftAlone) -> Iterator[Input]:
    """Members with a picture's ending, in the order of the archive's directory, which is held in memory."""
    try:
        with archive.open() as file, zipfile.ZipFile(file) as opened:
            yield from samples(_members(opened, archive, found), left_alone)
    except _DAMAGE:
        yield named_input(archive.label, found, found.size, Broken(DAMAGED))
    except OSError as error:
        yield named_input(archive.label, found, found.size, Broken(reason_of(error)))


def _members(opened: zipfile.ZipFile, archive: Place, found: Status) -> Iterator[Member]:
    for entry in opened.infolist():
        if not entry.is_dir():
            yield _member(opened, entry, archive, found)


def _member(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, archive: Place, found: Status) -> Member:
    locator: Locator = ZipMember(
        archive,
        found.mtime_ns,
        entry.header_offset,
        entry.compress_size,
        entry.file_size,
        entry.compress_type,
        entry.CRC,
    )
    if entry.flag_bits & _ENCRYPTED:
        locator = Broken("encrypted member of a zip file")
    elif entry.compress_type not in _METHODS:
        locator = Broken("zip member compressed in an unknown way")
    label = b"%b!%b" % (archive.label, entry.filename.encode("utf-8", "surrogateescape"))
    return Member(
        entry.filename,
        entry.file_size,
        lambda: _bytes(opened, entry),
        lambda caption, metadata: named_input(
            label, found, entry.file_size, locator, caption, metadata, at=entry.header_offset
        ),
    )


def _bytes(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        return opened.read(entry)
    except (*_DAMAGE, RuntimeError):  # RuntimeError: encrypted
        return b""  # a caption that cannot be read costs its picture nothing
