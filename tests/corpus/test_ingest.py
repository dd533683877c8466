"""From what people have to a corpus that accounts for all of it."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from compoundeye.cluster import Local
from compoundeye.corpus import Corpus, CorpusError, account, failures, ingest
from compoundeye.corpus._ingest import FRAGMENT_BYTES, cut, fragment_rows
from compoundeye.corpus._input import Broken, Input
from compoundeye.corpus._stage import Shard
from compoundeye.records import picture_id

JpegMaker = Callable[[int], bytes]
Contents = Callable[[Any], Any]
FORMATS = {
    "a.jpg": ("JPEG", "RGB", {"progressive": True}),
    "b.jpeg": ("JPEG", "CMYK", {}),
    "c.png": ("PNG", "RGBA", {}),
    "d.png": ("PNG", "P", {}),
    "e.png": ("PNG", "I;16", {}),
    "f.webp": ("WEBP", "RGB", {}),
    "g.gif": ("GIF", "P", {}),
    "h.bmp": ("BMP", "RGB", {}),
    "i.tiff": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "j.avif": ("AVIF", "RGB", {}),
    "k.JPG": ("JPEG", "L", {}),
}


def picture(mode: str) -> Image.Image:
    rows = np.add.outer(np.arange(40), np.arange(60))
    if mode == "I;16":
        return Image.fromarray((rows * 600).astype(np.uint16))
    colour = Image.fromarray(np.stack([rows * 2, rows, 255 - rows], -1).astype(np.uint8))
    return colour.quantize() if mode == "P" else colour.convert(mode)


def bomb() -> bytes:
    """A PNG of one kilobyte that says it has 3.6 thousand million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1_000)))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def mixed(tmp_path: Path, jpeg: JpegMaker) -> Path:
    """A folder with every format and everything that can be wrong with a file."""
    folder = tmp_path / "mixed"
    (folder / "deep" / "er").mkdir(parents=True)
    for name, (kind, mode, options) in FORMATS.items():
        picture(mode).save(folder / name, kind, **options)
    exif = Image.Exif()
    exif[0x0112] = 6  # upright is a quarter turn away
    exif[0x0110] = "Camera 1"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 30.0, 0.0), 3: "W", 4: (11.0, 15.0, 0.0)})
    picture("RGB").save(folder / "deep" / "turned.jpg", "JPEG", exif=exif)
    whole = jpeg(1)
    (folder / "deep" / "er" / "one.jpg").write_bytes(whole)
    (folder / "deep" / "er" / "two.jpg").write_bytes(whole)
    for name, data in (
        ("x1.jpg", b""),
        ("x2.jpg", whole[: len(whole) // 2]),
        ("x3.jpg", b"<html>"),
        ("x4.png", bomb()),
    ):
        (folder / name).write_bytes(data)
    Path(os.fsdecode(os.path.join(os.fsencode(folder), b"odd \xff\n.jpg"))).write_bytes(jpeg(2))
    os.mkfifo(folder / "pipe.jpg")
    (folder / "dangling.jpg").symlink_to("nowhere")
    (folder / "deep" / "up").symlink_to(folder)
    (folder / "notes.txt").write_text("not a picture, and not called one")
    return folder


REASONS = Counter(
    {
        "empty file": 1,
        "truncated JPEG": 1,
        "not a picture": 1,
        "too many pixels": 1,
        "not a regular file": 1,
        "broken link": 1,
    }
)


def test_every_input_ends_as_stored_duplicate_or_failed_with_its_reason(
    mixed: Path, tmp_path: Path, contents: Contents
) -> None:
    done = ingest(mixed, tmp_path / "c.lance", workers=1)
    assert done.reasons == REASONS
    assert (done.seen, done.done, done.duplicate, done.failed) == (len(FORMATS) + 10, len(FORMATS) + 3, 1, 6)
    assert (done.known, done.left_alone, done.endings) == (0, 1, {".txt": 1})
    assert account(tmp_path / "c.lance").as_dict().items() <= done.as_dict().items()
    listed = {row["source"].rpartition("/")[2]: row["reason"] for row in failures(tmp_path / "c.lance")}
    assert listed["x4.png"] == "too many pixels: 60000 x 60000"
    assert len(listed) == 6
    pictures, _ = contents(tmp_path / "c.lance")
    assert {row["format"] for row in pictures.values()} == {"JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"}
    by_name = {row["source"].rpartition("/")[2]: row for row in pictures.values()}
    assert "odd \\xff\\x0a.jpg" in by_name
    assert "one.jpg" in by_name
    assert "two.jpg" not in by_name


def test_a_picture_is_kept_byte_for_byte_with_what_it_says_of_itself(
    mixed: Path, tmp_path: Path, contents: Contents
) -> None:
    ingest(mixed, tmp_path / "c.lance", workers=1)
    pictures, _ = contents(tmp_path / "c.lance")
    for identity, row in pictures.items():
        assert identity == picture_id(row["image"])
        assert row["bytes"] == len(row["image"])
        assert row["thumbnail"].startswith(b"\xff\xd8")
    data = (mixed / "deep" / "turned.jpg").read_bytes()
    row = pictures[picture_id(data)]
    assert row["image"] == data
    assert (row["width"], row["height"], row["orientation"]) == (40, 60, 6)
    assert (row["taken_at"], row["camera"]) == (datetime(2024, 5, 6, 7, 8, 9), "Camera 1")
    assert (row["latitude"], row["longitude"]) == (48.5, -11.25)


def many(folder: Path, jpeg: JpegMaker, count: int) -> Path:
    """Pictures of which every tenth is a copy of one far away and every fiftieth is broken."""
    folder.mkdir()
    for number in range(count):
        data = jpeg(count - number if number % 10 == 9 else number)
        (folder / f"{number:05d}.jpg").write_bytes(data[:100] if number % 50 == 7 else data)
    return folder


def test_the_corpus_does_not_depend_on_the_number_of_workers(
    tmp_path: Path, jpeg: JpegMaker, contents: Contents
) -> None:
    folder = many(tmp_path / "many", jpeg, 2_500)
    done = [ingest(folder, tmp_path / f"{workers}.lance", workers=workers) for workers in (1, 2)]
    assert done[0] == done[1]
    assert done[0].duplicate > 0
    assert done[0].reasons == Counter({"truncated JPEG": 50})
    one, two = contents(tmp_path / "1.lance"), contents(tmp_path / "2.lance")
    assert one == two


class Alone:
    """An engine that keeps shards in flight before it gives the first result, and notes what they hold."""

    def __init__(self, in_flight: int = 3) -> None:
        self.in_flight = in_flight
        self.shards: list[Shard] = []

    def map(
        self,
        work: Callable[[Any], Any],
        shards: Iterable[Any],
        *,
        smaller: Callable[[Any], Sequence[Any]] | None = None,  # noqa: ARG002
    ) -> Iterator[Any]:
        waiting: list[Any] = []
        for shard in shards:
            self.shards.append(shard)
            waiting.append(work(shard))
            if len(waiting) > self.in_flight:
                yield waiting.pop(0)
        yield from waiting


def test_duplicates_are_found_within_and_across_shards_sources_and_runs(
    tmp_path: Path, jpeg: JpegMaker, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compoundeye.corpus._ingest._FEWEST_ROWS", 4)
    for name, seeds in {"a": [1, 2, 1, 3, 4, 5, 6, 1, 7], "b": [7, 8, 2, 9, 8], "c": [9, 10]}.items():
        (tmp_path / name).mkdir()
        for number, seed in enumerate(seeds):
            (tmp_path / name / f"{number}.jpg").write_bytes(jpeg(seed))
    engine = Alone()
    first = ingest([tmp_path / "a", tmp_path / "b"], tmp_path / "c.lance", engine=engine)
    assert [len(shard.inputs) for shard in engine.shards] == [4, 4, 4, 2]
    assert (first.seen, first.done, first.duplicate) == (14, 9, 5)
    second = ingest([tmp_path / "b", tmp_path / "c"], tmp_path / "c.lance", engine=engine)
    assert (second.seen, second.done, second.duplicate, second.known) == (2, 1, 1, 5)
    pictures, inputs = contents(tmp_path / "c.lance")
    assert pictures[picture_id(jpeg(7))]["source"] == f"{tmp_path}/a/8.jpg"
    assert inputs[next(key for key, row in inputs.items() if row["source"] == f"{tmp_path}/b/0.jpg")][
        "id"
    ] == picture_id(jpeg(7))


def test_an_input_listed_twice_is_seen_once(tmp_path: Path, jpeg: JpegMaker) -> None:
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / "a.jpg").write_bytes(jpeg(1))
    done = ingest([tmp_path / "pics", tmp_path / "pics" / "a.jpg", f"{tmp_path}/p*s"], tmp_path / "c.lance", workers=1)
    assert (done.seen, done.done, done.duplicate, done.known) == (1, 1, 0, 2)
    assert account(tmp_path / "c.lance").seen == 1


def test_a_second_run_looks_only_at_what_is_new_or_changed(tmp_path: Path, jpeg: JpegMaker) -> None:
    folder = tmp_path / "pics"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
    ingest(folder, tmp_path / "c.lance", workers=1)
    version = Corpus.open(tmp_path / "c.lance").version
    engine = Alone()
    again = ingest(folder, tmp_path / "c.lance", engine=engine)
    assert (again.seen, again.known, engine.shards) == (0, 5, [])
    assert Corpus.open(tmp_path / "c.lance").version == version
    (folder / "5.jpg").write_bytes(jpeg(5))
    (folder / "3.jpg").write_bytes(jpeg(33))
    os.utime(folder / "1.jpg", ns=(0, 0))  # touched: the same picture from the same place
    more = ingest(folder, tmp_path / "c.lance", engine=engine)
    assert (more.seen, more.done, more.duplicate, more.known) == (3, 2, 1, 3)
    whole = account(tmp_path / "c.lance")
    assert (whole.seen, whole.done, whole.duplicate) == (8, 7, 1)


def test_what_failed_is_looked_at_again_only_if_asked_for(tmp_path: Path, jpeg: JpegMaker) -> None:
    folder = tmp_path / "pics"
    folder.mkdir()
    (folder / "small.jpg").write_bytes(jpeg(1))
    (folder / "large.jpg").write_bytes(jpeg(2) + b"\0" * 5_000)
    (folder / "broken.jpg").write_bytes(jpeg(3)[:100])
    first = ingest(folder, tmp_path / "c.lance", workers=1, max_bytes=5_000)
    assert first.reasons == Counter({"larger than 5000 bytes": 1, "truncated JPEG": 1})
    again = ingest(folder, tmp_path / "c.lance", workers=1)
    assert (again.seen, again.known, again.known_failed) == (0, 3, 2)
    retried = ingest(folder, tmp_path / "c.lance", workers=1, retry_failed=True)
    assert (retried.seen, retried.done, retried.failed, retried.known) == (2, 1, 1, 1)
    whole = account(tmp_path / "c.lance")
    assert (whole.seen, whole.done, whole.reasons) == (3, 2, Counter({"truncated JPEG": 1}))


def test_pictures_with_too_many_pixels_for_the_caller_fail(tmp_path: Path, jpeg: JpegMaker) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    done = ingest(tmp_path / "a.jpg", tmp_path / "c.lance", max_pixels=1_000)
    assert done.reasons == Counter({"too many pixels": 1})


def test_an_empty_folder_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = ingest(tmp_path / "empty", tmp_path / "c.lance")
    assert (done.seen, done.known, done.left_alone) == (0, 0, 0)
    assert account(tmp_path / "c.lance").seen == 0


def test_a_mistyped_source_leaves_no_corpus_behind(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"there is nothing at .*/Pictuers; give a folder"):
        ingest([tmp_path, tmp_path / "Pictuers"], tmp_path / "c.lance")
    assert not (tmp_path / "c.lance").exists()


def test_a_corpus_may_lie_in_its_own_source(tmp_path: Path, jpeg: JpegMaker) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    first = ingest(tmp_path, tmp_path / "c.lance", workers=1)
    again = ingest(tmp_path, Corpus.open(tmp_path / "c.lance"), workers=1)
    assert (first.seen, first.left_alone) == (1, 0)
    assert (again.seen, again.known, again.left_alone) == (0, 1, 0)


def test_two_at_once_are_refused(tmp_path: Path, jpeg: JpegMaker) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    with Corpus.create(tmp_path / "c.lance").lock("ingest"), pytest.raises(CorpusError, match="another ingest"):
        ingest(tmp_path / "a.jpg", tmp_path / "c.lance")


def test_progress_goes_up_to_the_number_of_inputs(tmp_path: Path, jpeg: JpegMaker) -> None:
    folder = many(tmp_path / "many", jpeg, 1_200)
    before = threading.active_count()
    told: list[tuple[int, int | None]] = []
    ingest(folder, tmp_path / "c.lance", workers=1, progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (1_200, 1_200)
    assert {total for _, total in told} <= {None, 1_200}
    assert threading.active_count() == before


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(
    tmp_path: Path, jpeg: JpegMaker, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compoundeye.corpus._ingest._FEWEST_ROWS", 10)
    folder = many(tmp_path / "many", jpeg, 60)
    ingest(folder, tmp_path / "whole.lance", engine=Alone())
    writes = 0

    def full(*arguments: Any, **options: Any) -> Any:
        nonlocal writes
        writes += 1
        if writes > 3:
            raise OSError("LanceError(IO): No space left on device (os error 28), /somewhere/writer.rs:190:9")
        return write(*arguments, **options)

    from compoundeye.corpus import _staged_files

    write = _staged_files.write_fragments
    with monkeypatch.context() as patch:
        patch.setattr(_staged_files, "write_fragments", full)
        with pytest.raises(CorpusError, match="no space left on device; free some space, then run the same command"):
            ingest(folder, tmp_path / "c.lance", engine=Alone(in_flight=0))
    assert account(tmp_path / "c.lance").seen == 30
    rest = ingest(folder, tmp_path / "c.lance", engine=Alone())
    assert (rest.seen, rest.known) == (30, 30)
    assert contents(tmp_path / "c.lance") == contents(tmp_path / "whole.lance")


def test_a_picture_that_kills_its_decoder_is_one_failed_input(tmp_path: Path, jpeg: JpegMaker) -> None:
    # The worker finds the deadly decoder through PYTHONPATH, as it would find a broken build of a library.
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os, signal\n"
        "import compoundeye.pixels as pixels\n"
        "look = pixels.look\n"
        "def deadly(data, **options):\n"
        "    if b'deadly' in data: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return look(data, **options)\n"
        "pixels.look = deadly\n"
    )
    folder = many(tmp_path / "many", jpeg, 1_100)
    (folder / "00011.jpg").write_bytes(jpeg(11) + b"deadly")
    script = tmp_path / "run.py"
    script.write_text(
        "import compoundeye as ce\n"
        f"done = ce.ingest({str(folder)!r}, {str(tmp_path / 'c.lance')!r}, workers=2)\n"
        "print(done.seen, done.reasons['crashes the program'])\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    run = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert (run.stdout.split(), run.returncode) == (["1100", "1"], 0), run.stderr
    assert account(tmp_path / "c.lance").reasons["crashes the program"] == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_keeps_what_is_done(tmp_path: Path, jpeg: JpegMaker, contents: Contents, workers: int) -> None:
    folder = many(tmp_path / "many", jpeg, 6_000)
    script = tmp_path / "run.py"
    script.write_text(
        "import os, signal, compoundeye as ce\n"
        "def tell(done, total):\n"
        "    if done >= 1_000: os.kill(os.getpid(), signal.SIGINT)\n"
        "try:\n"
        f"    ce.ingest({str(folder)!r}, {str(tmp_path / 'c.lance')!r}, workers={workers}, progress=tell)\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr, run.returncode) == ("stopped\n", "", 0)
    kept = account(tmp_path / "c.lance")
    assert 1_000 <= kept.seen < 6_000
    rest = ingest(folder, tmp_path / "c.lance", workers=2)
    assert rest.known == kept.seen
    ingest(folder, tmp_path / "whole.lance", workers=2)
    assert contents(tmp_path / "c.lance") == contents(tmp_path / "whole.lance")


def test_a_killed_worker_costs_nothing(tmp_path: Path, jpeg: JpegMaker, contents: Contents) -> None:
    folder = many(tmp_path / "many", jpeg, 3_000)

    class Unlucky(Local):
        """One worker is killed while several shards are in flight."""

        def map(self, work: Any, shards: Any, **options: Any) -> Iterator[Any]:
            for number, result in enumerate(super().map(work, shards, **options)):
                if number == 0:
                    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
                    workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
                    os.kill(int(workers[0]), signal.SIGKILL)
                yield result

    done = ingest(folder, tmp_path / "c.lance", engine=Unlucky(2))
    assert done == ingest(folder, tmp_path / "whole.lance", workers=1)
    assert contents(tmp_path / "c.lance") == contents(tmp_path / "whole.lance")


@given(st.integers(0, 10**10))
def test_fragments_are_many_enough_to_share_and_few_enough_to_list(rows: int) -> None:
    assert 1_024 <= fragment_rows(rows) <= 32_768
    assert fragment_rows(rows) <= fragment_rows(rows + 1)
    if rows > 2**20:
        assert fragment_rows(rows) == 32_768


@given(st.lists(st.integers(0, 200 << 20), max_size=30), st.integers(0, 10**6))
def test_pieces_hold_all_inputs_in_order_and_not_too_many_bytes(sizes: list[int], rows: int) -> None:
    inputs = [Input(b"%016d" % place, "", size, 0, Broken("")) for place, size in enumerate(sizes)]
    pieces = list(cut(inputs, rows))
    assert [one for piece in pieces for one in piece] == inputs
    assert all(len(piece) == 1 or sum(one.size for one in piece) <= FRAGMENT_BYTES for piece in pieces)
    assert all(pieces)


def test_pieces_grow_with_the_corpus() -> None:
    inputs = (Input(b"", "", 0, 0, Broken("")) for _ in range(300_000))
    counts = [len(piece) for piece in cut(inputs, 0)]
    assert counts[:16] == [1_024] * 16
    assert counts[:-1] == sorted(counts[:-1])
    assert max(counts) > 10_000
    assert len(counts) < 80
