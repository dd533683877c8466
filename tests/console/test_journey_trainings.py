"""Somebody looks at what trainings came to, at the worst mistakes, and at what a larger training would need."""

from __future__ import annotations

import re

import pytest
from browser import PHONE, Site
from playwright.sync_api import Page, expect


def test_two_runs_are_compared_by_the_keyboard(page: Page) -> None:
    page.goto("/runs")
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_disabled()
    for name in ("first", "second"):
        page.get_by_role("checkbox", name=f"Compare {name}").press("Space")
    page.keyboard.press("c")
    page.wait_for_url(re.compile(r"/runs/compare\?run=\w+&run=\w+$"))
    row = page.get_by_role("row", name=re.compile("^optimiser.rate"))
    assert sorted(row.get_by_role("cell").all_inner_texts()) == ["0.1", "0.3"]
    expect(page.get_by_role("region", name="loss").locator("path.line")).not_to_have_count(0)


def test_curves_are_read_without_seeing_them(page: Page) -> None:
    page.goto("/runs/second")
    chart = page.locator("#curves > section").filter(has=page.get_by_role("heading", name="loss"))
    chart.get_by_role("slider").press("Home")
    expect(chart.get_by_role("slider")).to_have_attribute(
        "aria-valuetext", re.compile(r"^step 10: training 1\.538, validation nothing$")
    )
    page.keyboard.press("End")
    expect(chart.get_by_role("slider")).to_have_attribute(
        "aria-valuetext", re.compile(r"^step 80: .*validation 0\.25$")
    )
    chart.get_by_text("As a table").click()
    rows = chart.get_by_role("row")
    expect(rows).to_have_count(9)
    expect(rows.last).to_contain_text("80")


def test_how_curves_are_drawn_stands_in_the_address(page: Page) -> None:
    page.goto("/runs/second")
    page.get_by_label("Logarithmic").check()
    page.get_by_role("radio", name="Pictures").check()
    expect(page).to_have_url(re.compile("axis=pictures.*log=true|log=true.*axis=pictures"))
    page.reload()
    expect(page.get_by_label("Logarithmic")).to_be_checked()
    expect(page.get_by_role("radio", name="Pictures")).to_be_checked()


def test_the_worst_mistake_leads_to_its_picture(page: Page, site: Site) -> None:
    page.goto("/runs/second")
    page.get_by_role("button", name="beagle taken for pizza: 1").click()
    tiles = page.locator("#mistakes a")
    expect(tiles).to_have_count(1)
    page.get_by_role("button", name="Show all").click()
    expect(tiles).to_have_count(2)
    tiles.first.click()
    page.wait_for_url(f"**/c/album/p/{site.mistakes[0]}")


@pytest.mark.parametrize("path", ["/runs", "/runs/second", "/runs/compare?run=first&run=second", "/plan", "/models"])
def test_nothing_is_wider_than_a_phone(page: Page, path: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_an_account_is_a_sum(page: Page) -> None:
    page.goto("/c/album/account")
    sums = page.locator("#sum")
    expect(sums).to_contain_text("25")
    assert re.findall(r"\d+", sums.inner_text()) == ["25", "25", "0", "0"]
    expect(page.get_by_role("region", name="Versions").get_by_role("row").nth(1)).to_be_visible()
    expect(page.locator("#failed")).to_be_hidden()


def test_a_plan_is_made_shared_and_stopped(page: Page) -> None:
    pytest.importorskip("torch")
    page.goto("/plan?model=vit-s")
    page.get_by_label("GPUs", exact=True).fill("1, 8")
    page.get_by_role("button", name="Plan", exact=True).click()
    expect(page.get_by_role("heading", name="vit-s on 8 h100 in one node")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("region", name="Numbers of GPUs, a table").get_by_role("row")).to_have_count(3)
    page.reload()  # the address says what was asked, and the answer is there
    expect(page.get_by_role("heading", name="vit-s on 8 h100 in one node")).to_be_visible()
    page.get_by_label("GPUs", exact=True).fill("8192")
    page.get_by_label("Network", exact=True).fill("vit-200b")
    page.get_by_role("button", name="Plan", exact=True).click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#working")).to_have_text("Stopped.")
    expect(page.get_by_role("button", name="Plan", exact=True)).to_be_enabled()
