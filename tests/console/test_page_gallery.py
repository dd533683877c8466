"""The gallery's page as the server gives it: what it tells its script, and what it never lets become markup."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from compoundeye.console._app import application
from compoundeye.console._filters import STATES
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus

STATIC = Path(__file__).parents[2] / "src/compoundeye/console/data/static"


def opened(*paths: Path) -> TestClient:
    return TestClient(application(Served(tuple(map(str, paths)))), base_url="http://127.0.0.1")


def told(text: str) -> dict[str, Any]:
    """What the page's script is given."""
    found = re.search(r'<script type="application/json" id="about">(.*?)</script>', text, re.DOTALL)
    assert found
    read: dict[str, Any] = json.loads(found[1])
    return read


@pytest.fixture
def client(album: Callable[[Path], Corpus], tmp_path: Path, home: Path) -> TestClient:  # noqa: ARG001
    album(tmp_path)
    Corpus.create(tmp_path / "empty.lance")
    Corpus.create(tmp_path / "<i>&'\".lance")
    return opened(tmp_path / "album.lance", tmp_path / "empty.lance", tmp_path / "<i>&'\".lance")


def test_the_script_learns_what_there_is_before_it_asks(client: TestClient) -> None:
    about = told(client.get("/c/album").text)
    assert (about["corpus"], about["rows"], about["embedded"]) == ("album", 25, True)
    assert about["results"] == ["category"]
    assert about["states"] == list(STATES)
    kinds = {one["name"]: (one["kind"], one["derived"]) for one in about["columns"]}
    assert kinds["category_confidence"] == ("number", False)
    assert kinds["duplicates"] == ("number", True)


def test_a_corpus_without_embeddings_offers_no_search_by_pictures(client: TestClient) -> None:
    empty, full = client.get("/c/empty").text, client.get("/c/album").text
    assert told(empty)["embedded"] is False
    for text, off in ((empty, True), (full, False)):
        assert bool(re.search(r'<button[^>]*id="choose"[^>]*\bdisabled>', text)) is off
        assert bool(re.search(r'<option value="meaning" disabled>', text)) is off


def test_the_navigation_and_the_start_lead_to_it(client: TestClient) -> None:
    assert client.get("/", follow_redirects=False).headers["location"] == "/c/album"
    assert '<a href="/c/empty" aria-current="page">' in client.get("/c/empty").text


def test_an_unknown_corpus_is_a_page_that_says_so(client: TestClient) -> None:
    page = client.get("/c/nothing")
    assert page.status_code == 404
    assert "no corpus nothing is served here" in page.text.lower()


def test_a_corpus_that_went_away_meanwhile_is_told(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "empty.lance").rename(tmp_path / "elsewhere.lance")
    page = client.get("/c/empty")
    assert page.status_code in (400, 404, 409)
    assert "no corpus at" in page.text.lower()


def test_neither_a_name_nor_an_address_becomes_markup(client: TestClient) -> None:
    page = client.get("/c/%3Ci%3E&'%22?text=</script><script>alert(1)</script>")
    assert page.status_code == 200
    assert "<i>" not in page.text
    assert "alert(1)" not in page.text  # the script reads the address, the server does not repeat it
    assert told(page.text)["corpus"] == "<i>&'\""


def test_every_script_of_the_page_is_fetched_at_once(client: TestClient) -> None:
    """Scripts find each other by import: what is not announced waits for the one that names it."""
    text = client.get("/c/album").text
    announced = set(re.findall(r"/static/[0-9a-f]+/([\w-]+\.js)", text))
    needed, seen = {"gallery.js"}, set[str]()
    while needed - seen:
        name = (needed - seen).pop()
        seen.add(name)
        needed |= set(re.findall(r'from "\./([\w-]+\.js)"', (STATIC / name).read_text()))
    assert seen - announced == set()
