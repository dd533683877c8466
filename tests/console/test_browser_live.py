"""The live page in Chromium with a real `eye watch` of a real street: seen, drawn on while it runs, stopped, also
where it was begun at a terminal."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe import broken
from browser import PATIENCE_MS, PHONE, WIDE
from playwright.sync_api import Browser, BrowserContext, Page, expect
from samples import FOLDER, vtest

from compoundeye.console._access import Access
from compoundeye.console._app import application
from compoundeye.console._jobs import Jobs
from compoundeye.console._serve import listening
from compoundeye.console._state import Served
from compoundeye.models import home

STREAMS = 16
SITE = """# Kept by hand.
app = "traffic"
[keep]
snapshots = true
{streams}
[traffic.lines.path]
points = [[100, 300], [700, 300]] # across
[traffic.zones.grass]
points = [[400, 100], [700, 100], [700, 500], [400, 500]]
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A console with a home of its own, and its root, which holds a site of the street and one of sixteen streams."""
    clip = vtest()
    place = tmp_path_factory.mktemp("live")
    root, own, weights = place / "root", place / "home", FOLDER.parent / "weights"
    own.mkdir()
    root.mkdir()
    if weights.is_dir():
        (own / "weights").symlink_to(weights)
    (root / "street.avi").write_bytes(clip.read_bytes())
    stream = '[streams.{}]\nsource = "' + str(root / "street.avi") + '"\nevery = {}\n'
    (root / "street.toml").write_text(SITE.format(streams=stream.format("street", 1) + "live = true"))
    many = "".join(stream.format(f"camera-{at:02d}", 1000) + "live = true\n" for at in range(STREAMS))
    (root / "many.toml").write_text(SITE.format(streams=many))
    with pytest.MonkeyPatch.context() as patch, listening("127.0.0.1", 0) as listener:
        patch.setenv("COMPOUNDEYE_HOME", str(own))
        patch.setenv("OMP_NUM_THREADS", "1")
        port = listener.getsockname()[1]
        app = application(Served((), roots=(str(root),), access=Access("127.0.0.1", port)))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{port}", root
        jobs = Jobs(home() / "jobs")
        for job in jobs.all():
            if job.alive:
                jobs.stop(job.id, "the test", kill=True)
        app.state.console.ending.set()
        server.should_exit = True
        thread.join()


@pytest.fixture
def open_page(chromium: Browser, address: tuple[str, Path]) -> Iterator[Callable[..., Page]]:
    """Pages of browsers that nobody has used; a mistake of a script or a broken policy fails the test."""
    opened, mistakes = list[BrowserContext](), list[str]()

    def make(**options: Any) -> Page:
        context = chromium.new_context(base_url=address[0], **{"viewport": WIDE, **options})
        context.set_default_timeout(PATIENCE_MS)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("console", lambda one: mistakes.append(one.text) if "Content Security Policy" in one.text else None)
        return page

    yield make
    for context in opened:
        context.close()
    assert mistakes == []


def begin(page: Page, name: str, site: Path) -> None:
    page.goto("/live?start=watch")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_text("Site file", exact=True).first.click()
    page.get_by_role("textbox", name="Site file").fill(str(site))
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("region", name=name, exact=True).get_by_text("running", exact=True)).to_be_visible()


def stop(page: Page, name: str, *, at_a_terminal: bool = False) -> None:
    page.goto("/live")
    page.get_by_role("button", name=f"Stop: {name}").click()
    if at_a_terminal:
        page.get_by_role("dialog", name=f"Stop {name}?").get_by_role("button", name="Stop").click()
    expect(page.get_by_role("region", name=name, exact=True).get_by_text("ended", exact=True)).to_be_visible()


def test_a_street_is_watched_drawn_on_and_stopped(open_page: Callable[..., Page], address: tuple[str, Path]) -> None:
    page, site = open_page(), address[1] / "street.toml"
    begin(page, "street", site)
    expect(page.locator(".wall-tile .view[data-frame]")).to_be_visible()
    assert broken(page) == []
    page.goto("/live/street/street")
    expect(page.locator("#view .view[data-frame]")).to_be_visible()
    expect(page.locator(".shapes")).to_have_attribute("aria-label", re.compile("path: in"))
    expect(page.locator("#counts")).to_contain_text("grass")
    assert broken(page) == []

    page.goto("/live/street/street/draw")
    expect(page.locator("#board")).to_have_attribute("aria-busy", "false")
    page.get_by_role("button", name="New line").click()
    box = page.locator("#board svg").bounding_box()
    assert box is not None
    for x, y in ((0.25, 0.5), (0.5, 0.75), (0.5, 0.75)):
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.get_by_label("Name", exact=True).fill("gate")
    page.get_by_label("Hysteresis").wait_for(state="attached")
    page.locator("summary", has_text="More").click()
    page.get_by_label("Hysteresis").fill("9")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Hysteresis")).to_have_attribute("aria-invalid", "true")
    assert "gate" not in site.read_text()
    page.get_by_label("Hysteresis").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved; the watch takes it")).to_be_visible()
    assert broken(page) == []
    lines = tomllib.loads(site.read_text())["traffic"]["lines"]
    assert lines["gate"]["points"] == [[pytest.approx(192, abs=2), pytest.approx(288, abs=2)], [384, 432]]
    assert "# across" in site.read_text()

    page.goto("/live/street/street")
    expect(page.locator("#counts")).to_contain_text("gate")  # the running watch took it
    stop(page, "street")
    page.goto("/live/street/street/draw")  # a frame of the source itself, which nobody watches now
    expect(page.locator("#board")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#no-picture")).to_be_hidden()
    expect(page.get_by_role("button", name="gate")).to_be_visible()


def test_drawing_by_keyboard_undo_and_a_change_of_somebody_else(
    open_page: Callable[..., Page], address: tuple[str, Path]
) -> None:
    site = address[1] / "keys.toml"
    site.write_text((address[1] / "street.toml").read_text())
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True, color_scheme="dark")
    begin(page, "keys", site)
    stop(page, "keys")
    page.goto("/live/keys/street/draw")
    expect(page.locator("#board")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#shapes li")).not_to_have_count(0)
    before = page.locator("#shapes li").count()
    page.keyboard.press("z")
    for moves in (("ArrowLeft",) * 3, ("Shift+ArrowRight",) * 6, ("Shift+ArrowDown",) * 6):
        for key in moves:
            page.keyboard.press(key)
        page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#shapes li")).to_have_count(before + 1)
    page.locator("#form").get_by_label("Loitering").check()
    expect(page.get_by_label("After (s)")).to_be_visible()
    assert broken(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    site.write_text(site.read_text() + "# somebody else\n")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#problem")).to_contain_text("changed meanwhile")
    assert site.read_text().endswith("# somebody else\n")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#shapes li")).to_have_count(before)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_wall_asks_for_what_is_seen_alone(open_page: Callable[..., Page], address: tuple[str, Path]) -> None:
    page = open_page(viewport={"width": 800, "height": 500})
    words = [sys.executable, "-m", "compoundeye.cli", "watch", "--config", str(address[1] / "many.toml")]
    terminal = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    page.goto("/live")
    expect(page.get_by_role("region", name="many", exact=True).get_by_text("running", exact=True)).to_be_visible()
    asked = list[str]()
    tiles = page.get_by_role("region", name="many", exact=True).locator(".wall-tile")
    expect(tiles).to_have_count(STREAMS)
    page.on("request", lambda one: asked.append(one.url) if "/view" in one.url else None)
    with page.expect_request(lambda one: "/view" in one.url):
        pass
    for _ in range(12):
        with page.expect_request(lambda one: "/view" in one.url):
            pass
    streams = {url.split("/streams/")[1].split("/")[0] for url in asked}
    assert 0 < len(streams) < STREAMS / 2
    assert all("width=" in url for url in asked)
    tiles.last.scroll_into_view_if_needed()
    with page.expect_request(lambda one: f"camera-{STREAMS - 1:02d}/view" in one.url):
        pass
    stop(page, "many", at_a_terminal=True)
    said = terminal.communicate()[1]
    assert terminal.returncode == 0, said
    assert "asked for it in the console" in said
