"""Pages of faces in Chromium, with real faces: named, told apart and put together by mouse and by keyboard."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import uvicorn
from axe import broken
from browser import PATIENCE_MS, PHONE, WIDE
from face_clips import photograph
from face_samples import astronaut
from face_site import KEY, photographed
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from compoundeye.apps.face import Gallery
from compoundeye.console._access import Access
from compoundeye.console._app import application
from compoundeye.console._pages import PAGES
from compoundeye.console._serve import listening
from compoundeye.console._state import Served


@dataclass(frozen=True)
class Faces:
    """A console that serves a gallery of photographs."""

    address: str
    gallery: Gallery
    folder: Path


@pytest.fixture
def faces(tmp_path: Path) -> Iterator[Faces]:
    gallery = photographed(tmp_path)
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        served = Served(access=Access("127.0.0.1", port), faces=str(gallery.path), faces_key=str(tmp_path / KEY))
        app = application(served)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield Faces(f"http://127.0.0.1:{port}", gallery, tmp_path)
        app.state.console.ending.set()
        server.should_exit = True
        thread.join()


@pytest.fixture
def open_page(chromium: Browser, faces: Faces) -> Iterator[Callable[..., Page]]:
    """Pages of browsers that nobody has used; a mistake of a script or a broken policy fails the test."""
    opened, mistakes = list[BrowserContext](), list[str]()

    def make(**options: Any) -> Page:
        context = chromium.new_context(base_url=faces.address, **{"viewport": WIDE, **options})
        context.set_default_timeout(PATIENCE_MS)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("response", lambda one: mistakes.append(f"{one.status} {one.url}") if one.status >= 500 else None)
        page.on("console", lambda one: mistakes.append(one.text) if "Content Security Policy" in one.text else None)
        return page

    yield make
    for context in opened:
        context.close()
    assert mistakes == []


def picture(path: Path, rgb: npt.NDArray[np.uint8]) -> Path:
    """A file to choose."""
    Image.fromarray(np.ascontiguousarray(rgb)).save(path)
    return path


def crops_there(page: Page) -> None:
    """Until all crops in sight are loaded, and are pictures."""
    page.wait_for_function(
        """() => !document.querySelector("[aria-busy=true]")
          && [...document.querySelectorAll(".people img")].every((one) => one.complete && one.naturalWidth === 112)"""
    )


def test_groups_are_named_and_merged(open_page: Callable[..., Page], faces: Faces) -> None:
    page = open_page()
    page.goto("/faces")
    crops_there(page)
    tiles = page.locator("#people li")
    expect(tiles).to_have_count(6)
    expect(tiles.first).to_contain_text("Eileen")
    groups = [person.id for person in faces.gallery.people(named=False)]
    for group in groups[:2]:
        page.get_by_role("checkbox", name=f"Choose Group {group}", exact=True).check()
    page.get_by_role("button", name="Same person").click()
    page.get_by_role("dialog").get_by_role("button", name="Same person").click()
    expect(tiles).to_have_count(5)
    assert faces.gallery.person(groups[0]).faces == 4
    page.get_by_role("checkbox", name=f"Choose Group {groups[0]}", exact=True).check()
    page.get_by_role("button", name="Name", exact=False).last.click()
    page.get_by_role("textbox", name="Name").fill("Carla <i>")
    page.keyboard.press("Enter")
    expect(tiles.filter(has_text="Carla <i>")).to_be_visible()
    assert faces.gallery.person("Carla <i>").id == groups[0]
    page.get_by_label("Find a name").fill("carla")
    expect(tiles).to_have_count(1)
    page.reload()
    expect(tiles).to_have_count(1)
    assert {entry.verb for entry in faces.gallery.audit(person=groups[0])} >= {"merge", "name"}


def test_everything_is_done_by_keyboard(open_page: Callable[..., Page], faces: Faces) -> None:
    page = open_page()
    page.goto("/faces/people/1")
    crops_there(page)
    expect(page.get_by_role("heading", name="Eileen")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    expect(page.locator("#chosen")).to_have_text("1 face chosen")
    page.keyboard.press("s")
    page.get_by_role("textbox", name="Name").fill("Erna")
    page.keyboard.press("Enter")
    expect(page.locator("#faces li")).to_have_count(2)
    assert faces.gallery.person("Erna").faces == 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    last = faces.gallery.faces("Eileen")[-1].id
    page.keyboard.press("d")
    expect(page.get_by_role("dialog", name="Not Eileen?")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#faces li")).to_have_count(1)
    assert faces.gallery.face(last).person is None
    page.keyboard.press("n")
    page.get_by_role("textbox", name="Name").fill("Eileen Collins")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Eileen Collins")).to_be_visible()


def test_two_pictures_are_compared(open_page: Callable[..., Page], faces: Faces) -> None:
    page = open_page()
    page.goto("/faces/compare")
    for name, rgb in (("one", astronaut()), ("two", astronaut()[:, ::-1])):
        page.locator(f"#{name}").set_input_files(picture(faces.folder / f"{name}.png", rgb))
    page.locator("#compare-why").fill("is it her?")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="These are of one person")).to_be_focused()
    expect(page.locator("#pairs li")).to_have_count(1)
    assert page.evaluate("[...document.querySelectorAll('#pairs img')].map((one) => one.naturalWidth)") == [112, 112]
    assert broken(page) == []
    page.locator("#picture").set_input_files(faces.folder / "one.png")
    page.locator("#identify-why").fill("who is it?")
    page.get_by_role("button", name="Look for them").click()
    expect(page.locator("#pairs").get_by_role("link", name="Eileen")).to_be_visible()
    assert broken(page) == []
    assert [entry.why for entry in faces.gallery.audit()][-2:] == ["is it her?", "who is it?"]


def test_a_picture_without_a_face_is_told_and_the_old_answer_goes(open_page: Callable[..., Page], faces: Faces) -> None:
    page = open_page()
    page.goto("/faces/compare")
    page.locator("#picture").set_input_files(picture(faces.folder / "grey.png", np.full((99, 99, 3), 127, np.uint8)))
    page.locator("#identify-why").fill("who is it?")
    page.get_by_role("button", name="Look for them").click()
    expect(page.get_by_role("alert")).to_contain_text("No face was found")
    expect(page.locator("#answer")).to_be_hidden()


def test_somebody_is_enrolled_from_a_crowd_and_forgotten(open_page: Callable[..., Page], faces: Faces) -> None:
    page = open_page()
    page.goto("/faces/watch")
    page.locator("#picture").set_input_files(picture(faces.folder / "crowd.png", photograph("multi_face.jpg")))
    expect(page.locator("#found-told")).to_have_text("5 faces found; say which.")
    page.get_by_role("radio").nth(3).check()
    page.locator("#enrol-name").fill("Gerd")
    page.locator("#purpose").fill("the front door")
    page.get_by_label("The person agreed").check()
    assert broken(page) == []
    page.get_by_role("button", name="Enrol").click()
    row = page.get_by_role("row").filter(has_text="Gerd")
    expect(row).to_contain_text("the front door")
    expect(row).to_contain_text("yes")
    (face,) = faces.gallery.faces("Gerd")
    assert face.consent

    row.get_by_role("link", name="Gerd").click()
    expect(page.get_by_role("heading", name="Gerd")).to_be_visible()
    page.get_by_role("button", name="Forget").click()
    page.get_by_label("Reason, for the audit log").fill("asked for it")
    assert broken(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Forget").click()
    expect(page.get_by_role("dialog", name="Forgotten")).to_contain_text("Found on disk")
    assert page.locator("#report dd").last.text_content() == "0"
    assert broken(page) == []
    page.get_by_role("link", name="All people").last.click()
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    assert "Gerd" not in [person.name for person in faces.gallery.people()]


def test_the_log_is_checked_and_what_was_changed_is_told(open_page: Callable[..., Page], faces: Faces) -> None:
    page = open_page()
    page.goto("/faces/audit")
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".notice.good")).to_contain_text("entries hold")
    page.get_by_label("End of an earlier check").fill(page.locator(".end").inner_text())
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".notice.good")).to_contain_text("entries hold")
    with sqlite3.connect(faces.gallery.path / "faces.sqlite") as connection:
        connection.execute("UPDATE audit SET at = at + 3600 WHERE number = 2")
    connection.close()
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".notice.wrong")).to_contain_text("audit entry 2 was changed")
    assert broken(page) == []


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_no_rule_is_broken_and_nothing_sticks_out(open_page: Callable[..., Page], look: str) -> None:
    looks: dict[str, dict[str, Any]] = {
        "light": {"color_scheme": "light"},
        "dark": {"color_scheme": "dark"},
        "phone": {"viewport": PHONE, "color_scheme": "dark", "has_touch": True, "is_mobile": True},
    }
    page = open_page(**looks[look])
    paths = [*(one.path for one in PAGES if one.of_faces), "/faces/people/1"]
    assert len(paths) > 1
    for path in paths:
        page.goto(path)
        page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
        boxes = page.get_by_role("checkbox", name="Choose")
        if boxes.count():
            boxes.first.check()
        assert broken(page) == [], path
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
