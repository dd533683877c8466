"""Uploads held against each other and against a gallery, over HTTP and with real faces."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from face_clips import photograph
from face_samples import astronaut
from face_site import KEY, made_up, photographed
from fastapi.testclient import TestClient
from PIL import Image

from compoundeye.apps.face import Gallery
from compoundeye.console._app import application
from compoundeye.console._state import Served

OURS = {"x-compoundeye": "1"}
API = "http://127.0.0.1/api/v1/faces"


def png(rgb: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return photographed(tmp_path_factory.mktemp("ask"))


@pytest.fixture(scope="module")
def client(gallery: Gallery) -> Iterator[TestClient]:
    served = Served(faces=str(gallery.path), faces_key=str(gallery.path.parent / KEY))
    with TestClient(application(served), base_url=API, headers=OURS) as made:
        yield made


@pytest.fixture(scope="module")
def eileen() -> bytes:
    return png(np.ascontiguousarray(astronaut()[20:400, 40:420]))


@pytest.fixture(scope="module")
def crowd() -> bytes:
    return png(photograph("multi_face.jpg"))


@pytest.fixture(scope="module")
def nobody() -> bytes:
    return png(np.full((200, 200, 3), 127, np.uint8))


def asked(client: TestClient, path: str, pictures: dict[str, bytes], **values: Any) -> Any:
    return client.post(path, files={name: (name, data) for name, data in pictures.items()}, data=values)


def test_two_pictures_are_compared_and_it_is_logged(
    client: TestClient, gallery: Gallery, eileen: bytes, crowd: bytes
) -> None:
    told = asked(client, "/compare", {"one": eileen, "two": png(astronaut())}, why="is it her?").json()
    assert [len(row) for row in told["scores"]] == [1]
    assert told["scores"][0][0] > 0.9 > told["threshold"]["value"]
    entry = gallery.audit(newest_first=True, limit=1)[0]
    assert (entry.verb, entry.why, entry.people) == ("compare", "is it her?", ())
    strangers = asked(client, "/compare", {"one": eileen, "two": crowd}, why="is she there?").json()
    assert (len(strangers["one"]), len(strangers["two"]), len(strangers["scores"][0])) == (1, 5, 5)
    assert max(strangers["scores"][0]) < 0.3


def test_a_face_comes_back_as_a_picture_in_its_address(client: TestClient, eileen: bytes) -> None:
    (face,) = asked(client, "/find", {"picture": eileen}).json()["faces"]
    before, _, data = face["crop"].partition(",")
    assert before == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (112, 112)
    assert face["quality"] > 50
    left, top, right, bottom = face["box"]
    assert 0 <= left < right <= 380
    assert 0 <= top < bottom <= 380


def test_who_is_looked_for_and_why_is_in_the_log_with_a_name(
    client: TestClient, gallery: Gallery, eileen: bytes
) -> None:
    told = asked(client, "/identify", {"picture": eileen}, why="she lost her badge", most=1).json()
    (face,) = told["faces"]
    (candidate,) = face["candidates"]
    assert (candidate["person"], candidate["name"]) == (1, "Eileen")
    assert candidate["face"] in [one.id for one in gallery.faces(1)]
    entry = gallery.audit(newest_first=True, limit=1)[0]
    assert (entry.verb, entry.why, entry.people) == ("identify", "she lost her badge", (1,))
    assert entry.by


def test_a_search_without_a_reason_is_not_done(client: TestClient, gallery: Gallery, eileen: bytes) -> None:
    before = len(gallery.audit())
    for values in ({}, {"why": ""}):
        assert asked(client, "/identify", {"picture": eileen}, **values).status_code == 422
    told = asked(client, "/identify", {"picture": eileen}, why="  ")
    assert (told.status_code, "say why" in told.json()["error"]) == (400, True)
    assert asked(client, "/compare", {"one": eileen, "two": eileen}).status_code == 422
    assert len(gallery.audit()) == before


def test_groups_are_left_out_if_only_names_are_asked_for(client: TestClient, crowd: bytes) -> None:
    groups = asked(client, "/identify", {"picture": crowd}, why="who?").json()
    assert all(face["candidates"][0]["name"] is None for face in groups["faces"])
    named = asked(client, "/identify", {"picture": crowd}, why="who?", named=True).json()
    assert [face["candidates"] for face in named["faces"]] == [[]] * 5


def test_the_threshold_says_what_it_rests_on(client: TestClient, eileen: bytes) -> None:
    told = asked(client, "/identify", {"picture": eileen}, why="x").json()["threshold"]
    assert (told["source"], "published" in told["warning"]) == ("published", True)
    given = asked(client, "/identify", {"picture": eileen}, why="x", threshold=0.999).json()
    assert given["threshold"] == {"value": 0.999, "source": "given", "warning": None}
    assert given["faces"][0]["candidates"] == []


def test_the_gallerys_own_people_tell_the_threshold(tmp_path_factory: pytest.TempPathFactory) -> None:
    gallery = made_up(tmp_path_factory.mktemp("own"))
    served = Served(faces=str(gallery.path), faces_key=str(gallery.path.parent / KEY))
    from compoundeye.console._faces import faces_of
    from compoundeye.console._state import Console

    desk = Console(served).part(faces_of)
    first = desk.looked_for_from(None, named=True)
    assert first.source.startswith("FPIR 0.003 among 2")
    assert desk.looked_for_from(None, named=True) is first
    gallery.merge("Anna", "Bert", by="desk")
    assert desk.looked_for_from(None, named=True).source == "published"


def test_enrolment_keeps_the_face_with_consent_and_purpose(client: TestClient, gallery: Gallery, crowd: bytes) -> None:
    values = {"name": "Gerda", "purpose": "the front door", "consent": False}
    several = asked(client, "/people", {"picture": crowd}, **values)
    assert (several.status_code, "5 faces were found" in several.json()["error"]) == (422, True)
    assert asked(client, "/people", {"picture": crowd}, face=5, **values).status_code == 422
    told = asked(client, "/people", {"picture": crowd}, face=2, **values).json()
    assert (told["name"], told["faces"]) == ("Gerda", 1)
    (face,) = gallery.faces("Gerda")
    assert (face.purpose, face.consent, face.source) == ("the front door", False, None)
    found = asked(client, "/find", {"picture": crowd}).json()["faces"][2]
    assert face.box == pytest.approx(found["box"], abs=0.01)
    assert asked(client, "/people", {"picture": crowd}, face=2, name="Gerda", consent=True).status_code == 422
    gallery.forget("Gerda", by="test")


@pytest.mark.parametrize("path", ["/find", "/identify", "/people"])
def test_what_is_no_picture_is_refused(client: TestClient, path: str) -> None:
    values = {"why": "x", "name": "X", "purpose": "x", "consent": "true"}
    assert asked(client, path, {"picture": b"\xff\xd8\xff and no more"}, **values).status_code == 415


def test_a_picture_without_a_face_is_told_of(client: TestClient, eileen: bytes, nobody: bytes) -> None:
    assert asked(client, "/find", {"picture": nobody}).json() == {"faces": []}
    told = asked(client, "/compare", {"one": eileen, "two": nobody}, why="x")
    assert (told.status_code, told.json()["error"][:35]) == (422, "the second picture: no face was fou")
    assert asked(client, "/identify", {"picture": nobody}, why="x").status_code == 422


def test_templates_of_another_model_are_not_compared(tmp_path_factory: pytest.TempPathFactory, eileen: bytes) -> None:
    gallery = made_up(tmp_path_factory.mktemp("other"))
    served = Served(faces=str(gallery.path), faces_key=str(gallery.path.parent / KEY))
    client = TestClient(application(served), base_url=API, headers=OURS)
    told = asked(client, "/identify", {"picture": eileen}, why="x")
    assert (told.status_code, "cannot be compared" in told.json()["error"]) == (409, True)
