"""Tar files: WebDataset shards, packed folders, compressed, cut off, hostile."""

from __future__ import annotations

import io
import json
import pickle
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.corpus._from_tar import TarMember, TarRange
from compoundeye.corpus._input import Input, UnreadableError
from compoundeye.corpus._inputs import Inputs
from compoundeye.corpus._kept import let_go

LIMIT = 1 << 20
SHARD = {
    "000.jpg": b"zero",
    "000.txt": b" a cat\n",
    "000.json": b'{"width": 3, "score": NaN, "name": "\xc3\xa4"}',
    "000.cls": b"7",
    "001.png": b"one",
    "notes/readme.md": b"# left alone",
    "002.cls": b"dog",
    "002.jpg": b"two",
    "002.seg.png": b"two's mask",
    "003.jpg": b"three",
    "003.json": b"not json",
}


@pytest.fixture(autouse=True)
def _close() -> object:
    yield
    let_go()


def packed(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def name(one: Input) -> str:
    return one.source.partition("!")[2]


def reason(one: Input) -> str:
    with pytest.raises(UnreadableError) as caught:
        one.locator.read(LIMIT)
    return str(caught.value)


ENDINGS = [
    ("shard.tar", "w"),
    ("shard.tar.gz", "w:gz"),
    ("shard.tgz", "w:gz"),
    ("s.tar.bz2", "w:bz2"),
    ("s.tar.xz", "w:xz"),
]


@pytest.mark.parametrize(("file", "mode"), ENDINGS)
def test_members_of_one_name_make_a_sample(tmp_path: Path, file: str, mode: str) -> None:
    listed = Inputs([packed(tmp_path / file, SHARD, mode)])
    found = {name(one): (one.locator.read(LIMIT), one.caption, one.metadata) for one in listed}
    assert found == {
        "000.jpg": (b"zero", "a cat", '{"width":3,"score":null,"name":"ä","cls":7}'),
        "001.png": (b"one", None, None),
        "002.jpg": (b"two", None, '{"cls":"dog"}'),
        "002.seg.png": (b"two's mask", None, '{"cls":"dog"}'),
        "003.jpg": (b"three", None, '{"json":"not json"}'),
    }
    assert dict(listed.left_alone.endings) == {".md": 1}
    assert [name(one) for one in listed] == list(found)


@pytest.mark.parametrize(("file", "mode"), ENDINGS)
def test_members_can_be_read_elsewhere_and_in_any_order(tmp_path: Path, file: str, mode: str) -> None:
    members = {f"{number:02d}.jpg": bytes([number]) * 700 * number for number in range(20)}
    listed = list(Inputs([packed(tmp_path / file, members, mode)]))
    random.Random(1).shuffle(listed)
    for one in listed:
        assert pickle.loads(pickle.dumps(one)).locator.read(LIMIT) == members[name(one)]


def test_a_compressed_archive_is_unpacked_once_when_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"{number}.jpg": b"x" * number for number in range(50)}
    listed = list(Inputs([packed(tmp_path / "a.tar.gz", members, "w:gz")]))
    opened: list[str] = []
    original = tarfile.open
    monkeypatch.setattr(tarfile, "open", lambda *a, **k: (opened.append(k["mode"]), original(*a, **k))[1])
    for one in listed[10:]:
        one.locator.read(LIMIT)
    assert opened == ["r|*"]
    listed[0].locator.read(LIMIT)
    assert opened == ["r|*", "r|*"]


def test_members_of_one_name_are_inputs_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for data in (b"one", b"two", b"one"):
            member = tarfile.TarInfo("same.jpg")
            member.size = 3
            tar.addfile(member, io.BytesIO(data))
    listed = list(Inputs([path]))
    assert [one.locator.read(LIMIT) for one in listed] == [b"one", b"two", b"one"]
    assert len({one.key for one in listed}) == 3


