"""What pages are made of: nothing from elsewhere, nothing that the policy forbids, and colours that can be read."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

import compoundeye.console

DATA = Path(compoundeye.console.__file__).with_name("data")
TEMPLATES = sorted((DATA / "templates").glob("*.html"))
SCRIPTS = sorted((DATA / "static").glob("*.js"))
STYLES = sorted((DATA / "static").glob("*.css"))
GROUNDS = ("ground", "card", "raised", "sunken")
MAX_LINES = 600
TOKEN = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")


def tokens(dark: bool) -> dict[str, str]:
    return {name: night if dark else day for name, day, night in TOKEN.findall((DATA / "static/eye.css").read_text())}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2), 0 to 1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def code(path: Path) -> str:
    """A file without its comments."""
    text = re.sub(r"/\*.*?\*/|{#.*?#}", "", path.read_text(), flags=re.DOTALL)
    return re.sub(r"(?m)(^|\s)//.*$", "", text) if path.suffix == ".js" else text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(dark: bool) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    found = tokens(dark)
    pairs = [*product(("ink", "faint", "accent", "good", "doubt", "wrong"), GROUNDS), ("on-accent", "accent")]
    pairs += [("accent", "tint"), ("ink", "tint")]
    pairs += [pair for kind in ("good", "doubt", "wrong") for pair in ((kind, f"{kind}-tint"), ("ink", f"{kind}-tint"))]
    poor = {pair: round(contrast(found[pair[0]], found[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_can_be_used_and_lines_of_charts_stand_out(dark: bool) -> None:
    """WCAG 2.2, 1.4.11: 3 to 1."""
    found = tokens(dark)
    pairs = product(("edge", "accent", *(f"series-{number}" for number in range(1, 7))), ("ground", "card"))
    poor = {pair: round(contrast(found[pair[0]], found[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 3} == {}


def test_the_measure_of_contrast_is_the_standard_s() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_script_no_style_and_nothing_unescaped(path: Path) -> None:
    text = code(path)
    assert not re.search(r"<script(?![^>]*(\ssrc=|type=\"application/json\"))", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert not re.search(r"\|\s*safe\b|autoescape\s+false|Markup", text)
    assert not re.search(r"=\s*{{", text), "an attribute without quotes"


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS, *STYLES], ids=lambda path: path.name)
def test_nothing_comes_from_another_place(path: Path) -> None:
    text = re.sub(r"http://www\.w3\.org/(2000/svg|1999/xlink)", "", code(path))
    assert not re.search(r"""["'(=]\s*(https?:)?//[\w.]""", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_makes_no_markup_and_no_code_of_text(path: Path) -> None:
    text = code(path)
    assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser)\b", text)
    assert not re.search(r"\beval\(|new Function\(|setTimeout\(\s*[\"'`]", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_imports_what_is_there(path: Path) -> None:
    for name in re.findall(r"""(?:from|import)\s*\(?\s*["']([^"']+)["']""", code(path)):
        assert name.startswith("./")
        assert (DATA / "static" / name[2:]).is_file(), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS, *STYLES], ids=lambda path: path.name)
def test_a_file_of_a_page_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


def test_every_class_that_the_head_of_the_style_offers_is_there() -> None:
    head = re.match(r"/\*(.*?)\*/", (DATA / "static/eye.css").read_text(), re.DOTALL)
    assert head
    styles = "".join(code(path) for path in STYLES)
    offered = re.findall(r"(?<![\w.])\.([a-z][\w-]*)", head[1])
    assert len(offered) > 20
    assert [name for name in offered if not re.search(rf"\.{name}\b", styles)] == []
    for name in re.findall(r"--([a-z][\w-]*)", head[1]):
        assert f"--{name}:" in styles
