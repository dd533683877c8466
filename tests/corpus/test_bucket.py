"""Pictures in a bucket, and a corpus in one: an S3 server on this machine stands in for it."""

from __future__ import annotations

import io
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from compoundeye.corpus import Corpus, CorpusError, account, compact, ingest
from compoundeye.corpus._journal import NAME
from compoundeye.records import picture_id

JpegMaker = Callable[[int], bytes]


@pytest.fixture
def bucket(s3: str) -> fs.FileSystem:
    """An empty bucket."""
    files = fs.S3FileSystem(endpoint_override=s3, scheme="http", region="us-east-1", allow_bucket_creation=True)
    name = f"pictures-{uuid.uuid4().hex}"
    files.create_dir(name)
    return fs.SubTreeFileSystem(name, files)


def put(files: fs.FileSystem, name: str, data: bytes) -> None:
    with files.open_output_stream(name) as file:
        file.write(data)


def uri(files: fs.FileSystem, name: str) -> str:
    return f"s3://{files.base_path.strip('/')}/{name}"


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def test_a_folder_in_a_bucket(bucket: fs.FileSystem, tmp_path: Path, jpeg: JpegMaker) -> None:
    for number in range(6):
        put(bucket, f"album/{number % 2}/{number} é.jpg", jpeg(number))
    put(bucket, "album/copy.jpg", jpeg(2))
    put(bucket, "album/cut.jpg", jpeg(9)[:100])
    put(bucket, "album/notes.txt", b"left alone")
    done = ingest(uri(bucket, "album"), tmp_path / "c.lance", workers=1)
    assert (done.seen, done.done, done.duplicate, done.failed, done.left_alone) == (8, 6, 1, 1, 1)
    row = Corpus.open(tmp_path / "c.lance").pictures_by_id([picture_id(jpeg(3))], ["source", "image"]).to_pylist()[0]
    assert row["source"] == uri(bucket, "album/1/3 é.jpg")
    assert row["image"] == jpeg(3)
    again = ingest(uri(bucket, "album/"), tmp_path / "c.lance", workers=1)
    assert (again.seen, again.known) == (0, 8)


def test_archives_patterns_and_lists_in_a_bucket(bucket: fs.FileSystem, tmp_path: Path, jpeg: JpegMaker) -> None:
    for shard in range(2):
        members = {f"{number}.jpg": jpeg(10 * shard + number) for number in range(4)}
        put(bucket, f"shards/{shard}.tar", archive(members | {"3.txt": b"a caption"}))
    put(bucket, "lists/list.csv", b"path,caption\n../shards/none.jpg,x\n" + f"{uri(bucket, 'one.jpg')},y\n".encode())
    put(bucket, "one.jpg", jpeg(99))
    done = ingest([uri(bucket, "shards/*.tar"), uri(bucket, "lists/list.csv")], tmp_path / "c.lance", workers=2)
    assert (done.seen, done.done, done.failed) == (10, 9, 1)
    captions = Corpus.open(tmp_path / "c.lance").dataset.to_table(columns=["caption"])["caption"].to_pylist()
    assert sorted(filter(None, captions)) == ["a caption", "a caption", "y"]


def test_what_is_not_in_the_bucket_is_a_mistake(bucket: fs.FileSystem, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"there is nothing at s3://.*/nowhere"):
        ingest(uri(bucket, "nowhere"), tmp_path / "c.lance")
    with pytest.raises(CorpusError, match="nothing matches s3://"):
        ingest(uri(bucket, "*.jpg"), tmp_path / "c.lance")


def test_a_corpus_in_a_bucket(bucket: fs.FileSystem, tmp_path: Path, jpeg: JpegMaker, contents: Any) -> None:
    (tmp_path / "pics").mkdir()
    for number in range(5):
        (tmp_path / "pics" / f"{number}.jpg").write_bytes(jpeg(number))
    where = uri(bucket, "c.lance")
    done = ingest(tmp_path / "pics", where, workers=1)
    assert account(where).done == done.done == 5
    (tmp_path / "pics" / "5.jpg").write_bytes(jpeg(5))
    assert ingest(tmp_path / "pics", where, workers=1).known == 5
    ingest(tmp_path / "pics", tmp_path / "c.lance", workers=1)
    assert contents(where) == contents(tmp_path / "c.lance")
    compact(where)
    assert contents(where) == contents(tmp_path / "c.lance")


def test_a_kill_between_the_commits_is_mended_in_a_bucket_too(
    bucket: fs.FileSystem, tmp_path: Path, jpeg: JpegMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    where = uri(bucket, "c.lance")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Corpus, "_book", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest(tmp_path / "a.jpg", where)
    assert bucket.get_file_info(f"c.lance/{NAME}").type == fs.FileType.File
    assert ingest(tmp_path / "a.jpg", where).known == 1
    assert account(where).done == 1
    assert bucket.get_file_info(f"c.lance/{NAME}").type == fs.FileType.NotFound
