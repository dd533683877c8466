"""Somebody looks into a picture, says what it shows, and works through a queue of review, all of it by the keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from browser import PHONE, Site
from playwright.sync_api import BrowserContext, Page, expect


def scale(page: Page) -> float:
    """Screen pixels for one of the picture."""
    return float(page.locator("#image").evaluate("one => new DOMMatrix(getComputedStyle(one).transform).a"))


def place(page: Page) -> tuple[float, float]:
    """Where the picture lies in its place."""
    found = page.locator("#image").evaluate("one => (({ x, y }) => [x, y])(one.getBoundingClientRect())")
    return float(found[0]), float(found[1])


def labels(site: Site, corpus: str) -> dict[str, tuple[str, str]]:
    """What people said, by the name of the picture."""
    found = httpx.get(f"{site.address}/api/v1/corpora/{corpus}/pictures", params={"corrected": True}).json()["items"]
    return {one["source"].rpartition("/")[2]: (one["label"], one["label_by"]) for one in found}


HOLDS = """async ([corpus, expected]) => {
  for (let tries = 0; tries < 300; tries += 1) {
    const page = await (await fetch(`/api/v1/corpora/${corpus}/pictures?corrected=true`)).json();
    const found = page.items.map((one) => [one.source.split("/").at(-1), one.label]);
    if (JSON.stringify(found.sort()) === JSON.stringify(Object.entries(expected).sort())) return true;
    await new Promise((done) => setTimeout(done, 100));
  }
  return false;
}"""


def waited(page: Page, site: Site, corpus: str, expected: dict[str, str]) -> None:
    """Until the corpus holds these labels and no others: the page does not wait for the server."""
    page.evaluate(HOLDS, [corpus, expected])
    assert {name: label for name, (label, _) in labels(site, corpus).items()} == expected


def test_a_picture_is_looked_into(page: Page, site: Site) -> None:
    page.goto(f"/c/album/p/{site.ids['03.jpg']}")
    viewer = page.get_by_role("group", name=re.compile("The picture"))
    whole = scale(page)
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(1.96 * whole)
    before = place(page)
    page.keyboard.press("Shift+ArrowRight")
    assert place(page)[0] < before[0]
    page.keyboard.press("0")
    assert scale(page) == pytest.approx(whole)
    box = viewer.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    under = (x - place(page)[0]) / scale(page)
    page.mouse.wheel(0, -500)
    page.wait_for_function(
        "whole => document.querySelector('#zoom-share').textContent !== whole", arg=f"{100 * whole:.0f} %"
    )
    assert scale(page) > whole
    assert (x - place(page)[0]) / scale(page) == pytest.approx(under, abs=0.5)  # what was under the mouse still is
    before = place(page)
    page.mouse.down()
    page.mouse.move(x + 60, y + 5, steps=4)
    page.mouse.up()
    assert place(page)[0] == pytest.approx(before[0] + 60, abs=1)
    page.get_by_role("button", name="Whole").click()
    assert scale(page) == pytest.approx(whole)
    page.mouse.dblclick(x, y)
    assert scale(page) == pytest.approx(4 * whole)


def test_it_is_pinched_and_swiped_on_a_phone(open_context: Callable[..., BrowserContext], site: Site) -> None:
    context = open_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"/c/album/p/{site.ids['03.jpg']}?at=3")
    fingers = context.new_cdp_session(page)
    box = page.locator("#viewer").bounding_box()
    assert box is not None
    x, y, whole = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, scale(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        told: list[dict[str, Any]] = [{"x": one[0], "y": one[1], "id": number} for number, one in enumerate(points)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    touch("touchStart", (x - 40, y), (x + 40, y))
    for step in (60, 80, 100, 120):
        touch("touchMove", (x - step, y), (x + step, y))
    touch("touchEnd")
    assert scale(page) == pytest.approx(3 * whole, rel=0.1)
    page.keyboard.press("0")
    touch("touchStart", (x + 90, y))
    for step in (40, -10, -90):
        touch("touchMove", (x + step, y))
    touch("touchEnd")
    page.wait_for_url(f"**/p/{site.ids['04.jpg']}?at=4*")


def test_from_picture_to_picture_of_a_list_and_back_to_it(page: Page, site: Site) -> None:
    page.goto(f"/c/album/p/{site.ids['09.jpg']}?category=beagle&at=2")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/p/{site.ids['10.jpg']}?category=beagle&at=3*")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/p/{site.ids['09.jpg']}?category=beagle&at=2*")
    expect(page.locator("#alike-tiles a")).to_have_count(12)
    page.keyboard.press("Escape")
    page.wait_for_url("**/c/album?category=beagle&at=2")


def test_a_picture_is_labelled_by_keyboard_and_all_is_taken_back(page: Page, site: Site) -> None:
    page.goto(f"/c/pictured/p/{site.ids['07.jpg']}")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("beagle")
    page.keyboard.press("l")
    page.keyboard.type("tab")
    expect(page.get_by_role("listbox").get_by_role("option").first).to_contain_text("tabby")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(heading).to_have_text("tabby")
    expect(page.locator("#account")).to_contain_text("Labelled “tabby” by")
    page.keyboard.press("l")
    page.keyboard.type("Wolf")
    expect(page.get_by_role("listbox").get_by_role("option", name="a new label")).to_be_visible()
    page.keyboard.press("Enter")
    expect(heading).to_have_text("Wolf")
    page.keyboard.press("u")
    expect(heading).to_have_text("tabby")
    page.reload()  # what undo takes back is not in the page's memory
    page.keyboard.press("u")
    expect(heading).to_have_text("beagle")
    assert labels(site, "pictured") == {}


def test_who_comes_second_is_told_and_overwrites_nothing_unseen(page: Page, site: Site) -> None:
    one = site.ids["08.jpg"]
    page.goto(f"/c/pictured/p/{one}")
    address = f"{site.address}/api/v1/corpora/pictured/corrections"
    body = {"ids": [one], "label": "hound"}
    httpx.post(address, json=body, headers={"X-CompoundEye": "1"}).raise_for_status()  # somebody else
    page.keyboard.press("a")
    toast = page.locator(".toast", has_text="meanwhile. That stays.")
    expect(toast).to_contain_text("said “hound”")
    expect(page.get_by_role("heading", level=1)).to_have_text("hound")
    toast.get_by_role("button", name="Replace it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("beagle")
    page.keyboard.press("u")
    expect(page.get_by_role("heading", level=1)).to_have_text("hound")


def test_a_queue_is_worked_through_by_the_keyboard(page: Page, site: Site) -> None:
    page.goto("/c/queued/review?queue=abstained")
    why, left = page.locator("#why"), page.locator("#left")
    expect(left).to_have_text("3 left, 0 done")
    expect(page.locator("#suggestions li").first).to_contain_text("pizza")
    page.keyboard.press("Enter")  # 21 is a pizza
    expect(left).to_have_text("2 left, 1 done")
    page.keyboard.press("s")  # 13 is left alone
    expect(page.locator("#suggestions li").first).to_contain_text("tabby")
    page.keyboard.press("2")  # 05 is what was said last: pizza
    expect(page.get_by_role("heading", name="Nothing is left in this queue")).to_be_visible()
    waited(page, site, "queued", {"21.jpg": "pizza", "05.jpg": "pizza"})
    page.keyboard.press("u")
    expect(page.locator("#image")).to_have_attribute("alt", "05.jpg")
    waited(page, site, "queued", {"21.jpg": "pizza"})
    page.keyboard.press("l")
    page.keyboard.type("tabby")
    page.keyboard.press("Enter")
    waited(page, site, "queued", {"21.jpg": "pizza", "05.jpg": "tabby"})
    page.get_by_role("link", name="Disagree with neighbours").click()
    expect(why).to_have_text("The model said beagle, its neighbours are tabby.")
    page.keyboard.press("Enter")
    expect(why).to_have_text("The model said pizza, its neighbours are beagle.")
    # Said and shown, or a key would be of the picture before.
    waited(page, site, "queued", {"21.jpg": "pizza", "05.jpg": "tabby", "07.jpg": "tabby"})
    expect(page.locator("#suggestions li").first).to_contain_text("beagle")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("accept the first suggestion")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator("body").press("Enter")  # wherever the dialog left the focus
    expect(page.get_by_role("heading", name="Nothing is left in this queue")).to_be_visible()
    expected = {"21.jpg": "pizza", "05.jpg": "tabby", "07.jpg": "tabby", "15.jpg": "beagle"}
    waited(page, site, "queued", expected)
