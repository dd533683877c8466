"""The gallery's own machinery in Chromium: few requests, any height, the keyboard's place, a selection, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

from browser import PHONE
from playwright.sync_api import BrowserContext, Page, expect


def ready(page: Page, count: int = 25) -> None:
    expect(page.locator("#count")).to_have_text(re.compile(f"^{count} pictures"))
    expect(page.locator(".cell.there").first).to_be_visible()


def test_thumbnails_come_together(page: Page) -> None:
    asked = list[str]()
    page.on("request", lambda one: asked.append(one.url) if "/thumbnail" in one.url else None)
    page.goto("/c/album")
    ready(page)
    page.wait_for_function(
        "() => document.querySelectorAll('.cell').length === document.querySelectorAll('.there').length"
    )
    assert len(asked) == 1
    assert "/thumbnails?rows=0,1,2," in asked[0]


def test_a_scroll_bar_stands_for_a_list_of_any_height(page: Page) -> None:
    """Two hundred million pixels on eight: both ends exact, every place found again, order kept."""
    page.goto("/c/album")
    found = page.evaluate(
        """async () => {
          const address = document.querySelector("script[src*='/eye.js']").src.replace("eye.js", "gallery-scale.js");
          const { LONGEST, Scale } = await import(address);
          const scale = new Scale(2e8, 800);
          const tops = [0, 500, 9e5, 1e6, 1e7, 5e7, 1.2345e8, 1.98e8, 1.999e8, 2e8 - 800];
          const small = new Scale(5000, 800);
          return { height: scale.height <= LONGEST, last: scale.place(2e8 - 800) === scale.height - 800,
            back: tops.map((top) => Math.abs(scale.top(scale.place(top)) - top)),
            rising: tops.every((top, at) => !at || scale.place(top) > scale.place(tops[at - 1])),
            exact: scale.place(500) === 500 && small.place(1234) === 1234 && small.height === 5000 };
        }"""
    )
    assert max(found.pop("back")) < 0.001  # pixels
    assert found == {"height": True, "last": True, "rising": True, "exact": True}


def test_a_row_out_of_sight_is_no_element_and_the_rows_are_counted(page: Page) -> None:
    page.set_viewport_size({"width": 700, "height": 500})
    page.goto("/c/album?size=large")
    ready(page)
    grid = page.get_by_role("grid")
    rows, columns = (int(grid.get_attribute(name) or 0) for name in ("aria-rowcount", "aria-colcount"))
    assert rows == -(-25 // columns)
    assert page.get_by_role("row").count() < rows
    page.get_by_role("gridcell").first.press("Control+End")
    expect(page.locator(f"[aria-rowindex='{rows}']")).to_be_in_viewport()
    expect(page.locator(":focus")).to_have_attribute("data-index", "24")
    assert page.locator(".cell[tabindex='0']").count() == 1
    page.keyboard.press("Control+Home")
    expect(page.locator(":focus")).to_have_attribute("data-index", "0")


def test_a_range_grows_and_shrinks_and_all_are_named_by_the_filter(page: Page) -> None:
    page.goto("/c/album")
    ready(page)
    bar = page.get_by_role("toolbar")
    page.get_by_role("gridcell").first.press("Space")
    for key, count in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2)):
        page.keyboard.press(f"Shift+{key}")
        expect(bar.get_by_role("status")).to_have_text(f"{count} selected")
    page.locator(".cell .open").nth(3).click(modifiers=["Shift"])
    expect(bar.get_by_role("status")).to_have_text("4 selected")
    page.locator(".cell .open").nth(3).click()  # while something is selected, the whole tile selects
    expect(bar.get_by_role("status")).to_have_text("3 selected")
    assert page.locator(".cell[aria-selected='true']").count() == 3
    bar.get_by_role("button", name="All 25").click()
    expect(bar.get_by_role("status")).to_have_text("25 selected")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()


def test_back_and_forward_bring_the_filter_and_the_place(page: Page) -> None:
    page.set_viewport_size({"width": 700, "height": 500})
    page.goto("/c/album?size=large&at=12")
    ready(page)
    expect(page.locator("[data-index='12']")).to_be_in_viewport()
    page.get_by_label("Size of pictures").select_option("small")
    page.wait_for_url("**/c/album?size=small*")
    page.go_back()
    expect(page.get_by_label("Size of pictures")).to_have_value("large")
    expect(page.locator("[data-index='12']")).to_be_in_viewport()
    page.go_forward()
    expect(page.get_by_label("Size of pictures")).to_have_value("small")


def test_an_answer_that_nobody_waits_for_any_more_is_called_off(page: Page) -> None:
    page.goto("/c/album")
    ready(page)
    held, failed = [], list[str]()
    page.on("requestfailed", lambda one: failed.append(one.url))
    page.route(re.compile("pictures.*category=pizza"), lambda route: held.append(route))
    page.get_by_role("group", name="Categories").get_by_label("pizza").check()
    page.get_by_role("button", name="pizza: take away").click()
    ready(page)
    expect(page.locator("#grid")).to_have_attribute("aria-busy", "false")
    assert held
    assert any("category=pizza" in one for one in failed)


def test_a_server_that_is_gone_is_told_and_asked_again(page: Page) -> None:
    page.route("**/pictures?*", lambda route: route.abort())
    page.goto("/c/album")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    page.unroute("**/pictures?*")
    page.get_by_role("button", name="Try again").click()
    ready(page)


def test_on_a_phone_filters_lie_over_the_pictures_and_fingers_select(
    open_context: Callable[..., BrowserContext],
) -> None:
    page = open_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()
    page.goto("/c/album")
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.get_by_role("button", name="Select", exact=True).first.tap()
    expect(page.get_by_role("toolbar")).to_contain_text("1 selected")
    page.get_by_role("button", name="Filters").tap()
    page.get_by_role("checkbox", name="Abstained").tap()
    expect(page.locator("#count")).to_have_text("3 pictures")
    page.get_by_role("button", name="Close the filters").tap()
    expect(page.get_by_role("button", name="Filters")).to_be_focused()
