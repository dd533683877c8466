"""Somebody has a picture and looks for what is like it: dropped, chosen, pasted, or one of the corpus itself."""

from __future__ import annotations

import base64
import re

from browser import Site
from playwright.sync_api import Page, expect

DROP = """
async ([bytes, way]) => {
  const file = new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], "sent.png", { type: "image/png" });
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(file);
  const bubbling = { bubbles: true, cancelable: true };
  const tell = (name) => document.body.dispatchEvent(new DragEvent(name, { ...bubbling, dataTransfer }));
  if (way === "paste") {
    document.body.dispatchEvent(new ClipboardEvent("paste", { ...bubbling, clipboardData: dataTransfer }));
    return;
  }
  tell("dragenter");
  window.sheetShown = !document.getElementById("drop").hidden;
  tell("dragover");
  tell("drop");
}
"""


def red_first(page: Page) -> None:
    """Six red pictures come before all others, and say how alike they are."""
    expect(page.locator("#count")).to_have_text("18 pictures, the best first")
    for place in range(6):
        expect(page.get_by_role("gridcell").nth(place)).to_have_attribute(
            "aria-label", re.compile(r"^red, .*[01]\.\d+ alike")
        )
    expect(page.get_by_role("gridcell").nth(6)).to_have_attribute("aria-label", re.compile("^(green|blue)"))


def bring(page: Page, site: Site, way: str) -> None:
    page.goto("/c/colours")
    expect(page.locator("#count")).to_have_text("18 pictures")
    page.evaluate(DROP, [base64.b64encode((site.folder / "sent.png").read_bytes()).decode(), way])


def test_a_picture_is_dropped(page: Page, site: Site) -> None:
    bring(page, site, "drop")
    red_first(page)
    assert page.evaluate("sheetShown")
    expect(page.locator("#drop")).to_be_hidden()
    chip = page.get_by_role("button", name="like the picture you sent: take away")
    assert chip.locator("img").evaluate("async (one) => { await one.decode(); return one.naturalWidth; }") == 240
    found = page.url
    page.goto("about:blank")
    page.goto(found)
    red_first(page)
    page.go_back()
    page.goto(found)
    chip.click()
    expect(page.locator("#count")).to_have_text("18 pictures")


def test_a_picture_is_pasted(page: Page, site: Site) -> None:
    bring(page, site, "paste")
    red_first(page)


def test_a_picture_is_chosen_by_keyboard_and_the_search_narrowed(page: Page, site: Site) -> None:
    page.on("filechooser", lambda _: None)  # Playwright begins to listen now, not while the key is on its way
    page.goto("/c/colours")
    page.get_by_role("button", name="Search by a picture").focus()
    with page.expect_file_chooser() as choosing:
        page.keyboard.press("Enter")
    choosing.value.set_files(site.folder / "sent.png")
    red_first(page)
    page.get_by_role("group", name="Categories").get_by_label("blue").press("Space")
    expect(page.locator("#count")).to_have_text("6 pictures, the best first")


def test_what_is_no_picture_is_told(page: Page, site: Site) -> None:
    (site.folder / "no picture.txt").write_text("only words")
    page.on("filechooser", lambda _: None)
    page.goto("/c/colours")
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Search by a picture").click()
    choosing.value.set_files(site.folder / "no picture.txt")
    expect(page.get_by_role("alert").filter(has_text="no picture that can be searched by")).to_be_visible()


def test_more_like_this_by_mouse_and_by_key(page: Page) -> None:
    page.goto("/c/album")
    tile = page.get_by_role("gridcell", name=re.compile("00.jpg"))
    tile.hover()
    tile.get_by_role("button", name="More like this").click()
    expect(page.locator("#count")).to_have_text("25 pictures, the best first")
    assert "like=" in page.url
    page.go_back()
    expect(page.locator("#count")).to_have_text("25 pictures")
    page.get_by_role("gridcell", name=re.compile("12.jpg")).press("m")
    expect(page.get_by_role("gridcell").first).to_have_attribute("aria-label", re.compile("12.jpg"))
    expect(page.get_by_role("gridcell").nth(1)).to_have_attribute("aria-label", re.compile("^beagle"))
