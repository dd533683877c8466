"""The log of a gallery, the watch list, and forgetting, over HTTP."""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from face_site import KEY, made_up
from fastapi.testclient import TestClient
from gallery_samples import sightings

from compoundeye.apps.face import Gallery
from compoundeye.console._app import application
from compoundeye.console._state import Served
from compoundeye.records import picture_id

API = "http://127.0.0.1/api/v1/faces"


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return made_up(tmp_path)


@pytest.fixture
def client(gallery: Gallery, tmp_path: Path) -> Iterator[TestClient]:
    served = Served(faces=str(gallery.path), faces_key=str(tmp_path / KEY))
    with TestClient(application(served), base_url=API, headers={"x-compoundeye": "1"}) as made:
        yield made


def test_the_log_is_told_newest_first_a_page_at_a_time(client: TestClient, gallery: Gallery) -> None:
    whole = [entry.number for entry in gallery.audit()][::-1]
    assert len(whole) == 7
    found, before = list[int](), None
    while True:
        page = client.get("/audit", params={"limit": 3} | ({} if before is None else {"before": before})).json()
        found += [one["number"] for one in page["items"]]
        before = page["next"]
        if before is None:
            break
    assert found == whole


def test_entries_about_one_person_are_found_a_page_at_a_time(client: TestClient, gallery: Gallery) -> None:
    for number in range(4):
        gallery.name("Anna" if number == 0 else f"Anna {number}", f"Anna {number + 1}", by="desk")
    first = client.get("/audit", params={"person": 1, "limit": 3}).json()
    rest = client.get("/audit", params={"person": 1, "limit": 3, "before": first["next"]}).json()
    verbs = [one["verb"] for one in first["items"] + rest["items"]]
    assert (verbs, rest["next"]) == (["name"] * 4 + ["enrol"], None)
    assert first["items"][0]["people"] == [{"id": 1, "name": "Anna 4", "there": True}]


def test_the_chain_is_checked_and_its_end_is_recognised(client: TestClient, gallery: Gallery) -> None:
    told = client.get("/audit/check").json()
    assert (told["whole"], told["entries"], told["error"]) == (True, 7, None)
    gallery.name("Anna", "Berta", by="desk")
    assert client.get("/audit/check", params={"end": told["end"]}).json()["entries"] == 8
    stranger = client.get("/audit/check", params={"end": "0" * 63 + "1"}).json()
    assert (stranger["whole"], "does not hold the end" in stranger["error"]) == (False, True)
    assert client.get("/audit/check", params={"end": "x"}).status_code == 422


def test_a_changed_log_is_found_out(client: TestClient, gallery: Gallery) -> None:
    with sqlite3.connect(gallery.path / "faces.sqlite") as connection:
        connection.execute("UPDATE audit SET at = at + 3600 WHERE number = 2")
    connection.close()
    told = client.get("/audit/check").json()
    assert (told["whole"], told["error"]) == (False, "audit entry 2 was changed, or one before it was")


def test_the_watch_list_says_what_faces_are_kept_for(client: TestClient, gallery: Gallery) -> None:
    found = client.get("/watch").json()
    assert [(one["name"], one["faces"], one["agreed"]) for one in found["items"]] == [("Anna", 4, 4), ("Bert", 2, 0)]
    assert (found["total"], found["items"][0]["purposes"], found["items"][0]["by"]) == (
        2, ["opening the door"], ["desk"],
    )  # fmt: skip
    gallery.name(3, "Aaron", by="desk")
    assert [one["name"] for one in client.get("/watch", params={"limit": 1}).json()["items"]] == ["Aaron"]
    assert client.get("/watch", params={"offset": 2}).json()["items"][0]["name"] == "Bert"


def test_who_is_forgotten_leaves_nothing_and_it_is_told(client: TestClient, gallery: Gallery) -> None:
    gallery.searched("identify", by="desk", why="is this Anna?", people=[1])
    told = client.post("/people/1/forget", json={"why": "Anna asked for it"}).json()
    assert (told["people"], told["faces"], told["crops"], told["keys"]) == ([1], 4, 4, 5)
    assert (told["traces"], told["looked_for"] > 0, told["reasons_removed"]) == (0, True, 1)
    assert client.get("/people/1").status_code == 404
    entries = client.get("/audit", params={"person": 1}).json()["items"]
    assert (entries[0]["verb"], entries[0]["why"], entries[0]["people"]) == (
        "forget", "", [{"id": 1, "name": None, "there": False}],
    )  # fmt: skip
    assert entries[1]["why"] is None
    assert client.get("/audit/check").json()["reasons_removed"] == [entries[1]["number"]]
    assert client.post("/people/1/forget", json={}).status_code == 404


def test_picture_files_go_only_if_asked_and_what_is_kept_is_told(client: TestClient, tmp_path: Path) -> None:
    gallery = Gallery.open(tmp_path / "people.gallery", tmp_path / KEY)
    data, other = b"a picture of two", b"written over since"
    for name, content in (("there.jpg", data), ("changed.jpg", other)):
        (tmp_path / name).write_bytes(content)
        kept = sightings([picture_id(data).hex()], sources=[str(tmp_path / name)])
        gallery.enrol("Carla", kept, consent=True, purpose="door", by="desk")
    number = gallery.person("Carla").id
    told = client.post(f"/people/{number}/forget", json={"pictures": True}).json()
    assert told["pictures_removed"] == [str(tmp_path / "there.jpg")]
    assert [one["file"] for one in told["pictures_kept"]] == [str(tmp_path / "changed.jpg")]
    assert told["pictures_kept"][0]["reason"]
    assert [(tmp_path / name).exists() for name in ("there.jpg", "changed.jpg")] == [False, True]


def test_the_pages_of_the_log_lead_to_older_entries(client: TestClient, gallery: Gallery) -> None:
    for number in range(105):
        gallery.searched("identify", by="desk", why=f"reason {number}", people=[1])
    page = client.get("http://127.0.0.1/faces/audit?person=1").text
    assert ("reason 104" in page, "reason 4<" in page) == (True, False)
    older = re.search(r'href="(\?before=\d+&amp;person=1)">Older', page)
    assert older
    rest = client.get(f"http://127.0.0.1/faces/audit{html.unescape(older[1])}").text
    assert ("reason 4<" in rest, "reason 104" in rest, "enrol" in rest) == (True, False, True)


def test_pages_show_text_as_text(client: TestClient, gallery: Gallery) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    gallery.name("Anna", hostile, by=hostile)
    gallery.searched("identify", by=hostile, why=hostile, people=[1], detail={hostile: hostile})
    for path in ("/faces/audit", "/faces/watch", "/faces/people/1", "/faces/audit?person=1"):
        page = client.get(f"http://127.0.0.1{path}")
        assert page.status_code == 200
        assert hostile not in page.text
        assert "onerror=alert(1)" in page.text
