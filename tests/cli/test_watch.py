"""`eye watch`: from what is typed to what is printed and kept. The application is one that tests can predict."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from watch_doubles import ShadeApplication

from compoundeye.cli import app
from compoundeye.cli._watching import Request, adapted
from compoundeye.events import EventStore
from compoundeye.records import Event, EyeError
from compoundeye.video import open_source, site_of

PICTURES = "lavfi:testsrc2=duration=2:rate=10:size=64x48"
ASKED = Request((), None, None, None, False, None, None, None, None, None, "cpu", 1)


@pytest.fixture(autouse=True)
def _shades(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("compoundeye.cli._watching.application", lambda _: ShadeApplication())


def eye(*words: str) -> Any:
    return CliRunner().invoke(app, ["watch", *words], catch_exceptions=False)


def asked(**changes: Any) -> Request:
    return Request(**{name: changes.get(name, getattr(ASKED, name)) for name in Request.__slots__})


def test_a_line_of_json_for_each_frame_and_nothing_else() -> None:
    shown = eye(f"door={PICTURES}", "--app", "shades", "--json")
    assert shown.exit_code == 0
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [line["index"] for line in lines] == list(range(20))
    assert {line["stream"] for line in lines} == {"door"}
    assert set(lines[0]) == {"stream", "index", "time_s", "captured", "dropped", "records", "events"}
    assert lines[0]["records"][0].keys() == {"shade"}
    assert sum(len(line["events"]) for line in lines) > 0
    assert "events: " in shown.stderr


def test_events_are_kept_beside_the_live_state_if_nothing_else_is_said(tmp_path: Path) -> None:
    shown = eye(f"door={PICTURES}", "--app", "shades", "--name", "hall")
    assert shown.exit_code == 0
    assert (tmp_path / "home" / "live" / "hall" / "events.sqlite").stat().st_size > 0
    assert "door" in shown.stdout
    assert "frames/s" in shown.stdout
    assert re.search(r"door +steps +20\n", shown.stdout)  # what the app counted


def test_events_to_a_file_or_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    assert eye(f"door={PICTURES}", "--app", "shades", "--events", str(file)).exit_code == 0
    messages = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["type"] for one in messages[:2]] == ["new", "end"]
    assert eye(f"door={PICTURES}", "--app", "shades", "--events", "none").exit_code == 0
    assert not list((tmp_path / "home").rglob("events.sqlite"))


def test_an_annotated_video_is_written(tmp_path: Path) -> None:
    video = tmp_path / "out.mp4"
    assert eye(f"door={PICTURES}", "--app", "shades", "--events", "none", "-o", str(video)).exit_code == 0
    with open_source(video, stream="again") as source:
        assert sum(1 for _ in source.frames()) == 20


def test_a_site_file_names_what_is_watched(tmp_path: Path) -> None:
    site = tmp_path / "metro.toml"
    site.write_text(
        f"app = 'shades'\n[streams.a]\nsource = '{PICTURES}'\n[streams.b]\nsource = '{PICTURES}'\nevery = 4\n"
    )
    shown = eye("--config", str(site), "--json", "--events", "none")
    streams = [json.loads(line)["stream"] for line in shown.stdout.splitlines()]
    assert (streams.count("a"), streams.count("b")) == (20, 5)
    assert (tmp_path / "home" / "live" / "metro" / "a.state.json").exists()
    shown = eye("b", "--config", str(site), "--json", "--events", "none", "--every", "10")
    assert [json.loads(line)["stream"] for line in shown.stdout.splitlines()] == ["b", "b"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x.mp4"], "error: say what watches: --app face|traffic, or app = ... in the site file"),
        (["x.mp4", "--app", "shades"], "x.mp4 does not exist"),
        (["--app", "shades"], "there is no stream to watch; name a source, or add [streams.NAME]"),
        (
            [PICTURES, "--app", "shades", "-o", "out.gif"],
            "out.gif: an annotated video is written to .mp4, .mov or .mkv",
        ),
        (["--config", "no.toml"], "no site file at no.toml"),
        (["a=x", "a=y", "--app", "shades"], "two streams are named a: give one another name, NAME=SOURCE"),
        ([PICTURES, "--app", "shades", "--detector", "x", "--events", "ftp://there"], "error: "),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], said: str) -> None:
    shown = eye(*words)
    assert shown.exit_code == 1
    assert said in shown.stderr
    assert shown.stdout == ""


def test_a_source_on_the_command_line_takes_the_place_of_a_streams_own() -> None:
    site = site_of(
        {"streams": {"gate": {"source": "rtsp://camera", "every": 2, "shades": {"least": 3}}, "hall": {"source": "b"}}}
    )
    found = adapted(site, asked(sources=("gate=recorded.mp4",), live=False))
    assert list(found.streams) == ["gate"]
    gate = found.streams["gate"]
    assert (gate.source, gate.every, gate.live, gate.model_extra) == (
        "recorded.mp4",
        2,
        False,
        {"shades": {"least": 3}},
    )
    assert adapted(site, asked()).streams == site.streams
    assert adapted(site, asked(detector="small")).tables == {"detector": {"name": "small"}}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("clips/Main street.mp4", "Main-street"),
        ("rtsp://user:secret@10.0.0.5:554/stream?key=1", "10.0.0.5-stream"),
        ("-", "stdin"),
        ("/dev/video0", "video0"),
        ("http://host/a=b.mjpg", "host-a-b.mjpg"),
    ],
)
def test_a_stream_is_named_after_its_source_without_its_secrets(source: str, name: str) -> None:
    assert list(adapted(site_of({}), asked(sources=(source,))).streams) == [name]


def test_streams_of_one_name_are_told_apart() -> None:
    found = adapted(site_of({}), asked(sources=("a/door.mp4", "b/door.mp4")))
    assert list(found.streams) == ["door", "door-2"]
    with pytest.raises(EyeError, match="two streams are named x"):
        adapted(site_of({}), asked(sources=("x=1.mp4", "x=2.mp4")))


def test_what_a_killed_watch_left_open_is_ended_by_the_next_one(tmp_path: Path) -> None:
    store = tmp_path / "events.sqlite"
    frame = {"stream": "door", "time_s": 1.0, "captured": 1e9, "dropped": 0}
    left = Event(
        id="left", revision=3, type="update", app="traffic", kind="loitering", start=1e9, end=None, after={}, **frame
    )
    with EventStore(str(store)) as kept:
        kept.send([left, replace(left, id="elsewhere", stream="hall")])
    assert eye(f"door={PICTURES}", "--app", "traffic", "--events", str(store)).exit_code == 0
    with EventStore(str(store)) as kept:
        assert [event.id for event in kept.events(open_only=True)] == ["elsewhere"]
        (ended,) = [event for event in kept.events(stream="door") if event.id == "left"]
    assert (ended.type, ended.revision, ended.after) == ("end", 4, {"interrupted": True})


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_what_lasts(tmp_path: Path, how: signal.Signals) -> None:
    file = tmp_path / "events.jsonl"
    code = (
        "import sys\nsys.path.insert(0, sys.argv.pop())\n"
        "from watch_doubles import ShadeApplication\nfrom compoundeye.cli import _watching, main\n"
        "_watching.application = lambda _: ShadeApplication()\nsys.argv[0] = 'eye'\nmain()\n"
    )
    words = ["watch", "door=lavfi:testsrc2=rate=10:size=64x48", "--app", "shades", "--json", "--events", str(file)]
    doubles = str(Path(__file__).parents[1] / "video")
    with subprocess.Popen(
        [sys.executable, "-c", code, *words, doubles], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(30):
            process.stdout.readline()
        os.kill(process.pid, how)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    messages = [json.loads(line) for line in file.read_text().splitlines()]
    begun = {one["id"] for one in messages if one["type"] == "new"}
    assert len(begun) > 3
    assert begun == {one["id"] for one in messages if one["type"] == "end"}
