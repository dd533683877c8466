"""The loader: the right pictures in the right order, whatever happens to one of them or around them."""

from __future__ import annotations

import gc
import io
import json
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from lance.fragment import write_fragments
from PIL import Image

from compoundeye.corpus import Corpus, ingest, targets, training_order
from compoundeye.records import EyeError, picture_id
from compoundeye.train import Loader, View

COUNT = 41


class Samples(NamedTuple):
    source: np.ndarray
    row: np.ndarray


class Scattered:
    """Positions to rows by a step that shares no factor with the number of rows."""

    def __init__(self, rows: int, corpora: int = 1) -> None:
        self.rows, self.corpora = rows, corpora

    def at(self, positions: np.ndarray) -> Samples:
        return Samples((positions % self.corpora).astype(np.int16), positions * 17 % self.rows)


class Numbers:
    """Of a row: its own number."""

    def read(self, rows: np.ndarray) -> np.ndarray:
        return rows.copy()


class Words:
    """Of a row: its number in words of a kind."""

    def read(self, rows: np.ndarray) -> list[str]:
        return [f"picture {row}" for row in rows.tolist()]


def _png(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (12, 10), (number, 255 - number, 7)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    """One-coloured pictures, red as their file's number."""
    folder = tmp_path_factory.mktemp("loader")
    (folder / "in").mkdir()
    for number in range(COUNT):
        (folder / "in" / f"{number:03d}.png").write_bytes(_png(number))
    ingest(folder / "in", folder / "corpus", workers=1)
    return Corpus.open(folder / "corpus")


@pytest.fixture(scope="module")
def reds(corpus) -> np.ndarray:
    """Of each row: the number that its picture shows."""
    return np.array(
        [int(source[-7:-4]) for source in corpus.dataset.to_table(columns=["source"])["source"].to_pylist()]
    )


PLAIN = View(size=8, crop="whole", flip=False)


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize(("start", "stop", "batch"), [(0, None, 8), (8, 37, 8), (5, 100, 16), (40, 43, 64)])
def test_every_position_once_in_order_over_any_number_of_processes(corpus, reds, world, start, stop, batch):
    order, seen, steps = Scattered(COUNT), [], []
    for rank in range(world):
        with Loader(
            order, [corpus], [Numbers()], PLAIN, batch=batch, rank=rank, world=world, start=start, stop=stop
        ) as loader:
            batches = list(loader)
        steps.append(len(batches))
        for number, found in enumerate(batches):
            low = start + number * batch
            assert (found.positions >= low).all()
            assert (found.positions < low + batch).all()
            assert (np.diff(found.positions) > 0).all()
            assert (found.positions % world == rank).all()
            assert found.valid.all()
            rows = order.at(found.positions).row
            np.testing.assert_array_equal(found.targets, rows)
            np.testing.assert_array_equal(found.pixels[:, 3, 3, 0], reds[rows])
            assert found.pixels.dtype == np.uint8
            assert found.pixels.flags.c_contiguous
            assert found.ids == corpus.dataset.take(rows.tolist(), columns=["id"])["id"].to_pylist()
            seen += found.positions.tolist()
    assert sorted(seen) == list(range(start, COUNT if stop is None else stop))
    assert len(set(steps)) == 1, "a process would wait for a step that the others do not take"


def test_several_corpora_and_captions(corpus, reds):
    with Loader(Scattered(COUNT, 2), [corpus, corpus], [Words(), Words()], PLAIN, batch=10) as loader:
        found = list(loader)
    for one in found:
        assert one.targets == [f"picture {row}" for row in one.positions * 17 % COUNT]
        np.testing.assert_array_equal(one.sources, one.positions % 2)
        np.testing.assert_array_equal(one.pixels[:, 0, 0, 0], reds[one.positions * 17 % COUNT])


def test_no_targets_and_no_rows(corpus):
    with Loader(Scattered(COUNT), [corpus], None, PLAIN, batch=41) as loader:
        assert [one.targets for one in loader] == [None]
    with Loader(Scattered(0), [corpus], None, PLAIN, batch=41) as loader:
        assert list(loader) == []


def test_an_epoch_of_a_corpus_is_every_picture_once(corpus, reds):
    order = training_order(corpus, seed=5)
    for epoch in range(2):
        with Loader(order, [corpus], [targets(corpus, "folder")], PLAIN, batch=7, start=epoch * COUNT) as loader:
            found = list(loader)
        assert sorted(one for batch in found for one in batch.pixels[:, 0, 0, 0].tolist()) == list(range(COUNT))
        rows = order.at(np.arange(epoch * COUNT, (epoch + 1) * COUNT)).row
        np.testing.assert_array_equal(np.concatenate([batch.pixels[:, 0, 0, 0] for batch in found]), reds[rows])
        assert {int(one) for batch in found for one in batch.targets} == {0}


CHANCY = View(size=24, shift=2, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, randaugment=2, erase=0.5)


def test_pixels_depend_on_seed_and_position_alone(corpus):
    def pixels(start: int, batch: int, threads: int, seed: int) -> np.ndarray:
        with Loader(
            Scattered(COUNT), [corpus], None, CHANCY, batch=batch, start=start, stop=82, threads=threads, seed=seed
        ) as loader:
            return np.concatenate([one.pixels for one in loader])

    whole = pixels(0, 7, 1, 3)
    np.testing.assert_array_equal(pixels(30, 16, 4, 3), whole[30:])
    assert (pixels(0, 7, 1, 4) != whole).any()
    assert (whole[:41] != whole[41:]).any(), "the second epoch sees other views"


def _corpus_of(path: Path, pictures: list[bytes]) -> Corpus:
    """Rows as they are given, readable or not: ingest would refuse some of them."""
    made = Corpus.create(path)
    values: dict[str, list[object]] = {
        "id": [picture_id(picture) for picture in pictures],
        "image": list(pictures),
        "thumbnail": [b""] * len(pictures),
    }
    plain = {"string": "PNG"}
    arrays = [
        pa.array(values.get(one.name) or [None if one.nullable else plain.get(str(one.type), 1)] * COUNT, one.type)
        for one in made.dataset.schema
    ]
    parts = write_fragments(pa.Table.from_arrays(arrays, schema=made.dataset.schema), made.dataset)
    made.append([json.dumps(part.to_json()) for part in parts], made.inputs.schema.empty_table())
    return made


def test_bad_pictures_are_skipped_counted_and_named(tmp_path):
    bad = {3: b"no picture", 20: _png(20)[:60]}
    broken = _corpus_of(tmp_path / "broken", [bad.get(number, _png(number)) for number in range(COUNT)])
    with Loader(Scattered(COUNT), [broken], [Numbers()], PLAIN, batch=10, stop=2 * COUNT) as loader:
        found = list(loader)
        rows = np.concatenate([one.positions for one in found]) * 17 % COUNT
        valid = np.concatenate([one.valid for one in found])
        np.testing.assert_array_equal(valid, ~np.isin(rows, [3, 20]))
        np.testing.assert_array_equal(np.concatenate([one.targets for one in found]), np.where(valid, rows, -1))
        pixels = np.concatenate([one.pixels for one in found])
        assert not pixels[~valid].any()
        np.testing.assert_array_equal(pixels[valid, 0, 0, 0], rows[valid])
        account = loader.account.check()
        assert (account.seen, account.done, account.failed) == (82, 78, 4)
        assert account.reasons == {"not a picture": 2, "truncated PNG": 2}
        ids = broken.dataset.take([3, 20], columns=["id"])["id"].to_pylist()
        assert set(loader.bad) == {(ids[0].hex(), "not a picture"), (ids[1].hex(), "truncated PNG")}


class Failing:
    """Targets that cannot be read."""

    def read(self, rows: np.ndarray) -> np.ndarray:  # noqa: ARG002
        raise EyeError("the column is gone")


def test_other_errors_reach_who_consumes_and_threads_end(corpus):
    before = threading.active_count()
    with (
        pytest.raises(EyeError, match="the column is gone"),
        Loader(Scattered(COUNT), [corpus], [Failing()], PLAIN, batch=10) as loader,
    ):
        next(iter(loader))
    assert threading.active_count() == before


def test_a_defect_in_decoding_reaches_who_consumes(corpus, monkeypatch):
    def defect(*_: object) -> None:
        raise ArithmeticError("defect")

    monkeypatch.setattr("compoundeye.train._loader.render", defect)
    with (
        Loader(Scattered(COUNT), [corpus], None, PLAIN, batch=10) as loader,
        pytest.raises(ArithmeticError, match="defect"),
    ):
        next(iter(loader))


def test_closing_midway_ends_everything(corpus):
    before = threading.active_count()
    loader = Loader(Scattered(COUNT), [corpus], None, PLAIN, batch=4, stop=10_000, ahead=5)
    batches = iter(loader)
    next(batches)
    assert threading.active_count() > before
    loader.close()
    loader.close()
    assert threading.active_count() == before
    with pytest.raises(ValueError, match="closed"):
        for _ in batches:
            pass
    with pytest.raises(ValueError, match="closed"):
        iter(loader)


def test_closing_from_another_thread_wakes_who_waits(corpus, monkeypatch):
    inside, go = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        inside.set()
        go.wait(30)

    monkeypatch.setattr("compoundeye.train._loader.render", slow)
    loader = Loader(Scattered(COUNT), [corpus], None, PLAIN, batch=41, threads=1)

    def closing() -> None:
        inside.wait(30)
        loader._closed.set()  # so that the picture under way is the last
        go.set()
        loader.close()

    closer = threading.Thread(target=closing)
    closer.start()
    with pytest.raises(ValueError, match="closed"):
        next(iter(loader))
    closer.join()


def test_pixels_that_are_held_are_not_used_again(corpus):
    with Loader(Scattered(COUNT), [corpus], None, PLAIN, batch=8, stop=400) as loader:
        batches = iter(loader)
        part = next(batches).pixels[2:5, 1:]
        kept = part.copy()
        gc.collect()
        for _ in batches:
            pass
    np.testing.assert_array_equal(part, kept)


def test_arguments_that_make_no_sense(corpus):
    for wrong in ({"batch": 0}, {"rank": 2, "world": 2}, {"threads": 0}, {"ahead": 0}, {"start": -1}):
        with pytest.raises(ValueError, match="must be at least 1"):
            Loader(Scattered(COUNT), [corpus], None, PLAIN, **{"batch": 4, **wrong})


def test_an_interrupt_ends_a_process_that_waits_for_pictures(corpus):
    """As Ctrl-C does: the main thread waits for a batch, the decoding threads are at work."""
    script = f"""
        import sys
        sys.path.insert(0, {str(__file__.rsplit("/", 1)[0])!r})
        from compoundeye.corpus import Corpus
        from test_loader import COUNT, PLAIN, Loader, Scattered
        with Loader(Scattered(COUNT), [Corpus.open({corpus.path!r})], None, PLAIN, batch=16, stop=10**9) as loader:
            for number, _ in enumerate(loader):
                if number == 3:
                    print("running", flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "running\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert "KeyboardInterrupt" in errors
    assert process.returncode != 0
