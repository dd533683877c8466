"""The pages of jobs in Chromium: started by keyboard, followed live or by asking, stopped, resumed, forgotten."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
import uvicorn
from browser import first_visit
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from compoundeye.console._access import Access
from compoundeye.console._app import application
from compoundeye.console._serve import listening
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus

LONG_MS = 120_000


def draw(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(count)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8))
        coarse.resize((48, 32)).save(folder / f"{number:05d}.jpg", comment=b"%d" % number)
    (folder / "<i>wreck.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("root")
    draw(made / "few", 5)
    draw(made / "many", 3_000)
    return made


@pytest.fixture
def address(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of one empty corpus, with a home of its own."""
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path / "home"))
    corpus = Corpus.create(tmp_path / "cats.lance").path
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        app = application(Served((corpus,), roots=(str(root),), access=Access("127.0.0.1", port)))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{port}"
        end_all(f"http://127.0.0.1:{port}")
        app.state.console.ending.set()
        server.should_exit = True
        thread.join()


def end_all(address: str) -> None:
    with httpx.Client(base_url=f"{address}/api/v1", headers={"X-CompoundEye": "1"}, timeout=60) as client:
        while running := [
            one for one in client.get("/jobs").json()["items"] if one["state"] in ("running", "stopping")
        ]:
            for job in running:
                client.post(f"/jobs/{job['id']}/stop", params={"kill": True})


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    with first_visit(chromium, address) as shown:
        yield shown


def ingest(page: Page, place: Path, workers: int | None = None) -> None:
    page.goto("/jobs?start=ingest")
    page.get_by_label("From", exact=True).fill(str(place))
    if workers:
        page.locator("#ingest summary").click()
        page.locator("#ingest").get_by_label("Processes").fill(str(workers))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/jobs/[0-9]"))


def test_by_keyboard_alone_pictures_are_added(page: Page, root: Path) -> None:
    page.goto("/jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Tab")
    page.keyboard.type("/etc")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="not below what this console may read")).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.type(str(root / "few"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/jobs/[0-9]"))
    expect(page.locator("#state")).to_have_text("done", timeout=LONG_MS)
    expect(page.locator("#account")).to_contain_text("Stored5Failed1")
    expect(page.locator("#failures")).to_contain_text("<i>wreck.jpg")
    expect(page.locator("#log")).to_contain_text("eye ingest --json")
    expect(page.locator("#messages")).to_contain_text("ingest: done")


def test_folders_of_the_server_are_chosen_by_clicking(page: Page, root: Path) -> None:
    page.goto("/jobs?start=ingest")
    page.locator("#ingest .places").get_by_role("button", name="few").click()
    expect(page.get_by_label("From", exact=True)).to_have_value(str(root / "few"))
    expect(page.locator("#ingest .places")).to_contain_text("6 files here")
    page.locator("#ingest .places").get_by_role("button", name="up").click()
    expect(page.locator("#ingest .places").get_by_role("button")).to_have_text(["↑ up", "few", "many"])


def test_a_job_is_followed_stopped_and_resumed(page: Page, root: Path) -> None:
    ingest(page, root / "many", workers=1)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state")).to_have_text("stopped", timeout=LONG_MS)
    page.goto("/jobs")
    row = page.locator(".job-row")
    expect(row).to_contain_text("stopped")
    row.get_by_role("button", name="Resume").click()
    expect(row.locator(".badge")).to_have_text("running")
    expect(row.get_by_role("progressbar")).to_be_visible()
    expect(row).to_contain_text(re.compile("[0-9,]+ (of 3,001 )?pictures"), timeout=LONG_MS)
    expect(row.locator(".badge")).to_have_text("done", timeout=LONG_MS)
    expect(row).to_contain_text(re.compile("stored, 1 failed|stored, [0-9,]+ known before"))
    row.get_by_role("button", name="Forget").click()
    page.get_by_role("button", name="Forget", exact=True).click()
    expect(page.get_by_text("No jobs yet")).to_be_visible()


def test_where_events_do_not_come_through_it_is_asked(page: Page, root: Path) -> None:
    page.route("**/jobs/events*", lambda route: route.abort())
    ingest(page, root / "few")
    expect(page.locator("#state")).to_have_text("done", timeout=LONG_MS)
    expect(page.locator("#account")).to_contain_text("Stored5")


def test_a_server_that_is_away_is_told_and_looked_for(page: Page) -> None:
    page.goto("/jobs")
    expect(page.locator("#lost")).to_be_hidden()
    page.route("**/api/v1/**", lambda route: route.abort())
    page.reload()
    expect(page.locator("#lost")).to_be_visible(timeout=LONG_MS)
    page.unroute("**/api/v1/**")
    expect(page.locator("#lost")).to_be_hidden(timeout=LONG_MS)


def test_only_what_fits_the_way_is_asked_for(page: Page) -> None:
    page.goto("/jobs?start=categorise")
    form = page.locator("#categorise")
    expect(form.get_by_label("Model", exact=True)).to_have_value("efficientnet-lite0")
    expect(form.get_by_label("Folder of examples")).to_be_hidden()
    form.get_by_label("Examples", exact=True).check(force=True)
    expect(form.get_by_label("Folder of examples")).to_be_visible()
    form.get_by_label("Words", exact=True).check(force=True)
    expect(form.get_by_label("Folder of examples")).to_be_hidden()
    expect(form.get_by_label("Model", exact=True)).not_to_have_value("efficientnet-lite0")
    form.get_by_label("Categories, one a line").fill("only one")
    form.get_by_role("button", name="Start").click()
    expect(form.get_by_role("alert")).to_have_text("Categories: give at least two different ones.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_nothing_sticks_out(chromium: Browser, address: str, theme: str) -> None:
    context = chromium.new_context(
        base_url=address, viewport={"width": 390, "height": 800}, color_scheme="dark" if theme == "dark" else "light"
    )
    page = context.new_page()
    for where in ("/jobs", "/jobs?start=ingest", "/jobs?start=categorise"):
        page.goto(where)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    context.close()
