"""Faces on real clips: followed, told from a gallery or not at all, hidden unless told; every search written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from face_clips import clip, photograph

from compoundeye.apps import application
from compoundeye.apps.face import FacePipeline, Gallery, Sightings
from compoundeye.models import load_face_detector, load_face_embedder
from compoundeye.records import Event, EyeError, Frame
from compoundeye.video import ArrayImage, Outcome, Stream, checked, open_source

SECONDS = 4.0
ENROLLED_AT = 10.0
"""The picture that is enrolled is of a later moment than those that are looked at."""


def frames_of(name: str, begin: float = 0.0, seconds: float = SECONDS) -> list[Frame]:
    """Every other frame of a part of a clip."""
    with open_source(clip(name), stream="door", live=False) as source:
        kept = []
        for frame in source.frames():
            if frame.time_s >= begin + seconds:
                break
            if frame.time_s >= begin and frame.index % 2 == 0:
                image = ArrayImage(np.array(frame.image.rgb()))
                kept.append(Frame("door", frame.index, frame.time_s - begin, 1e9 + frame.time_s - begin, image))
        return kept


@pytest.fixture(scope="module")
def wolfgang() -> list[Frame]:
    return frames_of("WolfgangLanger_Pexels.mp4")


@pytest.fixture(scope="module")
def stranger() -> list[Frame]:
    return frames_of("cap13_edit2.mp4")


@pytest.fixture(scope="module")
def look() -> Any:
    face = application("face")
    return face.look(face.settings())


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """Wolfgang, as he looks later, and some whom no clip shows."""
    pipeline = FacePipeline(load_face_detector(), load_face_embedder())
    made = Gallery.create(tmp_path / "staff", tmp_path / "staff.key", by="test")
    (later, *_) = frames_of("WolfgangLanger_Pexels.mp4", ENROLLED_AT, 0.1)
    people = {"Wolfgang": later.image.rgb(), "Su": photograph("0-f1-su-ph.jpg"), "Hao": photograph("0-f15-hao-ph.jpg")}
    for name, rgb in people.items():
        found = Sightings.of(pipeline.faces(rgb), name.encode(), embedder=str(pipeline.embedder.identity))[:1]
        made.enrol(name, found, consent=True, purpose="test", by="test")
    return made


def against(gallery: Gallery, **more: Any) -> dict[str, Any]:
    key = str(gallery.path.parent / "staff.key")
    return {"gallery": str(gallery.path), "key_file": key, "why": "a test", "threshold": 0.5} | more


def opened(settings: dict[str, Any], size: tuple[int, int] = (640, 360)) -> Any:
    face = application("face")
    return face.open(Stream("door", *size, 25.0, "run"), checked(face.settings, settings, "test"))


def run(app: Any, look: Any, frames: Sequence[Frame]) -> Iterator[Outcome]:
    for frame in frames:
        (found,) = look([frame], [look.prepare(frame)])
        yield app.step(frame, found)


def events(app: Any, look: Any, frames: Sequence[Frame]) -> list[Event]:
    return [event for outcome in run(app, look, frames) for event in outcome.events] + list(app.finish())


def test_somebody_enrolled_is_told_by_name_once_and_the_search_is_written_down(
    gallery: Gallery, look: Any, wolfgang: list[Frame]
) -> None:
    app = opened(against(gallery))
    said = events(app, look, wolfgang)
    assert [(event.type, event.after["person"]) for event in said] == [("new", "Wolfgang"), ("end", "Wolfgang")]
    assert said[0].kind == "seen"
    assert said[0].after["score"] >= said[0].after["threshold"] == 0.5
    assert said[0].time_s <= 1.0
    searches = [entry for entry in gallery.audit() if entry.verb == "identify"]
    assert len(searches) == app.state()["searches"] > 0
    assert {(entry.by, entry.why) for entry in searches} == {("eye watch door", "a test")}


def test_a_stranger_is_told_as_nobody_and_far_fewer_faces_are_embedded_than_seen(
    gallery: Gallery, look: Any, stranger: list[Frame]
) -> None:
    app = opened(against(gallery), (400, 300))
    said = events(app, look, stranger)
    assert [(event.type, event.after["person"]) for event in said] == [("new", None), ("end", None)]
    assert said[0].after["score"] is None
    assert app.state()["embedded"] < len(stranger) / 3


def test_strangers_are_hidden_in_every_frame_and_who_is_told_from_then_on_is_not(
    gallery: Gallery, look: Any, wolfgang: list[Frame], stranger: list[Frame]
) -> None:
    hidden = [len(outcome.people) for outcome in run(opened(against(gallery), (400, 300)), look, stranger)]
    assert min(hidden) >= 1
    app = opened(against(gallery))
    shown = [(len(outcome.people), bool(app.state()["people"])) for outcome in run(app, look, wolfgang)]
    assert shown[0] == (1, False)
    assert shown[-1] == (0, True)
    assert all(people for people, told in shown if not told)
    everybody = opened(against(gallery, hide="everybody"))
    assert min(len(outcome.people) for outcome in run(everybody, look, wolfgang)) >= 1


def test_who_is_not_on_the_list_is_nobody(gallery: Gallery, look: Any, wolfgang: list[Frame]) -> None:
    said = events(opened(against(gallery, people=["Su"])), look, wolfgang)
    assert {event.after["person"] for event in said} == {None}
    with pytest.raises(EyeError, match="Anna"):
        opened(against(gallery, people=["Anna"]))


def test_who_is_forgotten_meanwhile_is_nobody_any_more(gallery: Gallery, look: Any, wolfgang: list[Frame]) -> None:
    app = opened(against(gallery))
    half = len(wolfgang) // 2
    before = [event for outcome in run(app, look, wolfgang[:half]) for event in outcome.events]
    assert [event.after["person"] for event in before] == ["Wolfgang"]
    gallery.forget("Wolfgang", by="test")
    after = events(app, look, wolfgang[half:])
    assert [(event.type, event.after["person"]) for event in after] == [("update", None), ("end", None)]
    assert after[0].before is not None


def test_another_face_in_the_same_place_is_another_person(gallery: Gallery, look: Any, wolfgang: list[Frame]) -> None:
    """A film that is cut: the tracker may go on, the name may not."""
    others = frames_of("cap13_edit2.mp4")
    left = int(np.mean([look([one], [look.prepare(one)])[0].faces.boxes[0, 0] for one in wolfgang[-3:]]))
    top = int(np.mean([look([one], [look.prepare(one)])[0].faces.boxes[0, 1] for one in wolfgang[-3:]]))
    film = list(wolfgang)
    for at, frame in enumerate(others):
        face = look([frame], [look.prepare(frame)])[0].faces.boxes[0]
        pixels = np.zeros((360, 640, 3), np.uint8)
        moved = np.roll(frame.image.rgb(), (top - int(face[1]), left - int(face[0])), axis=(0, 1))
        pixels[:300, :400] = moved if left < 300 else 0
        if left >= 300:
            pixels[:300, 240:] = np.roll(
                frame.image.rgb(), (top - int(face[1]), left - 240 - int(face[0])), axis=(0, 1)
            )
        time_s = wolfgang[-1].time_s + (at + 1) / 12.5
        film.append(Frame("door", len(film), time_s, 1e9 + time_s, ArrayImage(pixels)))
    said = events(opened(against(gallery)), look, film)
    assert [event.after["person"] for event in said if event.type == "new"] == ["Wolfgang", None]
    assert said[-1].after["person"] is None
    assert sum(event.type == "end" for event in said) == 2


def test_without_a_gallery_faces_are_followed_and_nobody_is_told(look: Any, stranger: list[Frame]) -> None:
    app = opened({}, (400, 300))
    outcomes = list(run(app, look, stranger))
    record = outcomes[-1].records[0]
    assert record["person"] is None
    assert record["inter_eye_px"] > 20
    assert app.state()["threshold"] is None


def test_the_threshold_comes_from_the_gallery_and_says_when_it_is_too_small(gallery: Gallery) -> None:
    state = opened(against(gallery, threshold=None)).state()
    assert 0.1 < state["threshold"] <= 1
    assert any("pairs of different people" in warning for warning in state["warnings"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"people": ["Anna"]}, "no gallery is named"),
        ({"gallery": "g"}, "for a reason"),
        ({"decide_frames": 9}, "only 5 frames are kept"),
        ({"fpir": 2}, "between 0 and 1"),
        ({"treshold": 0.4}, "did you mean threshold"),
    ],
)
def test_mistakes_in_settings_are_answered_in_a_sentence(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(EyeError, match=said):
        checked(application("face").settings, settings, "site.toml")


def test_a_key_of_another_gallery_opens_nothing(gallery: Gallery, tmp_path: Path) -> None:
    Gallery.create(tmp_path / "other", tmp_path / "other.key", by="test")
    with pytest.raises(EyeError, match="does not open"):
        opened(against(gallery, key_file=str(tmp_path / "other.key")))