def test_an_archive_that_was_written_anew_holds_new_inputs(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tar", {"a.jpg": b"old"})
    (before,) = Inputs([path])
    assert before.locator.read(LIMIT) == b"old"
    path.unlink()
    packed(path, {"a.jpg": b"new"})
    (after,) = Inputs([path])
    assert after.key != before.key
    assert after.locator.read(LIMIT) == b"new"


@given(cut=st.integers(0, 13_000))
def test_an_archive_that_ends_early_gives_what_is_there_and_a_failure(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.tar"
    members = {f"{number}.jpg": bytes([number]) * 1_500 for number in range(6)}  # four blocks each
    path.write_bytes(packed(path, members).read_bytes()[:cut])
    read: dict[str, bytes] = {}
    reasons = set[str]()
    for one in Inputs([path]):
        try:
            read[name(one)] = one.locator.read(LIMIT)
        except UnreadableError as error:
            reasons.add(str(error))
    let_go()
    whole = [called for number, called in enumerate(members) if cut >= 2_048 * number + 512 + 1_500]
    assert read == {called: members[called] for called in whole}
    # An end between two members is an end like any other: many programs write no end mark.
    ends_early = (cut % 2_048 and cut < 6 * 2_048) or cut % 512 or not cut
    assert reasons == ({"damaged tar file"} if ends_early else set())


@pytest.mark.parametrize(
    "data", [b"", b"nonsense" * 200, b"\x1f\x8b nonsense" * 50, b"BZh91AY" * 90, b"\xfd7zXZ\0" * 90]
)
def test_what_is_no_archive_is_one_failed_input(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(data)
    (one,) = Inputs([tmp_path / "a.tar"])
    assert one.source == f"{tmp_path}/a.tar"
    assert reason(one) in ("damaged tar file", "input/output error")


def test_a_compressed_archive_that_ends_early_gives_what_is_there(tmp_path: Path) -> None:
    members = {f"{number}.jpg": random.Random(number).randbytes(3_000) for number in range(30)}
    path = packed(tmp_path / "a.tgz", members, "w:gz")
    path.write_bytes(path.read_bytes()[:50_000])
    *good, broken = Inputs([path])
    read = {name(one): one.locator.read(LIMIT) for one in good[:-1]}
    assert len(read) >= 10
    assert read.items() <= members.items()
    assert reason(broken) == "damaged tar file"


def test_links_and_devices_in_an_archive_are_left_alone(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for kind, called in (
            (tarfile.SYMTYPE, "link.jpg"),
            (tarfile.CHRTYPE, "device.jpg"),
            (tarfile.DIRTYPE, "d.jpg"),
        ):
            member = tarfile.TarInfo(called)
            member.type = kind
            member.linkname = "/etc/passwd"
            tar.addfile(member)
    listed = Inputs([tmp_path / "a.tar"])
    assert list(listed) == []
    assert dict(listed.left_alone.endings) == {".jpg": 2}


def test_members_larger_than_the_limit_are_not_read(tmp_path: Path) -> None:
    for path, kind in (
        (packed(tmp_path / "a.tar", {"a.jpg": b"12345"}), TarRange),
        (packed(tmp_path / "b.tgz", {"a.jpg": b"12345"}, "w:gz"), TarMember),
    ):
        (one,) = Inputs([path])
        assert isinstance(one.locator, kind)
        with pytest.raises(UnreadableError, match="larger than 4 bytes"):
            one.locator.read(4)


def test_long_and_strange_names_survive(tmp_path: Path) -> None:
    members = {"d/" * 80 + "ä" * 60 + ".jpg": b"long", "tab\tname.jpg": b"tab", "../../escape.jpg": b"up"}
    listed = list(Inputs([packed(tmp_path / "a.tar", members)]))
    assert [one.locator.read(LIMIT) for one in listed] == list(members.values())
    assert [name(one) for one in listed] == [text.replace("\t", "\\x09") for text in members]


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        (b'{"half": "\\ud800"}', {"half": "?"}),
        (b'{"n": NaN, "i": -Infinity}', {"n": None, "i": None}),
        (b"[1, 2]", {"json": [1, 2]}),
        (b"caf\xe9", {"json": "caf\ufffd"}),
        (b"{}", None),
    ],
)
def test_metadata_is_json_whatever_lies_there(tmp_path: Path, text: bytes, metadata: dict[str, object] | None) -> None:
    (one,) = Inputs([packed(tmp_path / "a.tar", {"a.jpg": b"a", "a.txt": b"caf\xe9", "a.json": text})])
    assert one.caption == "caf\ufffd"
    assert (None if one.metadata is None else json.loads(one.metadata)) == metadata


def test_metadata_nested_to_do_harm_costs_the_picture_nothing(tmp_path: Path) -> None:
    text = b"[" * 100_000 + b"]" * 100_000
    (one,) = Inputs([packed(tmp_path / "a.tar", {"a.jpg": b"a", "a.json": text})])
    assert one.locator.read(LIMIT) == b"a"


def test_listing_a_large_archive_remembers_no_members(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tar", {f"{number}.jpg": b"x" for number in range(300)})
    kept: list[int] = []
    original = tarfile.TarFile.next

    class Watched(tarfile.TarFile):
        def next(self) -> tarfile.TarInfo | None:
            kept.append(len(self.members))  # type: ignore[attr-defined]
            return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tarfile.TarFile, "next", Watched.next)
        assert sum(1 for _ in Inputs([path])) == 300
    assert max(kept) <= 1
