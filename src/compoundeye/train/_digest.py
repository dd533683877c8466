"""Files that are hashed as they are written, so that a later reader can tell whether they are what was meant."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from torch.distributed.checkpoint.filesystem import FileSystem


class Digest(NamedTuple):
    """What a file must be."""

    size: int
    sha256: str


class DigestingFiles(FileSystem):
    """The file system that `torch.distributed.checkpoint` writes through; keeps a digest of each file by its name.

    Hashing what is handed over, not what can be read back, also catches what goes wrong on the way to the disk.
    """

    def __init__(self) -> None:
        super().__init__()
        self.digests: dict[str, Digest] = {}

    @contextmanager
    def create_stream(self, path: str | os.PathLike[str], mode: str) -> Iterator[Any]:
        """A stream for reading, or one for writing from start to end."""
        with open(path, mode) as file:
            if mode != "wb":
                yield file
                return
            stream = _Hashing(file)
            yield stream
            self.digests[Path(path).name] = Digest(stream.tell(), stream.hash.hexdigest())

    def rename(self, path: str | os.PathLike[str], new_path: str | os.PathLike[str]) -> None:
        """Rename a file; its digest goes with it."""
        super().rename(path, new_path)
        self.digests[Path(new_path).name] = self.digests.pop(Path(path).name)


class _Hashing(io.RawIOBase):
    """Writes through to a file. Not seekable: a hash cannot go back."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        self._at = 0
        self.hash = hashlib.sha256()

    def write(self, data: Any) -> int:
        with memoryview(data).cast("B") as view:
            self._file.write(view)
            self.hash.update(view)
            self._at += len(view)
            return len(view)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def fileno(self) -> int:
        self.flush()  # whoever asks wants to wait until all of it is on the disk
        return int(self._file.fileno())

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Leaves the file to whoever opened it: a tensor's writer closes what it was given."""


def write_durably(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def settle(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def damaged(folder: Path, digests: Iterable[tuple[str, Digest]]) -> list[str]:
    """Names of the files that are not what they should be. Reads them whole, at the speed of SHA-256."""
    return [name for name, digest in digests if not _is_whole(folder / name, digest)]


def _is_whole(path: Path, digest: Digest) -> bool:
    try:
        with open(path, "rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest.sha256
    except OSError:
        return False
