"""People of a gallery over HTTP: off unless one is served, and who is who as somebody says it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from face_site import KEY, made_up
from fastapi.testclient import TestClient
from PIL import Image

from compoundeye.apps.face import Gallery
from compoundeye.cli._console import console
from compoundeye.console._access import Access, digest
from compoundeye.console._app import application
from compoundeye.console._pages import PAGES
from compoundeye.console._state import Served
from compoundeye.records import EyeError

HERE = "http://127.0.0.1"
OURS = {"x-compoundeye": "1"}
OF_FACES = [page for page in PAGES if page.of_faces]


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return made_up(tmp_path)


@pytest.fixture
def client(gallery: Gallery, tmp_path: Path) -> Iterator[TestClient]:
    served = Served(faces=str(gallery.path), faces_key=str(tmp_path / KEY))
    with TestClient(application(served), base_url=f"{HERE}/api/v1/faces", headers=OURS) as made:
        yield made


def test_without_a_gallery_nothing_of_faces_is_there() -> None:
    client = TestClient(application(Served()), base_url=HERE, headers=OURS)
    said = "no gallery of faces is served here; `eye console --faces GALLERY` serves one"
    for path in ("", "/people", "/people/1", "/people/1/faces", "/crops/1"):
        told = client.get(f"/api/v1/faces{path}")
        assert (told.status_code, told.json()) == (404, {"error": said}), path
    told = client.post("/api/v1/faces/people/1/name", json={"name": "Anna"})
    assert (told.status_code, told.json()) == (404, {"error": said})
    start = client.get("/").text
    assert OF_FACES
    for page in OF_FACES:
        assert client.get(page.path).status_code == 404
        assert f'href="{page.path}"' not in start


def test_with_one_its_pages_are_in_the_navigation(client: TestClient) -> None:
    start = client.get(f"{HERE}/").text
    for page in OF_FACES:
        assert f'href="{page.path}"' in start
        assert client.get(f"{HERE}{page.path}").status_code == 200, page.name


def test_a_gallery_that_does_not_open_is_told_before_anything_is_served(gallery: Gallery, tmp_path: Path) -> None:
    Gallery.create(tmp_path / "other.gallery", tmp_path / "other.key")
    with pytest.raises(EyeError, match="this key does not open"):
        application(Served(faces=str(gallery.path), faces_key=str(tmp_path / "other.key")))


def test_a_key_without_a_gallery_is_a_mistake() -> None:
    with pytest.raises(EyeError, match="name it with --faces"):
        console(faces_key="staff.key")


def test_people_are_listed_by_name_and_size(client: TestClient) -> None:
    assert client.get(f"{HERE}/api/v1/faces").json() == {
        "people": 4, "named": 2, "faces": 12, "alone": 1, "embedder": "sface/1 sha256:0000000000000000",
    }  # fmt: skip
    found = client.get("/people").json()
    assert [(one["name"], one["faces"]) for one in found["items"]] == [
        ("Anna", 4), ("Bert", 2), (None, 3), (None, 2),
    ]  # fmt: skip
    assert [one["name"] for one in client.get("/people", params={"named": True}).json()["items"]] == ["Anna", "Bert"]
    assert client.get("/people", params={"text": "NN"}).json()["total"] == 1
    second = client.get("/people", params={"offset": 1, "limit": 1}).json()
    assert (second["total"], [one["name"] for one in second["items"]]) == (4, ["Bert"])


def test_the_cover_is_the_best_face(client: TestClient, gallery: Gallery) -> None:
    anna = client.get("/people/1").json()
    assert anna["cover"] == max(gallery.faces(1), key=lambda face: face.quality or 0).id


def test_faces_are_told_a_page_at_a_time(client: TestClient, gallery: Gallery) -> None:
    first = client.get("/people/1/faces", params={"limit": 3}).json()
    rest = client.get("/people/1/faces", params={"after": first["next"]}).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == [face.id for face in gallery.faces("Anna")]
    assert rest["next"] is None
    face = first["items"][0]
    assert (face["consent"], face["purpose"], face["by"], face["said"]) == (True, "opening the door", "desk", True)


def test_a_crop_is_a_jpeg_that_nobody_keeps(client: TestClient) -> None:
    told = client.get("/crops/1")
    assert (told.headers["content-type"], told.headers["cache-control"]) == ("image/jpeg", "no-store")
    assert Image.open(io.BytesIO(told.content)).size == (112, 112)
    assert client.get("/crops/99").status_code == 404


def test_naming_merging_and_splitting_are_signed(client: TestClient, gallery: Gallery, tmp_path: Path) -> None:
    assert client.post("/people/3/name", json={"name": "  Carla "}).json()["name"] == "Carla"
    merged = client.post("/people/3/merge", json={"others": [4, 4]}).json()
    assert (merged["faces"], merged["said"]) == (5, 5)
    assert client.get("/people/4").status_code == 404
    faces = [face.id for face in gallery.faces(3)][:2]
    other = client.post("/people/3/split", json={"faces": faces}).json()
    assert (other["name"], other["faces"]) == (None, 2)
    named = client.post(f"/people/{other['id']}/name", json={"name": "Dora"}).json()
    assert named["id"] == other["id"]
    assert [entry.verb for entry in gallery.audit()][-4:] == ["name", "merge", "split", "name"]

    access = Access("0.0.0.0", token=digest("secret"), password=None)
    served = Served(access=access, faces=str(gallery.path), faces_key=str(tmp_path / KEY))
    closed = TestClient(application(served), base_url="http://127.0.0.1")
    assert closed.get("/api/v1/faces/people").status_code == 401
    signed = closed.post("/api/v1/session", json={"name": "Erna", "secret": "secret"}, headers=OURS)
    assert signed.status_code == 200
    assert closed.post("/api/v1/faces/people/3/name", json={"name": "Frida"}, headers=OURS).status_code == 200
    assert gallery.audit(newest_first=True, limit=1)[0].by == "Erna"


def test_a_face_that_is_not_this_person_is_nobodys(client: TestClient, gallery: Gallery) -> None:
    face = gallery.faces(3)[0].id
    left = client.post("/people/3/not-this-person", json={"faces": [face]}).json()
    assert left["faces"] == 2
    assert gallery.face(face).person is None
    entry = gallery.audit(newest_first=True, limit=1)[0]
    assert (entry.verb, entry.people, entry.detail["face"]) == ("not-this-person", (3,), face)
    assert client.post("/people/3/not-this-person", json={"faces": [99]}).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/people/99/name", {"name": "Anna"}, 404, "there is no person 99"),
        ("/people/1/name", {"name": "12"}, 400, "is no name"),
        ("/people/1/merge", {"others": [1]}, 400, "cannot be merged with itself"),
        ("/people/1/merge", {"others": [99]}, 404, "there is no person 99"),
        ("/people/1/split", {"faces": [5]}, 400, "face 5 is not of person 1"),
        ("/people/1/split", {"faces": [1, 2, 3, 4]}, 400, "all faces"),
        ("/people/1/split", {"faces": []}, 422, "faces"),
        ("/people/0/name", {"name": "Anna"}, 422, "person"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    client: TestClient, path: str, body: dict[str, object], status: int, said: str
) -> None:
    told = client.post(path, json=body)
    assert told.status_code == status
    assert said in told.json()["error"]


def test_who_has_gone_is_not_there(client: TestClient, gallery: Gallery) -> None:
    gallery.forget("Anna", by="desk")
    assert client.get("/people/1").status_code == 404
    assert client.get("/crops/1").status_code == 404
    assert client.get(f"{HERE}/faces/people/1").status_code == 404
    assert [one["name"] for one in client.get("/people", params={"named": True}).json()["items"]] == ["Bert"]
