"""What the live page asks for: watches, frames, events and pictures; and what strangers ask for gets them nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from fastapi.testclient import TestClient

from compoundeye.console._access import Access
from compoundeye.console._app import application
from compoundeye.console._jobs import Jobs
from compoundeye.console._live_start import camera
from compoundeye.console._state import Served
from compoundeye.events import EventStore
from compoundeye.records import Event

OURS = {"X-CompoundEye": "1"}
MARK = "<img src=x onerror=alert(1)>"
FACTS = {"index": 7, "time_s": 0.7, "captured": 1000.0, "dropped": 0, "width": 640, "height": 480}
EVENT = Event(
    id="one", revision=0, type="new", app="traffic", kind="crossing", stream="gate", time_s=1.0, captured=999.0,
    start=999.0, end=999.0, dropped=0, after={"line": MARK, "direction": "in", "deep": {"a": 1}},
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    (made / "clip.mp4").write_bytes(b"no video")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (made / "out.mp4").symlink_to(tmp_path / "secret.mp4")
    return made


@pytest.fixture
def client(root: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    assert not (home / "sites").exists()

    def noted(_: Jobs, folder: Path, facts: dict[str, Any]) -> None:
        (folder / "job.json").write_text(json.dumps(facts))

    monkeypatch.setattr(Jobs, "_start", noted)  # what would be started is looked at, not run
    served = Served((), roots=(str(root),), access=Access(port=80))
    with TestClient(application(served), base_url="http://127.0.0.1") as made:
        yield made


@pytest.fixture
def gate(home: Path) -> Path:
    """A live folder as a watch leaves it while it runs: this process stands for the watch."""
    folder = home / "live" / "north"
    (folder / "media").mkdir(parents=True)
    about = {"pid": os.getpid(), "started": 900.0, "name": "north", "app": "traffic", "site": None, "streams": ["gate"]}
    (folder / "watch.json").write_text(json.dumps(about))
    state = {"stream": "gate", "source": "running", "looked": 5, "frames": 9, "dropped": 4, "events": 1, "fps": 9.5}
    state |= {"captured": 1000.0, "latency_ms": {"p50": 20.0}, "latency_from": "capture", "live": True}
    state["app"] = {"lines": {MARK: {"in": 1, "out": 0}}}
    (folder / "gate.state.json").write_text(json.dumps(state))
    facts = json.dumps({"frame": {"stream": "gate", **FACTS}, "shapes": [], "app": {}}).encode()
    (folder / "gate.view").write_bytes(len(facts).to_bytes(8, "little") + facts + jpeg(640, 480))
    return folder


def jpeg(width: int, height: int) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.zeros((height, width, 3), np.uint8)))


def begin(client: TestClient, **asked: Any) -> Any:
    return client.post("/api/v1/jobs", json={"kind": "watch", "name": "x", **asked}, headers=OURS)


@pytest.mark.usefixtures("gate")
def test_a_watch_is_told_with_its_streams(client: TestClient) -> None:
    (told,) = client.get("/api/v1/live").json()["watches"]
    assert (told["name"], told["state"], told["can_stop"], told["can_draw"]) == ("north", "running", True, False)
    (stream,) = told["streams"]
    assert (stream["fps"], stream["dropped"], stream["health"]) == (9.5, 4, "good")
    assert stream["latency"] == {"p50": 20.0, "p90": None, "p99": None, "since": "capture"}


def test_a_watch_of_a_terminal_is_asked_to_stop_and_may_answer(
    client: TestClient, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def now() -> tuple[Any, bool]:
        told = client.get("/api/v1/live/north").json()
        return told["stopping"], told["can_stop"]

    assert client.post("/api/v1/live/north/stop").status_code == 403  # another site sends it without the header
    assert not (gate / "stop.json").exists()
    told = client.post("/api/v1/live/north/stop", headers=OURS)
    assert told.status_code == 200, told.text
    asked = json.loads((gate / "stop.json").read_text())
    assert now() == (f"stopping: {asked['by']} asked for it", False)
    monkeypatch.setattr("compoundeye.console._api_live.time.time", lambda: asked["at"] + 60)
    assert "60 s ago and it has not answered" in now()[0]
    about = json.loads((gate / "watch.json").read_text())
    (gate / "watch.json").write_text(json.dumps(about | {"stopping": True}))
    assert now() == (f"stopping: {asked['by']} asked for it", False)
    (gate / "watch.json").unlink()
    told = client.post("/api/v1/live/north/stop", headers=OURS)
    assert (told.status_code, told.json()) == (409, {"error": "north is not being watched (any more)"})
    assert client.post("/api/v1/live/other/stop", headers=OURS).status_code == 404


@pytest.mark.parametrize(
    ("change", "health", "why"),
    [
        ({"error": "it broke"}, "wrong", "it broke"),
        ({"settings_error": "no such setting"}, "doubt", "no such setting"),
        ({"source": "waiting"}, "doubt", "waits for its source"),
    ],
)
def test_what_is_wrong_with_a_stream_is_said(
    client: TestClient, gate: Path, change: dict[str, str], health: str, why: str
) -> None:
    path = gate / "gate.state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    (stream,) = client.get("/api/v1/live/north").json()["streams"]
    assert (stream["health"], stream["why"]) == (health, why)


def test_a_stream_that_says_nothing_any_more_fails(client: TestClient, gate: Path) -> None:
    os.utime(gate / "gate.state.json", (1000, 1000))
    (stream,) = client.get("/api/v1/live/north").json()["streams"]
    assert stream["health"] == "wrong"
    assert "nothing was heard" in stream["why"]


def test_broken_states_leave_the_others_alone(client: TestClient, gate: Path) -> None:
    for name, text in {
        "a": "{",
        "b": "[]",
        "c": "[" * 10_000,
        "d": '{"stream": "other"}',
        "e": "x" * (2 << 20),
    }.items():
        (gate / f"{name}.state.json").write_text(text)
    (gate / "gate.state.json").write_text('{"stream": "gate", "fps": NaN, "latency_ms": [], "app": 3, "looked": "9"}')
    told = client.get("/api/v1/live")
    assert told.status_code == 200, told.text
    assert [one["stream"] for one in told.json()["watches"][0]["streams"]] == ["gate"]


def test_frame_and_shapes_come_as_one_and_no_larger_than_they_are_seen(client: TestClient, gate: Path) -> None:
    path = "/api/v1/live/north/streams/gate/view"
    told = client.get(path)
    size = int.from_bytes(told.content[:8], "little")
    assert json.loads(told.content[8 : 8 + size])["frame"]["index"] == 7
    assert simplejpeg.decode_jpeg_header(told.content[8 + size :])[:2] == (480, 640)
    small = client.get(path, params={"width": 200})
    height, width = simplejpeg.decode_jpeg_header(small.content[8 + size :])[:2]
    assert 200 <= width < 400
    assert height * 640 == width * 480
    assert (gate / "gate.wanted").exists()
    assert client.get(path, params={"after": 7}).status_code == 204


def test_a_stream_that_nobody_has_is_not_asked_for(client: TestClient, gate: Path) -> None:
    for stream in ("other", "..", "%2e%2e", "..%2fgate", "gate%00", "%00"):
        for what in ("view", "frame", "events", "drawing", "history"):
            told = client.get(f"/api/v1/live/north/streams/{stream}/{what}")
            assert told.status_code in (404, 409), (stream, what, told.text)
    assert client.get("/api/v1/live/..%2f..%2fetc").status_code == 404
    assert not [path for path in gate.parent.rglob("*.wanted") if path.name != "gate.wanted"]


def test_events_are_listed_and_their_pictures_shown(client: TestClient, gate: Path) -> None:
    picture = gate / "media" / "one.jpg"
    picture.write_bytes(jpeg(16, 16))
    with EventStore(str(gate / "events.sqlite")) as store:
        store.send([replace(EVENT, media={"snapshot": str(picture)})])
        store.send([replace(EVENT, id=f"more {at}", kind="loitering", start=900.0 + at) for at in range(5)])
    path = "/api/v1/live/north/streams/gate"
    told = client.get(f"{path}/events", params={"limit": 4}).json()
    assert told["kinds"] == {"crossing": 1, "loitering": 5}
    assert told["items"][0]["facts"] == {"line": MARK, "direction": "in"}
    rest = client.get(f"{path}/events", params={"limit": 4, "after": told["next"]}).json()
    assert [one["id"] for one in rest["items"]] == ["more 1", "more 0"]
    only = client.get(f"{path}/events", params={"kind": "crossing"}).json()
    assert [one["id"] for one in only["items"]] == ["one"]
    shown = client.get(f"{path}/media", params={"id": "one"})
    assert (shown.headers["content-type"], shown.content) == ("image/jpeg", picture.read_bytes())
    history = client.get(f"{path}/history").json()
    assert [(one["name"], sum(one["values"])) for one in history["flow"]] == [(f"{MARK} in", 1)]


def test_a_picture_elsewhere_or_of_another_kind_is_not_shown(client: TestClient, gate: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(jpeg(16, 16))
    (gate / "media" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (gate / "media" / "page.jpg").write_text("<script>alert(1)</script>")
    places = [tmp_path / "secret.jpg", gate / "media" / "link.jpg", gate / "media" / ".." / "watch.json",
              gate / "media" / "page.jpg", gate / "media" / "gone.jpg", gate / "media"]  # fmt: skip
    with EventStore(str(gate / "events.sqlite")) as store:
        store.send([replace(EVENT, id=str(at), media={"snapshot": str(place)}) for at, place in enumerate(places)])
    for at in range(len(places)):
        told = client.get("/api/v1/live/north/streams/gate/media", params={"id": str(at)})
        assert told.status_code == 404, places[at]


def test_sources_are_cameras_or_below_the_roots(client: TestClient, root: Path, home: Path) -> None:
    for source in (
        "/etc/passwd", f"{root}/out.mp4", f"{root}/../secret.mp4", "-", "lavfi:movie=/etc/passwd", "file:///etc/passwd",
        "concat:/etc/passwd", "subfile,,start,0,end,9,,:/etc/passwd", "rtsp://", "http:///x", "s3://bucket/x",
        "tcp://host:1", "/dev/video0/../../etc/passwd", f"{root}/none.mp4",
    ):  # fmt: skip
        assert begin(client, streams={"a": source}).status_code in (403, 422), source
    assert not list((home / "sites").glob("*"))
    assert begin(client, streams={"a": f"{root}/clip.mp4"}).status_code == 201
    assert camera("rtsp://user:secret@camera.local/1")
    assert camera("/dev/video3")


def test_a_password_of_a_camera_is_in_one_private_file_alone(client: TestClient, home: Path) -> None:
    address = "rtsp://user:swordfish@camera.local/1"
    told = begin(client, streams={"door": address}, hide="blur")
    assert told.status_code == 201, told.text
    job = told.json()["id"]
    (site,) = (home / "sites").iterdir()
    assert address in site.read_text()
    assert site.stat().st_mode & 0o077 == 0
    answers = [told.text, *(client.get(f"/api/v1/{path}").text for path in ("live", f"jobs/{job}", "jobs"))]
    answers += [client.get(path).text for path in ("/live", "/live/x/door", f"/jobs/{job}")]
    answers += [path.read_text() for path in (home / "jobs" / job).iterdir() if path.is_file()]
    assert not [text for text in answers if "swordfish" in text]
    wrong = begin(client, name="y", streams={"door": "gopher://user:swordfish@camera.local"})
    assert (wrong.status_code, "swordfish" in wrong.text) == (403, False)


def test_a_name_is_a_name(client: TestClient, home: Path) -> None:
    for name in ("../x", "", ".hidden", "a/b", MARK, "x" * 61, "a\nb", "--config"):
        assert begin(client, name=name, streams={"a": "rtsp://camera/1"}).status_code == 422, name
        assert begin(client, streams={name: "rtsp://camera/1"}).status_code == 422, name
    assert not (home / "sites").exists()


def test_a_site_file_is_checked_before_it_is_watched(client: TestClient, root: Path, tmp_path: Path) -> None:
    site = root / "site.toml"
    for text, status in {
        "app = 'traffic'\n[streams.a]\nsource = '/etc/passwd'": 403,
        "app = 'traffic'\n[streams.a]\nsource = 'rtsp://c/1'\noptions = { protocol_whitelist = 'file' }": 403,
        "app = 'traffic'": 422,
        "app = 'nothing'\n[streams.a]\nsource = 'rtsp://c/1'": 400,
        "app = 'traffic'\n[streams.a]\nsource = 'rtsp://c/1'\n[events]\nto = ['e.sqlite']": 422,
        "app = 'traffic'\n[streams.a]\nsource = 'rtsp://c/1'": 201,
    }.items():
        site.write_text(text)
        told = begin(client, site=str(site))
        assert told.status_code == status, (text, told.text)
    (tmp_path / "outside.toml").write_text(site.read_text())
    assert begin(client, name="y", site=str(tmp_path / "outside.toml")).status_code == 403


@pytest.mark.usefixtures("gate")
def test_without_the_extra_the_page_says_so(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *more: Any, **others: Any) -> Any:
        if name == "compoundeye.video":
            raise ModuleNotFoundError("No module named 'av'", name="av")
        return real(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    page = client.get("/live")
    assert page.status_code == 200
    assert "watching needs av: pip install &#39;compoundeye[video]&#39;" in page.text
    assert client.get("/api/v1/live").json()["watches"] == []
