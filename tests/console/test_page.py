"""A page says what is known about each picture and trusts none of it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.console._page import render
from compoundeye.console._view import Alike, Tile, View
from compoundeye.records import Account

TABBY = Tile(
    id="ab" * 16,
    source="/pictures/cat.jpg",
    thumbnail=b"\xff\xd8thumbnail",
    format="JPEG",
    width=640,
    height=480,
    bytes=51_200,
    state="done",
    category="tabby",
    confidence=0.87,
)
DOUBTFUL = replace(TABBY, state="abstained", category=None, confidence=None, best="lynx", best_confidence=0.31)
BROKEN = replace(TABBY, state="failed", category=None, confidence=None, reason="no finite embedding")
UNTRIED = replace(TABBY, state=None, category=None, confidence=None)
ACCOUNT = Account(seen=6, done=4, duplicate=1, failed=1)


class Page(HTMLParser):
    """The page as a browser's parser sees it: elements with their attributes, and the text outside style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._code: str | None = None
        self.code: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._code = tag if tag in self.code else self._code

    def handle_endtag(self, tag: str) -> None:
        self._code = None if tag in self.code else self._code

    def handle_data(self, data: str) -> None:
        if self._code:
            self.code[self._code].append(data)
        else:
            self.text += data + " "

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(*tiles: Tile, **more: object) -> Page:
    view = View(title="corpus.lance", version=3, total=len(tiles), tiles=tiles, account=ACCOUNT)
    return Page("".join(render(replace(view, **more))))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tile", "said"),
    [
        (TABBY, ["tabby", "87% sure"]),
        (DOUBTFUL, ["abstained", "perhaps lynx (31%)"]),
        (BROKEN, ["failed", "no finite embedding"]),
        (UNTRIED, ["not categorised"]),
        (replace(TABBY, label="my cat Tom"), ["my cat Tom", "said a person", "tabby (87%)"]),
        (replace(TABBY, category="cat", best="tabby", best_confidence=0.4), ["cat", "87% sure", "tabby (40%)"]),
    ],
    ids=["labelled", "abstained", "failed", "untried", "corrected", "higher up the tree"],
)
def test_a_tile_says_what_it_is_and_how_sure(tile: Tile, said: list[str]) -> None:
    shown = page(tile)
    assert [text for text in said if text not in shown.text] == []
    assert len(shown.named("article")) == 1


def test_filters_offer_what_is_there_with_counts() -> None:
    shown = page(TABBY, replace(TABBY, category="moped"), DOUBTFUL, TABBY)
    assert [option["value"] for option in shown.named("option")] == ["", "moped", "tabby"]
    assert "tabby (2)" in shown.text
    radios = [field["value"] for field in shown.named("input") if field["type"] == "radio"]
    assert radios == ["", "done", "abstained"]
    assert [tile["data-category"] for tile in shown.named("article")] == ["tabby", "moped", "", "tabby"]


def test_sections_are_there_only_when_they_have_something_to_say() -> None:
    bare = page(TABBY)
    assert not bare.named("h2")
    full = page(
        TABBY,
        groups=[(TABBY, DOUBTFUL)],
        alike=Alike("query.jpg", [(TABBY, 0.912)]),
        failures=[("/pictures/wreck.jpg", "truncated JPEG")],
    )
    assert {heading["id"] for heading in full.named("h2")} == {"duplicates", "alike", "failed"}
    assert {link["href"] for link in full.named("a")} == {"#pictures", "#duplicates", "#alike", "#failed"}
    assert "similarity 0.912" in full.text
    assert "truncated JPEG" in full.text


def test_only_part_of_a_corpus_is_said_to_be_part() -> None:
    assert "1 of 5,000 pictures" in page(TABBY, total=5000).text


def test_the_thumbnail_is_in_the_page() -> None:
    (picture,) = page(TABBY).named("img")
    assert picture["src"] == "data:image/jpeg;base64," + base64.b64encode(TABBY.thumbnail).decode()


HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)></title></style><!--"


def hostile_page(text: str) -> Page:
    tile = replace(TABBY, source=text, camera=text, caption=text, category=text, best=text, reason=text, label=text)
    tiles = [replace(tile, state=state) for state in ("done", "abstained", "failed", None, text)]
    return page(*tiles, title=text, groups=[tiles], alike=Alike(text, [(tiles[0], 1.0)]), failures=[(text, text)])


def shape(shown: Page) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(sorted(attributes))) for tag, attributes in shown.elements]


@given(st.text(alphabet=st.characters(codec=None), min_size=1, max_size=40) | st.just(HOSTILE))
def test_no_text_from_outside_becomes_markup(text: str) -> None:
    tame = hostile_page("harmless")
    hostile = hostile_page(text)
    assert shape(hostile) == shape(tame)
    assert hostile.code == tame.code


def test_a_name_that_no_encoding_can_write_is_still_shown() -> None:
    view = View("corpus", 1, 1, [replace(TABBY, source="/pictures/caf\udce9.jpg")], ACCOUNT)
    assert b"/pictures/caf?.jpg" in "".join(render(view)).encode()


def test_the_policy_allows_exactly_the_scripts_and_styles_that_are_in_the_page() -> None:
    shown = page(TABBY)
    policy = next(
        meta["content"] for meta in shown.named("meta") if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert "default-src 'none'" in policy
    for kind in ("script", "style"):
        code = "".join(shown.code[kind])
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.search(r"https?:", "".join(shown.code["script"]))
    assert not [attributes for _, attributes in shown.elements if any(name.startswith("on") for name in attributes)]
    assert not [attributes for _, attributes in shown.elements if "style" in attributes]
