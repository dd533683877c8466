"""Somebody says what pictures show, by keyboard alone, takes it back, and works a queue down."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx2 as httpx
import pytest
from browser import Site
from playwright.sync_api import BrowserContext, Page, expect


def label(site: Site, corpus: str, name: str) -> str | None:
    """What the corpus itself says by now."""
    answer = httpx.get(f"{site.address}/api/v1/corpora/{corpus}/pictures/{site.ids[name]}").json()
    found: str | None = answer["picture"]["label"]
    return found


def test_one_picture_by_keyboard_alone_and_undo(page: Page, site: Site) -> None:
    page.goto(f"/c/relabelled/p/{site.ids['07.jpg']}")
    expect(page.get_by_role("heading", level=1)).to_have_text("beagle")
    page.keyboard.press("l")
    expect(page.get_by_role("option", name=re.compile("^tabby"))).to_be_visible()
    page.keyboard.type("TAB")
    page.keyboard.press("ArrowDown")  # at once: before the server was asked, what does not fit is gone
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("tabby")
    assert label(site, "relabelled", "07.jpg") == "tabby"
    expect(page.locator("#account")).to_contain_text("Labelled “tabby”")
    page.keyboard.press("u")
    expect(page.get_by_role("heading", level=1)).to_have_text("beagle")
    assert label(site, "relabelled", "07.jpg") is None


def test_a_selection_by_keyboard_alone_and_undo(page: Page) -> None:
    page.goto("/c/selected?category=pizza")
    expect(page.locator("#count")).to_have_text("7 pictures")
    page.get_by_role("gridcell").first.press("x")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.keyboard.press("l")
    dialog = page.get_by_role("dialog", name="Label 3 pictures")
    expect(dialog).to_be_visible()
    page.keyboard.type("margherita")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="3 pictures: margherita")).to_be_visible()
    page.goto("/c/selected?category=margherita&corrected=true")
    expect(page.locator("#count")).to_have_text("3 pictures")
    page.get_by_role("gridcell").first.press("Control+a")
    page.keyboard.press("l")
    page.get_by_role("dialog").get_by_role("button", name="Remove labels").press("Enter")
    message = page.locator(".toast", has_text="3 pictures: label removed")
    message.get_by_role("button", name="Undo").press("Enter")
    page.wait_for_function(
        "async () => (await (await fetch('/api/v1/corpora/selected/pictures?category=margherita')).json()).total === 3"
    )


def test_two_people_at_once_lose_nothing(page: Page, site: Site, open_context: Callable[..., BrowserContext]) -> None:
    where = f"/c/relabelled/p/{site.ids['15.jpg']}"
    other = open_context().new_page()
    for one in (page, other):
        one.goto(where)
        expect(one.get_by_role("heading", level=1)).to_have_text("pizza")
    for one, said in ((other, "beagle"), (page, "poodle")):
        one.keyboard.press("l")
        one.keyboard.type(said)
        expect(one.get_by_role("option", name=re.compile(f"^{said}"))).to_be_visible()
        one.keyboard.press("Enter")
        expect(one.get_by_role("status").filter(has_text=said if one is other else "meanwhile")).to_be_visible()
    assert label(site, "relabelled", "15.jpg") == "beagle"
    page.get_by_role("button", name="Replace it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("poodle")


@pytest.mark.parametrize("queue", ["least-certain", "abstained", "disagree"])
def test_a_queue_is_worked_down_by_keyboard(page: Page, site: Site, queue: str) -> None:
    page.goto(f"/c/reviewed/review?queue={queue}")
    left = page.locator("#left")
    expect(left).to_have_text(re.compile("^[0-9]+ left, 0 done"))
    expect(page.locator("#suggestions button").first).to_be_visible()
    total = int(left.inner_text().split()[0])
    shown = page.locator("#image").get_attribute("alt")
    said = page.locator("#suggestions .clip").first.inner_text()
    assert shown
    page.keyboard.press("1")
    expect(left).to_have_text(f"{total - 1} left, 1 done")
    expect(page.locator("#last")).to_contain_text(said)
    assert label(site, "reviewed", shown) == said
    expect(page.locator("#image")).not_to_have_attribute("alt", shown)
    page.keyboard.press("u")
    expect(page.locator("#image")).to_have_attribute("alt", shown)
    expect(left).to_have_text(f"{total} left, 0 done")
    assert label(site, "reviewed", shown) is None
    page.keyboard.press("s")
    expect(page.locator("#image")).not_to_have_attribute("alt", shown)
