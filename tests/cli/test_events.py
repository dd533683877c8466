"""`eye events` says what happened, to people, spreadsheets and programs."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from select import select

import pytest
from scenes import crossing, loitering
from typer.testing import CliRunner

from compoundeye.cli import app
from compoundeye.events import EventStore, decode
from compoundeye.records import Event


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    """Twelve crossings by the door, a third of them out, from 08:00 on; one visit that lasts."""
    with EventStore(str(tmp_path / "events.sqlite")) as opened:
        walks = [crossing(n, start=at(8, 5 * n), direction="in" if n % 3 else "out") for n in range(12)]
        opened.send([*walks, *loitering("who", start=at(8, 58), ends=False)])
        yield opened


def at(hour: int, minute: int) -> float:
    return datetime(2026, 11, 24, hour, minute).timestamp()


def run(store: EventStore, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["events", store.address, *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_table_for_people(store: EventStore) -> None:
    rows = run(store, "--last", "2").splitlines()
    assert rows[0].split() == ["began", "stream", "kind", "lasted", "what"]
    assert "2026-11-24 08:55:00  gate    crossing" in rows[1]
    assert "line door, direction in, class person, track 11" in rows[1]
    assert "so far" in rows[2]
    assert "zone hall, track 7, dwell_s 31" in rows[2]


def test_json_is_what_was_sent(store: EventStore) -> None:
    found = json.loads(run(store, "--json", "--kind", "crossing"))
    assert [decode(json.dumps(one)) for one in found] == store.events(kind="crossing")
    assert len(found) == 12


@pytest.mark.parametrize(
    ("arguments", "events"),
    [
        (["--since", "2026-11-24T08:30", "--until", "2026-11-24T08:40"], 2),
        (["--since", "2026-11-25"], 0),
        (["--open"], 1),
        (["--stream", "hall"], 0),
        (["--app", "traffic", "--kind", "loitering"], 1),
    ],
)
def test_only_some(store: EventStore, arguments: list[str], events: int) -> None:
    assert len(json.loads(run(store, "--json", *arguments))) == events


def test_ago_is_counted_from_now(store: EventStore) -> None:
    store.send([crossing(100, start=time.time() - 1000)])
    assert [one["id"] for one in json.loads(run(store, "--json", "--since", "20min"))] == ["gate-100"]
    assert json.loads(run(store, "--json", "--since", "10min ago", "--kind", "crossing")) == []


def test_csv_for_spreadsheets(store: EventStore) -> None:
    store.send([crossing(50, start=at(10, 0), line='the "big", door', near={"person": 2})])
    rows = list(csv.DictReader(io.StringIO(run(store, "--csv"))))
    assert len(rows) == 14
    assert rows[0]["after.direction"] == "out"
    assert (rows[-1]["after.line"], rows[-1]["after.near"]) == ('the "big", door', '{"person": 2}')
    assert datetime.fromisoformat(rows[0]["start"]).timestamp() == at(8, 0)
    assert rows[12]["end"] == ""
    assert rows[0]["right"] == "30.5"


def test_counts_by_the_clock_on_the_wall(store: EventStore) -> None:
    found = json.loads(run(store, "--json", "--kind", "crossing", "--count", "direction", "--every", "30min"))
    assert [(one["interval"], one["direction"], one["events"]) for one in found] == [
        ("2026-11-24 08:00:00", "in", 4),
        ("2026-11-24 08:00:00", "out", 2),
        ("2026-11-24 08:30:00", "in", 4),
        ("2026-11-24 08:30:00", "out", 2),
    ]
    table = run(store, "--count", "-").splitlines()
    assert [line.split() for line in table] == [
        ["stream", "kind", "events"],
        ["gate", "crossing", "12"],
        ["gate", "loitering", "1"],
    ]
    assert run(store, "--count", "line", "--csv").splitlines()[1] == "gate,crossing,door,12"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "yesterday"], "--since yesterday is no time: write 2026-11-24"),
        (["--csv", "--json"], "not both"),
        (["--every", "1h"], "--every goes with --count"),
        (["--count", "line", "--every", "often"], "is no length of time"),
        (["--follow", "--csv"], "--follow goes with"),
    ],
)
def test_a_mistake_is_one_sentence(store: EventStore, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["events", store.address, *arguments])
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stdout == ""


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["events", str(tmp_path / "none.sqlite")])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "there is no event store" in done.stderr


@pytest.fixture
def follower(store: EventStore) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `eye events --follow`; at the end it is asked to end, and must do so without a word."""
    started = list[subprocess.Popen[str]]()

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "compoundeye.cli", "events", store.address, "--follow", *arguments]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        assert (process.communicate()[1], process.returncode) == ("", 0)


def test_following_begins_with_what_was_and_goes_on(
    store: EventStore, follower: Callable[..., subprocess.Popen[str]]
) -> None:
    said = follower("--last", "1").stdout
    assert said is not None
    assert "dwell_s 31" in said.readline()
    store.send(loitering("other"))
    what = [said.readline().split("  ")[2] for _ in range(3)]
    assert what == ["loitering new", "loitering update", "loitering end"]


def test_following_as_json_hears_only_what_is_new_and_each_message_once(
    store: EventStore, follower: Callable[..., subprocess.Popen[str]]
) -> None:
    said = follower("--json").stdout
    assert said is not None
    sent = list[Event]()
    while not select([said], [], [], 0.05)[0]:  # until it listens
        sent.append(crossing(100 + len(sent)))
        store.send(sent[-1:])
    sent += loitering("other")
    store.send(sent[-3:])
    heard = [decode(said.readline())]
    while heard[-1] != sent[-1]:
        heard.append(decode(said.readline()))
    assert heard == sent[-len(heard) :]
