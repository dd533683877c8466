"""Zip files: read member by member from where they lie, damage and bombs included."""

from __future__ import annotations

import pickle
import random
import zipfile
from pathlib import Path

import pytest

from compoundeye.corpus._input import Input, UnreadableError
from compoundeye.corpus._inputs import Inputs
from compoundeye.corpus._kept import let_go

LIMIT = 1 << 20
MEMBERS = {
    "album/1.jpg": bytes(range(256)) * 20,
    "album/1.txt": b"a caption",
    "album/2.png": b"",
    "é.webp": b"latin",
    "notes.pdf": b"left alone",
    "__MACOSX/album/._1.jpg": b"resource fork",
}


@pytest.fixture(autouse=True)
def _close() -> object:
    yield
    let_go()


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.comment = comment
        archive.writestr("album/", b"")
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def reason(one: Input, limit: int = LIMIT) -> str:
    with pytest.raises(UnreadableError) as caught:
        one.locator.read(limit)
    return str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_members_are_read_where_they_lie(tmp_path: Path, method: int) -> None:
    path = zipped(tmp_path / "a.zip", MEMBERS, method, comment=b"made by hand")
    path.write_bytes(b"#! an archive may have a head of its own\n" + path.read_bytes())
    listed = Inputs([path])
    found = {one.source.partition("!")[2]: one for one in listed}
    assert list(found) == ["album/1.jpg", "album/2.png", "é.webp"]
    for name, one in found.items():
        assert pickle.loads(pickle.dumps(one)).locator.read(LIMIT) == MEMBERS[name]
    assert found["album/1.jpg"].caption == "a caption"
    assert dict(listed.left_alone.endings) == {".pdf": 1, ".jpg": 1}


def test_damage_is_noticed_by_the_checksum(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": b"content" * 50, "b.jpg": b"whole"})
    data = bytearray(path.read_bytes())
    data[data.index(b"content")] ^= 1
    path.write_bytes(data)
    first, second = Inputs([path])
    assert reason(first) == "damaged zip file"
    assert second.locator.read(LIMIT) == b"whole"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_damage_to_packed_data_is_noticed(tmp_path: Path, method: int) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": random.Random(1).randbytes(2_000)}, method)
    data = bytearray(path.read_bytes())
    data[60:120] = bytes(60)
    path.write_bytes(data)
    (one,) = Inputs([path])
    assert reason(one) == "damaged zip file"


def test_a_bomb_does_not_unfold(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": bytes(5_000_000)}, zipfile.ZIP_DEFLATED)
    (one,) = Inputs([path])
    assert reason(one) == "larger than 1 MiB"
    lying = one.locator._replace(size=1_000)  # type: ignore[attr-defined]
    assert reason(one._replace(locator=lying)) == "damaged zip file"


def test_what_cannot_be_unpacked_is_a_failed_input_with_its_reason(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"secret.jpg": b"x" * 100, "packed.jpg": b"y" * 100})
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)  # after that of the folder
    data[directory + 8] |= 1  # APPNOTE 4.4.4: encrypted
    second = data.index(b"PK\x01\x02", directory + 4)
    data[second + 10] = 98  # APPNOTE 4.4.5: PPMd
    path.write_bytes(data)
    assert {one.source.partition("!")[2]: reason(one) for one in Inputs([path])} == {
        "secret.jpg": "encrypted member of a zip file",
        "packed.jpg": "zip member compressed in an unknown way",
    }


@pytest.mark.parametrize("data", [b"", b"nonsense" * 100, b"PK\x05\x06" + bytes(10)])
def test_what_is_no_archive_is_one_failed_input(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    (one,) = Inputs([tmp_path / "a.zip"])
    assert reason(one) == "damaged zip file"


def test_an_archive_that_shrank_after_it_was_listed_fails(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": b"x" * 1_000})
    (one,) = Inputs([path])
    path.write_bytes(path.read_bytes()[:200])
    assert reason(one) == "damaged zip file"
    path.unlink()
    let_go()
    assert reason(one) == "no such file or directory"


def test_members_of_one_name_are_inputs_of_their_own(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.jpg", b"two")
    listed = list(Inputs([tmp_path / "a.zip"]))
    assert [one.locator.read(LIMIT) for one in listed] == [b"one", b"two"]
    assert len({one.key for one in listed}) == 2
