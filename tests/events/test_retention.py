"""Old events and their files go, and nothing else does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scenes import NOON, crossing, keys, loitering
from servers import PostgreSQL, postgresql, wait_until

from compoundeye.events import EventStore, Housekeeper, Removed, Retention, interrupted, is_store, retain

__all__ = ["postgresql"]  # a fixture
DAY_S = 86_400.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(str(tmp_path / "events.sqlite")) as opened:
        yield opened


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    return folder


def pictured(number: int, folder: Path, *, start: float = NOON, size: int = 100) -> object:
    """A crossing with a file."""
    name = f"{number}.jpg"
    (folder / name).write_bytes(b"x" * size)
    return replace(crossing(number, start=start + number), media={"snapshot": name})


def test_by_age_with_messages_and_files(store: EventStore, media: Path) -> None:
    store.send([pictured(1, media, start=NOON - 40 * DAY_S), pictured(2, media)])  # type: ignore[list-item]
    store.send(loitering("old", start=NOON - 40 * DAY_S, ends=False))
    gone = retain(store, Retention(days=30), media, now=NOON + 5)
    assert gone == Removed(events=2, files=1, bytes=100)
    assert keys(store.events()) == [("gate-2", 0)]
    assert [message.event.id for message in store.messages()] == ["gate-2"]
    assert sorted(os.listdir(media)) == ["2.jpg"]
    assert retain(store, Retention(days=30), media, now=NOON + 5) == Removed()


def test_what_began_long_ago_and_lasts_stays_while_there_is_news_of_it(store: EventStore) -> None:
    new, update, *_ = loitering("here", start=NOON - 40 * DAY_S)
    store.send([new, replace(update, captured=NOON)])
    assert retain(store, Retention(days=30), now=NOON + 5) == Removed()


def test_more_than_one_batch_goes(store: EventStore) -> None:
    store.send([crossing(number) for number in range(1200)])
    assert retain(store, Retention(days=1), now=NOON + 1000 + DAY_S).events == 1000
    assert store.events()[0].id == "gate-1000"


def test_a_store_by_size_gives_the_disk_back(store: EventStore, tmp_path: Path) -> None:
    for part in range(4):
        store.send([crossing(1000 * part + number, note="n" * 200) for number in range(1000)])
    before = store.size()
    removed = retain(store, Retention(store_bytes=before // 2)).events
    assert 1500 <= removed <= 3000
    assert store.size() <= before // 2
    assert store.events()[0].id == f"gate-{removed}"  # the oldest went
    last = store.last()
    store.close()
    assert (tmp_path / "events.sqlite").stat().st_size < 0.7 * before
    store.send([crossing(5000)])
    assert store.last() > last == 4000  # numbers go on


def test_files_by_size_and_their_events_stay(store: EventStore, media: Path) -> None:
    store.send([pictured(number, media) for number in range(10)])  # type: ignore[misc]
    gone = retain(store, Retention(media_bytes=350), media)
    assert gone == Removed(files=7, bytes=700)
    assert sorted(os.listdir(media)) == ["7.jpg", "8.jpg", "9.jpg"]
    assert [bool(event.media) for event in store.events()] == [False] * 7 + [True] * 3
    assert retain(store, Retention(media_bytes=350), media) == Removed()


def test_files_that_are_not_ours_are_never_touched(store: EventStore, media: Path, tmp_path: Path) -> None:
    (media / "holiday.jpg").write_bytes(b"x" * 1000)
    (tmp_path / "thesis.odt").write_text("words")
    (media / "link.jpg").symlink_to(tmp_path / "thesis.odt")
    for number, name in enumerate(["../thesis.odt", str(tmp_path / "thesis.odt"), "link.jpg", ".", "gone.jpg"]):
        store.send([replace(crossing(number), media={"clip": name})])
    assert retain(store, Retention(days=1, media_bytes=0), media, now=NOON + 2 * DAY_S).files == 0
    assert (tmp_path / "thesis.odt").read_text() == "words"
    assert (media / "holiday.jpg").exists()


def test_postgresql_too(postgresql: PostgreSQL, media: Path) -> None:
    with EventStore(postgresql.address) as store:
        store.send([pictured(number, media) for number in range(600)])  # type: ignore[misc]
        assert retain(store, Retention(media_bytes=59_000), media) == Removed(files=10, bytes=1000)
        assert [event.id for event in store.with_media()][:1] == ["gate-10"]
        before = store.size()
        assert retain(store, Retention(store_bytes=before - 1), media).events == 500
        assert store.size() < before / 2
        assert retain(store, Retention(days=1), media, now=NOON + 10 * DAY_S).events == 100
        assert store.size() == 0


def test_a_housekeeper_goes_round_by_itself(tmp_path: Path, media: Path) -> None:
    address = str(tmp_path / "events.sqlite")
    with EventStore(address) as store:
        store.send([pictured(1, media, start=NOON - 400 * DAY_S)])  # type: ignore[list-item]
        addresses = ["-", "lines.jsonl", "mqtt://nowhere", address, str(tmp_path / "missing.sqlite")]
        with Housekeeper(addresses, Retention(days=30), media) as keeper:
            wait_until(lambda: keeper.rounds > 0)
            assert keeper.removed == Removed(1, 1, 100)
            assert "missing.sqlite" in str(keeper.error)
        assert store.events() == []


def test_what_can_be_asked() -> None:
    stores = ["events.sqlite", "sqlite:///events.db", "postgresql://host/events"]
    others = ["-", "events.jsonl", "mqtt://broker", "https://host/hook"]
    assert [is_store(address) for address in [*stores, *others]] == [True] * 3 + [False] * 4


def test_what_a_dead_process_left_open_is_ended(store: EventStore) -> None:
    store.send(
        [*loitering("left", updates=3, ends=False), *loitering("over"), *loitering("else", stream="hall", ends=False)]
    )
    (end,) = interrupted(store, ["gate"])
    assert (end.id, end.revision, end.type, end.end) == ("left", 4, "end", NOON + 3)
    assert end.after["interrupted"]
    assert end.before == store.get("left").after  # type: ignore[union-attr]
    store.send([end])
    assert interrupted(store, ["gate"]) == []
    assert [event.id for event in store.events(open_only=True)] == ["else"]
