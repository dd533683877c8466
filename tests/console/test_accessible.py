"""Every page by axe's rules of accessibility (WCAG 2.2 A and AA, and good practice): light, dark, and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe import broken
from browser import PHONE, WIDE, Site
from playwright.sync_api import BrowserContext, Page, expect

from compoundeye.console._pages import PAGES

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": WIDE, "color_scheme": "light"},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "dark", "has_touch": True, "is_mobile": True},
}
LEADING = {
    "gallery": [
        "/c/album",
        "/c/album?category=tabby&category=pizza&min_confidence=0.3",
        "/c/grows",
        "/c/album?text=nowhere",
    ],
    "picture": ["/c/album/p/{07.jpg}", "/c/album/p/{22.jpg}?at=3"],
    "review": ["/c/album/review", "/c/album/review?queue=disagree", "/c/grows/review"],
    "jobs": ["/jobs", "/jobs?start=ingest", "/jobs?start=categorise"],
    "runs": ["/runs", "/runs/second", "/runs/first", "/runs/compare?run=first&run=second"],
    "people": ["/faces", "/faces?named=true", "/faces?text=nowhere", "/faces/people/1", "/faces/people/3"],
    "audit": ["/faces/audit", "/faces/audit?person=1", "/faces/audit?person=99"],
    "start": ["/nothing"],
}
"""Pages that have more than one face, by the name in `PAGES`; of others the path there is all."""


def paths(site: Site) -> list[str]:
    """An address for each face of each page."""
    found = []
    for name in dict.fromkeys([*LEADING, *(page.name for page in PAGES)]):
        known = next((page.path for page in PAGES if page.name == name), "").replace("{corpus}", "album")
        found += [one for one in LEADING.get(name, [known]) if not one.startswith("/c/{")]
    return [_with_ids(one, site) for one in found]


def _with_ids(path: str, site: Site) -> str:
    before, _, rest = path.partition("{")
    name, _, after = rest.partition("}")
    return f"{before}{site.ids[name]}{after}" if rest else path


def settled(page: Page) -> None:
    """Until what a page asks for is there: nothing busy, and all pictures in sight there."""
    page.wait_for_function(
        """() => document.readyState === "complete" && !document.querySelector("[aria-busy=true]")
          && [...document.images].every((one) => one.complete || one.loading === "lazy")"""
    )


@pytest.mark.parametrize("look", LOOKS)
def test_no_rule_is_broken_and_nothing_sticks_out(
    site: Site, open_context: Callable[..., BrowserContext], look: str
) -> None:
    page = open_context(**LOOKS[look]).new_page()
    found = []
    for path in paths(site):
        page.goto(path)
        settled(page)
        found += [f"{path}: {one}" for one in broken(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{path}: is wider than the window")
    assert not found, "\n".join(found)


def test_a_dialog_is_checked_as_it_is_open(page: Page) -> None:
    page.goto("/c/album")
    expect(page.locator(".cell.there").first).to_be_visible()
    page.get_by_role("gridcell").first.press("x")
    page.keyboard.press("l")
    expect(page.get_by_role("dialog", name="Label 1 picture")).to_be_visible()
    assert broken(page) == []
