"""Somebody browses a corpus, narrows it, and sends a colleague what is to be seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from browser import PHONE
from playwright.sync_api import BrowserContext, Locator, Page, expect


def cells(page: Page) -> Locator:
    return page.get_by_role("gridcell")


def asked(page: Page) -> dict[str, list[str]]:
    """What the address says."""
    return parse_qs(urlsplit(page.url).query)


def test_a_corpus_is_browsed_and_narrowed(page: Page) -> None:
    page.goto("/")
    page.wait_for_url("**/c/album")
    expect(page.locator("#count")).to_have_text("25 pictures")
    expect(page.locator(".cell.there").first).to_be_visible()
    page.get_by_role("group", name="Categories").get_by_label("pizza").check()
    expect(page.locator("#count")).to_have_text("7 pictures")
    page.get_by_label("Confidence from, in percent").fill("50")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("3 pictures")
    page.get_by_label("Sort by").select_option("confidence")
    expect(cells(page).first).to_have_attribute("aria-label", re.compile("pizza, 54 %"))
    page.get_by_role("button", name="Descending").click()
    expect(cells(page).first).to_have_attribute("aria-label", re.compile("pizza, 50 %"))
    assert asked(page) == {"category": ["pizza"], "min_confidence": ["0.5"], "sort": ["confidence"]}
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator("#count")).to_have_text("25 pictures")
    page.go_back()
    expect(page.locator("#count")).to_have_text("3 pictures")


def test_a_view_is_shared_by_its_address(page: Page, open_context: Callable[..., BrowserContext]) -> None:
    page.goto("/c/album")
    page.get_by_role("checkbox", name="Abstained").check()
    page.get_by_label("Sort by").select_option("category")
    expect(page.locator("#count")).to_have_text("3 pictures")
    colleague = open_context(viewport=PHONE, color_scheme="dark").new_page()
    colleague.goto(page.url)
    expect(colleague.locator("#count")).to_have_text("3 pictures")
    expect(colleague.get_by_label("Sort by")).to_have_value("category")
    expect(colleague.get_by_role("button", name="abstained: take away")).to_be_visible()
    assert cells(colleague).all_inner_texts() == cells(page).all_inner_texts()


def test_a_histogram_leads_to_its_pictures(page: Page) -> None:
    page.goto("/c/album?column=category")
    bars = page.locator("#bars")
    expect(bars).to_contain_text("tabby")
    bars.get_by_role("button", name=re.compile("beagle")).or_(
        bars.get_by_role("link", name=re.compile("beagle"))
    ).first.click()
    expect(page.get_by_role("button", name="beagle: take away")).to_be_visible()


def test_the_keyboard_alone_goes_anywhere(page: Page) -> None:
    page.goto("/c/album")
    expect(page.locator("#count")).to_have_text("25 pictures")
    page.keyboard.press("/")
    page.keyboard.type("tabby")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("7 pictures")
    expect(cells(page).first).to_contain_text("category")
    cells(page).first.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    focused = page.evaluate("document.activeElement.querySelector('a').getAttribute('href')")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{focused}")
    expect(page.get_by_role("heading", level=1)).to_have_text("tabby")
    page.keyboard.press("Escape")
    page.wait_for_url("**/c/album?*text=tabby*")
    expect(page.locator("#count")).to_have_text("7 pictures")


def test_what_somebody_wrote_wrongly_is_told_and_can_be_taken_away(page: Page) -> None:
    page.goto("/c/album?where=no+such+column+%3D+1")
    expect(page.get_by_role("heading", name="This cannot be shown")).to_be_visible()
    page.get_by_role("button", name="Show all pictures").click()
    expect(page.locator("#count")).to_have_text("25 pictures")


def test_a_picture_is_opened_from_the_grid_and_the_list_comes_back(page: Page) -> None:
    page.goto("/c/album?category=tabby&sort=confidence")
    expect(page.locator("#count")).to_have_text("7 pictures")
    cells(page).nth(1).locator("a.open").click()
    page.wait_for_url("**/p/*")
    expect(page.get_by_text("2 of 7")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("3 of 7")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("2 of 7")).to_be_visible()
    page.get_by_role("link", name="All", exact=True).click()
    page.wait_for_url(re.compile("category=tabby.*sort=confidence"))
    expect(page.locator("#count")).to_have_text("7 pictures")
