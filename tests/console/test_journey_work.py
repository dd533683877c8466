"""Somebody starts an ingest from the page and sees it end; somebody looks at what a training got wrong."""

from __future__ import annotations

import re

from axe import broken
from browser import Site
from playwright.sync_api import Page, expect


def test_pictures_are_added_and_looked_at(page: Page, site: Site) -> None:
    page.goto("/c/grows")
    expect(page.get_by_role("heading", name="No pictures yet")).to_be_visible()
    page.locator("main").get_by_role("link", name="Jobs").click()
    dialog = page.get_by_role("dialog", name="Add pictures")
    dialog.get_by_label("To the corpus").select_option("grows")
    dialog.get_by_label("From").fill(str(site.folder / "new" / "few"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/jobs/[0-9]"))
    expect(page.locator("#state")).to_have_text("done")
    expect(page.locator("#account")).to_contain_text("Stored9Failed1")
    expect(page.locator("#failures")).to_contain_text("<i>wreck.jpg")
    assert broken(page) == []
    page.goto("/c/grows")
    expect(page.locator("#count")).to_have_text("9 pictures")
    expect(page.locator(".cell.there")).to_have_count(9)


def test_a_mistake_of_a_run_leads_to_its_picture(page: Page, site: Site) -> None:
    page.goto("/runs")
    page.get_by_role("link", name="second").click()
    page.wait_for_url("**/runs/second")
    expect(page.locator("#right")).to_contain_text("of 24 pictures right")
    tiles = page.locator("#mistakes a.tile")
    expect(tiles).to_have_count(2)
    page.locator("#matrix").get_by_role("button", name="1").last.click()
    expect(tiles).to_have_count(1)
    expect(page.locator("#only")).to_contain_text("taken for")
    page.get_by_role("button", name="Show all").click()
    expect(tiles).to_have_count(2)  # those shown before are replaced, one of which would say the same
    expect(tiles.first).to_contain_text("tabby, not beagle")
    tiles.first.press("Enter")
    page.wait_for_url(f"**/c/album/p/{site.mistakes[0]}*")
    expect(page.get_by_role("heading", level=1)).to_have_text("tabby")


def test_runs_are_compared_by_keyboard(page: Page) -> None:
    page.goto("/runs")
    for name in ("first", "second"):
        page.get_by_role("checkbox", name=re.compile(name)).press("Space")
    main = page.locator("main")  # the navigation has a page Compare too
    main.get_by_role("button", name="Compare").or_(main.get_by_role("link", name="Compare")).first.press("Enter")
    page.wait_for_url("**/runs/compare?*")
    expect(page.locator("main")).to_contain_text("optimiser.rate")
