"""Accounts over HTTP and as a page: sums that are checked, failures page by page, versions."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from compoundeye.console._app import application
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus, account, ingest

EMPTY, SHORT = 7, 3
BASE = "/api/v1/corpora/box"


def picture(seed: int) -> bytes:
    """A JPEG that no other seed gives."""
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((320, 220), Image.Resampling.BICUBIC).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Five pictures, one of them twice, seven empty files and three that are cut short."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(picture(number))
    (folder / "copy.jpg").write_bytes(picture(0))
    for number in range(EMPTY):
        (folder / f"empty-{number}.jpg").touch()
    for number in range(SHORT):
        (folder / f"short-{number}-<b>.jpg").write_bytes(picture(90 + number)[: 400 + number])
    ingest(folder, tmp_path / "box.lance")
    return Corpus.open(tmp_path / "box.lance")


@pytest.fixture
def client(corpus: Corpus) -> Iterator[TestClient]:
    with TestClient(application(Served((corpus.path,))), base_url="http://127.0.0.1") as made:
        yield made


def get(client: TestClient, path: str, **params: Any) -> Any:
    response = client.get(f"{BASE}{path}", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def test_seen_is_stored_and_duplicate_and_failed(client: TestClient, corpus: Corpus) -> None:
    found = get(client, "/account")
    assert (found["seen"], found["stored"], found["duplicate"], found["failed"]) == (16, 5, 1, EMPTY + SHORT)
    assert found["pictures"] == 5
    assert sum(one["inputs"] for one in found["reasons"]) == found["failed"]
    assert found["reasons"][0]["inputs"] == EMPTY
    assert {one["reason"]: one["inputs"] for one in found["reasons"]} == dict(account(corpus).reasons)


def test_failures_of_each_reason_are_those_that_the_account_counts(client: TestClient) -> None:
    for one in get(client, "/account")["reasons"]:
        page = get(client, "/failures", reason=one["reason"])
        assert page["total"] == len(page["items"]) == one["inputs"]
        assert all(item["reason"].startswith(one["reason"]) for item in page["items"])


def test_failures_come_page_by_page_and_none_twice(client: TestClient) -> None:
    pages = [get(client, "/failures", offset=offset, limit=4) for offset in (0, 4, 8, 12)]
    assert [len(page["items"]) for page in pages] == [4, 4, 2, 0]
    assert {page["total"] for page in pages} == {10}
    assert len({item["source"] for page in pages for item in page["items"]}) == 10


def test_a_reason_is_text_and_never_a_condition(client: TestClient) -> None:
    for reason in ("' OR true --", "it's", "%", "_", "\\"):
        assert get(client, "/failures", reason=reason)["total"] == 0


def test_the_account_is_that_of_now(client: TestClient, corpus: Corpus, tmp_path: Path) -> None:
    assert get(client, "/account")["stored"] == 5
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "new.jpg").write_bytes(picture(50))
    (tmp_path / "more" / "copy.jpg").write_bytes(picture(1))
    ingest(tmp_path / "more", corpus.path)
    found = get(client, "/account")
    assert (found["seen"], found["stored"], found["duplicate"]) == (18, 6, 2)


def test_versions_say_what_was_done(client: TestClient, corpus: Corpus) -> None:
    found = get(client, "/versions")
    assert found["total"] == corpus.version
    assert [row["version"] for row in found["items"]] == list(range(corpus.version, 0, -1))
    assert found["items"][0]["rows"] == 5
    assert found["items"][-1]["said"] == "begun"
    assert "pictures added" in {row["said"] for row in found["items"]}
    assert get(client, "/versions", offset=1, limit=1)["items"] == [found["items"][1]]


def test_all_of_it_can_be_asked_for_at_once(client: TestClient) -> None:
    paths = [f"{BASE}/account", f"{BASE}/versions", f"{BASE}/failures", f"{BASE}/pictures"] * 10
    with ThreadPoolExecutor(16) as pool:
        assert {response.status_code for response in pool.map(client.get, paths)} == {200}


def test_the_page_waits_for_no_sums(client: TestClient) -> None:
    page = client.get("/c/box/account")
    assert page.status_code == 200
    assert "Account of box" in page.text
    assert client.get("/c/none/account").status_code == 404
