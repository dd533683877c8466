"""A site is watched: in order, accounted for, and whatever happens to its streams, events that began have an end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
import simplejpeg
from watch_doubles import Script, Sent, ShadeApplication

from compoundeye.records import EyeError
from compoundeye.video._live_folder import LiveFolder
from compoundeye.video._live_view import LiveView, read_states, read_view, running
from compoundeye.video._site import SiteOf, site_of
from compoundeye.video._site_file import SiteFile
from compoundeye.video._stream_run import Seen
from compoundeye.video._watch import Watched, watch


@pytest.fixture(autouse=True)
def _ticks_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compoundeye.video._watch.TICK_S", 0.01)


class Noted:
    """A viewer that remembers what it was shown, and may act when a frame comes."""

    def __init__(self, at: Mapping[int, Any] | None = None) -> None:
        self.seen = list[tuple[str, int, int]]()
        self.closed = False
        self._at = dict(at or {})

    def see(self, seen: Seen) -> None:
        self.seen.append((seen.frame.stream, seen.frame.index, seen.frame.dropped))
        if act := self._at.pop(len(self.seen), None):
            act()

    def close(self) -> None:
        self.closed = True


def watched(
    scripts: Sequence[Script], application: ShadeApplication, tables: Mapping[str, Any] | None = None, **more: Any
) -> Watched:
    by_name = {script.stream: script for script in scripts}
    values = {"streams": {name: {"source": name} for name in by_name}, **(tables or {})}
    site = SiteOf(site_of(values), application)
    return watch(site, opens=lambda _, *, stream, **__: by_name[stream], **more)


def test_a_file_is_seen_whole_and_in_order() -> None:
    application, sent, noted = ShadeApplication(batch=3), Sent(), Noted()
    found = watched([Script("a", 100)], application, {"shades": {"span": 10}}, sink=sent, viewers=[noted])
    app = application.apps["a"]
    assert app.steps == list(range(100))
    assert app.shades == list(range(100))
    assert noted.seen == [("a", index, 0) for index in range(100)]
    (summary,) = found.streams
    assert (summary["frames"], summary["looked"], summary["dropped"]) == (100, 100, 0)
    assert summary["events"] == len(sent.events) == 20
    assert summary["latency_from"] == "decoding"
    assert set(summary["latency_ms"]) == {"p50", "p90", "p99", "max"}
    assert not found.stopped
    assert app.finished
    assert sent.closed
    assert noted.closed


def test_frames_stay_in_order_though_several_are_looked_at_at_a_time() -> None:
    application = ShadeApplication()
    found = watched([Script("a", 200), Script("b", 200)], application, threads=3)
    assert [one["looked"] for one in found.streams] == [200, 200]
    assert application.apps["a"].shades == application.apps["b"].shades == list(range(200))


def test_every_event_has_one_beginning_and_one_end() -> None:
    application, sent = ShadeApplication(batch=2), Sent()
    watched([Script(name, 33) for name in "abc"], application, {"shades": {"span": 7}}, sink=sent)
    messages = {event.id: [] for event in sent.events}
    for event in sent.events:
        messages[event.id].append((event.revision, event.type))
    assert len(messages) >= 3 * 4
    assert set(map(tuple, messages.values())) == {((0, "new"), (1, "end"))}


def test_one_frame_of_so_many_is_looked_at_however_many_were_dropped() -> None:
    """Frame numbers count the dropped ones: those that are looked at are so far apart, not so rare among the rest."""
    application = ShadeApplication()
    watched([Script("a", 20, drops={4: 3, 5: 1})], application, {"streams": {"a": {"source": "a", "every": 4}}})
    steps = application.apps["a"].steps
    assert steps[0] == 0
    assert all(later - earlier >= 4 for earlier, later in pairwise(steps))
    assert steps == [0, 7, 11, 15, 19, 23]


def test_drops_are_told_with_every_frame() -> None:
    noted = Noted()
    found = watched([Script("a", 5, live=True, drops={2: 3})], ShadeApplication(), viewers=[noted])
    assert noted.seen == [("a", 0, 0), ("a", 1, 0), ("a", 5, 3), ("a", 6, 3), ("a", 7, 3)]
    assert found.streams[0]["dropped"] == 3
    assert found.streams[0]["latency_from"] == "capture"


def test_stopping_ends_what_lasts() -> None:
    application, sent, stop = ShadeApplication(), Sent(), Flag()
    noted = Noted({30: stop.set})
    tables = {"shades": {"span": 100}}
    found = watched([Script("a", None)], application, tables, sink=sent, viewers=[noted], stop=stop)
    assert found.stopped
    assert [event.type for event in sent.events][-1] == "end"
    assert application.apps["a"].finished
    assert sent.closed


def test_a_stream_that_fails_leaves_the_others_alone() -> None:
    application, sent = ShadeApplication(), Sent()
    with pytest.raises(EyeError, match="b cannot be read any further"):
        watched([Script("a", 50), Script("b", 50, fails_at=7), Script("c", 50)], application, sink=sent)
    assert application.apps["a"].steps == application.apps["c"].steps == list(range(50))
    assert application.apps["b"].steps == list(range(7))
    assert all(app.finished for app in application.apps.values())
    ends = [event for event in sent.events if event.type == "end"]
    assert 2 * len(ends) == len(sent.events)


def test_a_model_that_fails_is_no_hang() -> None:
    application = ShadeApplication()
    application.made.fails_at = 5
    with pytest.raises(EyeError, match="the model cannot look"):
        watched([Script("a", 50)], application)


def test_a_defect_stops_everything_and_is_raised() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watched([Script("a", None), Script("b", None)], ShadeApplication(), viewers=[Noted({5: broken})])


def test_a_full_disk_does_not_stop_a_camera_and_events_are_kept_until_there_is_room() -> None:
    sent = Sent()
    sent.refuses = True
    noted = Noted({15: lambda: setattr(sent, "refuses", False)})
    found = watched([Script("a", 30)], ShadeApplication(), sink=sent, viewers=[noted])
    assert found.streams[0]["looked"] == 30
    assert len(sent.events) == found.streams[0]["events"]
    indices = [event.time_s for event in sent.events]
    assert indices == sorted(indices)


def test_events_that_nobody_takes_are_told_at_the_end() -> None:
    sent = Sent()
    sent.refuses = True
    with pytest.raises(EyeError, match="messages about events could not be kept: the disk is full"):
        watched([Script("a", 30)], ShadeApplication(), sink=sent)


def test_a_camera_of_several_that_is_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compoundeye.video._stream_run.FIRST_TRY_S", 0.01)
    application, tries = ShadeApplication(), list[str]()

    def opens(source: str, *, stream: str, **_: Any) -> Script:
        tries.append(source)
        if source.startswith("rtsp") and len(tries) < 5:
            raise EyeError("rtsp://camera does not answer")
        return Script(stream, 20)

    streams = {"a": {"source": "a"}, "b": {"source": "rtsp://camera"}}
    site = SiteOf(site_of({"streams": streams}), application)
    told = list[Any]()
    found = watch(site, opens=opens, tell=lambda states: told.extend(state["settings_error"] for state in states))
    assert [one["looked"] for one in found.streams] == [20, 20]
    assert "rtsp://camera does not answer" in told


def test_a_site_waits_for_its_only_camera_after_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compoundeye.video._stream_run.FIRST_TRY_S", 0.01)
    path = tmp_path / "site.toml"
    path.write_text("[streams.a]\nsource = 'rtsp://camera'\n")
    tries = list[int]()

    def opens(_: str, **__: Any) -> Script:
        tries.append(1)
        if len(tries) < 3:
            raise EyeError("rtsp://camera does not answer")
        return Script("a", 20)

    file = SiteFile(path, ShadeApplication())
    assert watch(file.site, site_file=file, opens=opens).streams[0]["looked"] == 20
    assert len(tries) == 3


@pytest.mark.parametrize("sources", [("rtsp://camera",), ("no.mp4", "rtsp://camera"), ("a", "no.mp4")])
def test_a_mistake_in_a_source_is_told_at_once(sources: tuple[str, ...]) -> None:
    def opens(source: str, *, stream: str, **_: Any) -> Script:
        if source != "a":
            raise EyeError(f"cannot open {source}")
        return Script(stream, None)

    streams = {f"s{at}": {"source": source} for at, source in enumerate(sources)}
    with pytest.raises(EyeError, match="cannot open"):
        watch(SiteOf(site_of({"streams": streams}), ShadeApplication()), opens=opens)


def test_without_streams_there_is_nothing_to_watch() -> None:
    with pytest.raises(EyeError, match="no stream to watch"):
        watched([], ShadeApplication())


def test_a_changed_site_is_taken_while_it_runs_and_a_broken_one_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    text = "[streams.a]\nsource = 'a'\n[shades]\nleast = {}\n"
    path.write_text(text.format(5))
    application, stop = ShadeApplication(), Flag()
    file = SiteFile(path, application)
    complaints = list[Any]()

    def tell(states: Sequence[dict[str, Any]]) -> None:
        (state,) = states
        complaints.append(state["settings_error"])
        if state["app"]["least"] == 5 and len(complaints) == 1:
            path.write_text(text.format(77))
        elif state["app"]["least"] == 77 and not any(complaints):
            path.write_text(text.format(777))
        elif complaints[-1] and "777" in complaints[-1]:
            path.write_text(text.format(77) + "[shades.lines]\nbad = [1, 2]\n")
        elif complaints[-1]:
            stop.set()

    watch(file.site, site_file=file, tell=tell, stop=stop, opens=lambda _, **__: Script("a", None))
    assert application.apps["a"].settings.least == 77
    said = [one for one in complaints if one]
    assert "shades.least: 777 is not allowed; it is 0 to 250" in said[0]
    assert "line bad is outside of the frame" in said[-1]


def test_other_processes_see_state_and_the_newest_frame(tmp_path: Path) -> None:
    folder = LiveFolder(tmp_path / "live" / "gate", {"app": "shades", "streams": ["a"]}, privacy="cover")
    about = json.loads((folder.folder / "watch.json").read_text())
    assert about["pid"] == os.getpid()
    assert about["app"] == "shades"
    assert read_view(folder.folder, "a") is None  # and now it is wanted
    views = list[LiveView | None]()
    runs = list[Any]()
    noted = Noted(
        {2: lambda: views.append(read_view(folder.folder, "a")), 3: lambda: runs.append(running(tmp_path / "live"))}
    )
    watched([Script("a", 5)], ShadeApplication(), folder=folder, viewers=[noted])
    (view,) = views
    assert view is not None
    assert view.frame == {"stream": "a", "index": 0, "time_s": 0.0, "captured": 1e9, "dropped": 0} | {
        "width": 32,
        "height": 24,
    }
    assert view.shapes[0]["shape"] == "box"
    assert view.app == {"steps": 1, "least": 0}
    assert runs[0]["gate"]["streams"] == ["a"]
    pixels = simplejpeg.decode_jpeg(view.jpeg)
    assert pixels.shape == (24, 32, 3)
    assert pixels[12, 16].min() > 90  # the person is covered with grey
    assert pixels[0, 31].max() < 20  # the rest is as it was: black
    state = read_states(folder.folder)["a"]
    assert state["looked"] == 5
    assert state["source"] == "ended"
    assert running(tmp_path / "live") == {}
    assert not list(folder.folder.glob("*.view"))


def test_nobody_looks_nothing_is_drawn(tmp_path: Path) -> None:
    folder = LiveFolder(tmp_path, {"streams": ["a"]})
    views = list[Path]()
    noted = Noted({3: lambda: views.extend(tmp_path.glob("*.view"))})
    watched([Script("a", 5)], ShadeApplication(), folder=folder, viewers=[noted])
    assert views == []


def test_two_cannot_watch_under_one_name(tmp_path: Path) -> None:
    first = LiveFolder(tmp_path / "gate", {})
    with pytest.raises(EyeError, match="gate is being watched already; --name"):
        LiveFolder(tmp_path / "gate", {})
    first.close()
    LiveFolder(tmp_path / "gate", {}).close()


def test_a_watch_that_was_killed_does_not_run(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder = tmp_path / "gate"
    folder.mkdir()
    (folder / "watch.json").write_text(json.dumps({"pid": gone.pid}))
    (folder / "a.state.json").write_text("{")
    assert running(tmp_path) == {}
    assert read_states(folder) == {}
    LiveFolder(folder, {}).close()
    assert not (folder / "a.state.json").exists()


@pytest.mark.parametrize("name", ["", "..", "../a", "a/b"])
def test_a_view_is_of_a_stream_and_no_other_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a stream"):
        read_view(tmp_path, name)
