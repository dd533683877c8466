"""axe's rules of accessibility, run in a page: WCAG 2.2 A and AA, and good practice."""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })"


def broken(page: Page) -> list[str]:
    """Rules that a page breaks, each with the first places."""
    page.evaluate(AXE)
    told = []
    for one in page.evaluate(RUN, RULES)["violations"]:
        places = [" ".join([node["html"][:160], *(why["message"] for why in node["any"][:1])]) for node in one["nodes"]]
        told.append("\n  ".join([f"{one['id']} ({one['impact']}), {one['help']}", *places[:3]]))
    return told
