"""What a disk gives to readers that its cache cannot help: sequentially, and one picture here and there."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compoundeye.records import EyeError

_BLOCK = 4 << 20
_LEAST = 16 << 20
_PROBES = 32


@dataclass(frozen=True, slots=True)
class DiskRates:
    """Of one place, by several readers at a time."""

    write: float
    """Bytes/s of sequential writing, until all is on the disk."""
    sequential: float
    """Bytes/s of sequential reading."""
    random: float
    """Reads/s of ``piece`` bytes."""
    cached: bool
    """The file stayed in the system's cache all the same, or nobody can tell: these may be rates of memory."""


def measure_disk(
    place: str | os.PathLike[str],
    *,
    size: int = 1 << 30,
    piece: int = 50_000,
    readers: int = 8,
    seconds: float = 2.0,
    tell: Callable[[], None] | None = None,
) -> DiskRates:
    """Write a file, put it out of the system's cache, and read it back.

    Args:
        place: folder on the disk in question; the file is removed afterwards.
        size: bytes of the file; less where the disk is nearly full.
        piece: bytes of a random read.
        readers: threads that read; disks answer several requests at once.
        seconds: of random reading.
        tell: called after each of three stages.

    Raises:
        EyeError: nothing can be written there.
    """
    tell = tell or (lambda: None)
    try:
        size = min(size, shutil.disk_usage(place).free // 4) // _BLOCK * _BLOCK
        if size < _LEAST:
            raise EyeError(f"the disk of {os.fspath(place)} is too full to measure: free some space, or use --place")
        with tempfile.TemporaryDirectory(dir=place, prefix=".eye-disk-") as folder:
            path = Path(folder) / "file"
            write = _write(path, size)
            tell()
            with ThreadPoolExecutor(readers) as pool:
                cached = _forget(path, size)
                sequential = _sequential(path, size, readers, pool)
                tell()
                _forget(path, size)
                random = _random(path, size, piece, readers, seconds, pool)
                tell()
    except OSError as error:
        raise EyeError(f"cannot measure the disk of {os.fspath(place)}: {error.strerror}") from None
    return DiskRates(write, sequential, random, cached)


def _write(path: Path, size: int) -> float:
    """Noise, since some disks shrink what can be shrunk; bytes/s."""
    block = memoryview(np.random.default_rng(0).bytes(_BLOCK))
    began = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for number in range(size // _BLOCK):
            file.write(block[number % 4_096 :])
            file.write(block[: number % 4_096])
        os.fsync(file.fileno())  # only what is on the disk can leave the cache
    return size / (time.perf_counter() - began)


def _forget(path: Path, size: int) -> bool:
    """Have the system drop the file from its cache; whether most of it is there all the same (a disk in memory)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if not hasattr(os, "posix_fadvise"):
            return True
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        if not hasattr(os, "RWF_NOWAIT"):
            return False
        return sum(_in_memory(descriptor, at) for at in range(0, size, size // _PROBES)) > _PROBES // 2
    finally:
        os.close(descriptor)


def _in_memory(descriptor: int, at: int) -> bool:
    """Whether a page can be had without waiting for a disk."""
    try:
        return os.preadv(descriptor, [bytearray(4096)], at, os.RWF_NOWAIT) > 0
    except BlockingIOError:
        return False
    except OSError:  # a file system in memory cannot tell; some others cannot either
        return True


def _sequential(path: Path, size: int, readers: int, pool: ThreadPoolExecutor) -> float:
    """Each reader has a part of its own, as workers have fragments of their own."""
    part = max(_BLOCK, size // readers // _BLOCK * _BLOCK)

    def read(start: int) -> int:
        done = 0
        buffer = bytearray(_BLOCK)
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            while done < part and (got := file.readinto(buffer)):
                done += got
        return done

    began = time.perf_counter()
    return sum(pool.map(read, range(0, size, part))) / (time.perf_counter() - began)


def _random(path: Path, size: int, piece: int, readers: int, seconds: float, pool: ThreadPoolExecutor) -> float:
    """Places come once each, so that no read finds what another has fetched."""
    places = np.random.default_rng(0).permutation(size // piece) * piece
    until = time.perf_counter() + seconds

    def read(mine: list[int]) -> int:
        with path.open("rb", buffering=0) as file:
            for done, place in enumerate(mine):
                if time.perf_counter() >= until:
                    return done
                os.pread(file.fileno(), piece, place)
        return len(mine)

    began = time.perf_counter()
    return sum(pool.map(read, [places[one::readers].tolist() for one in range(readers)])) / (
        time.perf_counter() - began
    )
