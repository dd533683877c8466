"""Pictures in a tar file: WebDataset shards, or a folder that somebody packed. Members are read where they lie."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from compoundeye.corpus._beside import Member, samples
from compoundeye.corpus._input import Broken, Input, LeftAlone, Locator, named_input
from compoundeye.corpus._kept import kept
from compoundeye.corpus._place import Place, Status, UnreadableError, reason_of, too_large

DAMAGED = "damaged tar file"
_BLOCK = 512
_DAMAGE = (tarfile.TarError, EOFError, ValueError, OverflowError, zlib.error, lzma.LZMAError)


class TarRange(NamedTuple):
    """A member of a plain tar file: a range of its bytes."""

    archive: Place
    mtime_ns: int
    offset: int
    size: int

    def read(self, limit: int) -> bytes:
        return _whole(self.size, limit, self._bytes)

    def _bytes(self) -> bytes:
        file: BinaryIO = kept((self.archive, self.mtime_ns), self.archive.open)
        file.seek(self.offset)
        return file.read(self.size)


class TarMember(NamedTuple):
    """A member of a compressed tar file, which can only be read from its beginning on.

    Workers keep the archive open between inputs and meet them in order, so each of them unpacks it once.
    """

    archive: Place
    mtime_ns: int
    offset: int
    """Where its header begins in the unpacked archive."""
    size: int

    def read(self, limit: int) -> bytes:
        return _whole(self.size, limit, self._bytes)

    def _bytes(self) -> bytes:
        try:
            unpacking: _Unpacking = kept((self.archive, self.mtime_ns), lambda: _Unpacking(self.archive))
            return unpacking.member(self.offset)
        except _DAMAGE as error:
            raise UnreadableError(DAMAGED) from error


def _whole(size: int, limit: int, read: Callable[[], bytes]) -> bytes:
    """All ``size`` bytes of a member, or the reason why not."""
    if size > limit:
        raise UnreadableError(too_large(limit))
    try:
        data = read()
    except OSError as error:
        raise UnreadableError(reason_of(error)) from error
    if len(data) < size:
        raise UnreadableError(DAMAGED)
    return data


def from_tar(archive: Place, found: Status, left_alone: LeftAlone) -> Iterator[Input]:
    """Members with a picture's ending, in the order of the archive; one that ends early is a failed input too."""
    failures: list[str] = []
    yield from samples(_members(archive, found, failures, left_alone), left_alone)
    for reason in failures:
        yield named_input(archive.label, found, found.size, Broken(reason))


def _members(archive: Place, found: Status, failures: list[str], left_alone: LeftAlone) -> Iterator[Member]:
    try:
        with archive.open() as file:
            packed = _is_packed(file)
            with tarfile.open(fileobj=file, mode="r|*" if packed else "r:") as tar:
                while entry := _next(tar):
                    if entry.isreg():
                        yield _member(tar, entry, archive, found, packed)
                    elif not entry.isdir():
                        left_alone.add(entry.name)
                if not packed and found.size % _BLOCK:
                    failures.append(DAMAGED)  # cut within a block: tarfile takes it for the end
    except _DAMAGE:
        failures.append(DAMAGED)
    except OSError as error:
        failures.append(reason_of(error))


def _next(tar: tarfile.TarFile) -> tarfile.TarInfo | None:
    tar.members = []  # type: ignore[attr-defined]  # tarfile would remember every member for good
    return tar.next()


def _member(tar: tarfile.TarFile, entry: tarfile.TarInfo, archive: Place, found: Status, packed: bool) -> Member:
    locator: Locator = TarRange(archive, found.mtime_ns, entry.offset_data, entry.size)
    if packed:
        locator = TarMember(archive, found.mtime_ns, entry.offset, entry.size)
    if entry.sparse is not None:  # GNU tar leaves holes out
        locator = Broken("sparse member of a tar file")
    label = b"%b!%b" % (archive.label, entry.name.encode("utf-8", "surrogateescape"))
    return Member(
        entry.name,
        entry.size,
        lambda: _bytes(tar, entry),
        # Two members of one name are two inputs: where they lie tells them apart.
        lambda caption, metadata: named_input(label, found, entry.size, locator, caption, metadata, at=entry.offset),
    )


def _bytes(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    return file.read() if file else b""


def _is_packed(file: BinaryIO) -> bool:
    """Whether it is gzip, bzip2 or xz, by its first bytes."""
    head = file.read(6)
    file.seek(0)
    return head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"))


class _Unpacking:
    """A compressed tar file, at the member where it was left."""

    def __init__(self, archive: Place) -> None:
        self.archive = archive
        self.at = -1
        self._begin()

    def member(self, offset: int) -> bytes:
        if offset <= self.at:
            self.close()
            self._begin()
        while entry := _next(self.tar):
            self.at = entry.offset
            if entry.offset == offset:
                return _bytes(self.tar, entry)
        raise tarfile.ReadError("no such member")

    def close(self) -> None:
        self.tar.close()
        self.file.close()

    def _begin(self) -> None:
        self.file = self.archive.open()
        self.tar = tarfile.open(fileobj=self.file, mode="r|*")  # noqa: SIM115  # it stays open between members
        self.at = -1
