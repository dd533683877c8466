"""Text on pictures: it fits, and no letter becomes an empty box."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont

from compoundeye.corpus import _lettering
from compoundeye.corpus._lettering import fitting, lettered


@given(st.text(max_size=60), st.integers(20, 300))
def test_any_text_becomes_one_line_that_fits(text: str, width: int) -> None:
    line, font = lettered(text, 13, width)
    assert "\n" not in line
    assert font.getlength(line) <= width
    assert all(_lettering._has(font, mark) for mark in line)


def test_long_text_ends_in_an_ellipsis_and_short_text_stays() -> None:
    font = ImageFont.load_default(13)
    assert fitting("short", font, 200) == "short"
    cut = fitting("a name that goes on and on", font, 60)
    assert cut.endswith("…")
    assert "a name that goes on and on".startswith(cut[:-1])
    # One letter more would not have fitted.
    longer = "a name that goes on and on"[: len(cut)].rstrip()
    assert font.getlength(longer + "…") > 60


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\tand  spaces", "two lines and spaces"),
        ("bell\x07 and escape\x1b[31m", "bell and escape [31m"),
        ("turned \u202egnp.exe", "turned gnp.exe"),
    ],
)
def test_controls_are_not_drawn(text: str, shown: str) -> None:
    assert lettered(text, 13, 500)[0] == shown


def test_without_a_font_for_it_an_accent_is_lost_before_a_letter_is(monkeypatch: pytest.MonkeyPatch) -> None:
    latin = ImageFont.load_default(13)
    monkeypatch.setattr(_lettering, "_fonts", lambda _size: (latin,))
    monkeypatch.setattr(_lettering, "_has", lambda _font, mark: mark.isascii() or mark == "…")
    assert lettered("Žluťoučký kůň 猫", 13, 500)[0] == "Zlutoucky kun ?"


def test_a_font_that_has_all_letters_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    latin, other = ImageFont.load_default(13), ImageFont.load_default(14)
    monkeypatch.setattr(_lettering, "_fonts", lambda _size: (latin, other))
    monkeypatch.setattr(_lettering, "_has", lambda font, mark: mark.isascii() or font is other)
    assert lettered("猫", 13, 500) == ("猫", other)
    assert lettered("cat", 13, 500) == ("cat", latin)
