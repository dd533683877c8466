"""The page of one picture: all that is known of it, told as text, and the way on in the list that it came from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from compoundeye.console import _twins
from compoundeye.console._app import application
from compoundeye.console._made_by import MadeBy, made_by, trust
from compoundeye.console._snapshot import Snapshots
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus, correct

API = "/api/v1/corpora/album"
BY = "corners/1.2 sha256:0123456789abcdef fp32 recipe:fedcba9876543210"


@pytest.fixture
def client(store: Corpus) -> Iterator[TestClient]:
    with TestClient(application(Served((store.path,))), base_url="http://127.0.0.1") as made:
        yield made


def ids(client: TestClient, **query: Any) -> list[str]:
    return [one["id"] for one in client.get(f"{API}/pictures", params={"limit": 100} | query).json()["items"]]


def shown(client: TestClient, identity: str, query: str = "") -> str:
    page = client.get(f"/c/album/p/{identity}{query}")
    assert page.status_code == 200, page.text
    return page.text


def links(text: str) -> dict[str, str]:
    """Where the page leads, by the id of the link."""
    found = re.findall(r'<a class="button[^"]*" id="([\w-]+)" href="([^"]*)"', text)
    return {name: unescape(href) for name, href in found}


def words(text: str) -> str:
    """What a reader sees."""
    return " ".join(unescape(re.sub(r"<script.*?</script>|<[^>]*>", " ", text, flags=re.DOTALL)).split())


def test_it_tells_what_was_said_by_which_model_and_how_sure(client: TestClient) -> None:
    text = words(shown(client, ids(client)[7]))
    assert "What the model said beagle 38.0 % not known to be calibrated" in text
    assert "Model corners Version 1.2 Digest 0123456789abcdef Made by fp32 recipe:fedcba9876543210" in text
    assert "320 × 220 pixels" in text
    assert "07.jpg" in text


def test_an_abstention_tells_why_and_the_best_guess(client: TestClient) -> None:
    text = words(shown(client, ids(client)[5]))
    assert "Abstained 36.0 %" in text
    assert "Not sure enough: perhaps tabby" in text


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        ({"by": BY, "method": "none", "pictures": 0, "ece": None}, (False, "no labelled pictures have tested it")),
        ({"by": BY, "method": "temperature", "pictures": 240, "ece": 0.031}, (True, "on 240 labelled pictures")),
        ({"by": "another", "method": "temperature", "pictures": 240, "ece": 0.031}, (None, "not recorded")),
        (None, (None, "not recorded")),
    ],
)
def test_whether_a_confidence_was_calibrated(
    client: TestClient, store: Corpus, noted: dict[str, Any] | None, expected: tuple[bool | None, str]
) -> None:
    if noted is not None:
        store.set_config("calibration.category", noted)
    found = trust(Snapshots(store.path).newest(), "category", BY)
    assert found.calibrated is expected[0]
    assert expected[1] in found.how
    badge = {True: " calibrated ", False: " uncalibrated ", None: " not known to be calibrated "}[expected[0]]
    assert badge in words(shown(client, ids(client)[7]))


def test_who_made_it_is_taken_apart() -> None:
    assert made_by(BY) == MadeBy("corners", "1.2", "0123456789abcdef", "fp32 recipe:fedcba9876543210")
    assert made_by("a program of ours") == MadeBy("a program of ours")
    assert made_by(None) is None
    assert made_by("") is None


def test_it_leads_on_in_the_list_that_it_came_from(client: TestClient) -> None:
    listed = ids(client, category="beagle", sort="confidence", descending=True)
    text = shown(client, listed[2], "?category=beagle&sort=confidence&descending=true&at=2")
    version = client.get(API).json()["version"]
    same = "category=beagle&sort=confidence&descending=true"
    assert links(text) == {
        "to-list": f"/c/album?{same}&at=2",
        "before": f"/c/album/p/{listed[1]}?{same}&at=1&version={version}",
        "after": f"/c/album/p/{listed[3]}?{same}&at=3&version={version}",
    }
    assert f"3 of {len(listed)}" in words(text)


def test_through_a_whole_list_and_back(client: TestClient) -> None:
    listed, seen = ids(client, state="done", sort="category"), list[str]()
    address = f"/c/album/p/{listed[0]}?state=done&sort=category"
    while True:
        seen.append(address.partition("?")[0].rpartition("/")[2])
        found = links(client.get(address).text)
        if "after" not in found:
            break
        address = found["after"]
    assert seen == listed
    assert "before" in found


def test_the_list_stays_as_it_was_while_one_labels_through_it(client: TestClient, store: Corpus) -> None:
    """What is corrected falls out of the list of today; the list that one walks through is that of the beginning."""
    listed = ids(client, corrected=False)
    address = links(shown(client, listed[3], "?corrected=false&at=3"))["after"]
    correct(store, listed[3:5], "wolf", by="Ada")
    text = client.get(address).text
    assert links(text)["before"].startswith(f"/c/album/p/{listed[3]}?")
    assert links(text)["after"].startswith(f"/c/album/p/{listed[5]}?")


def test_a_picture_that_fell_out_of_its_list_leads_on_from_its_place(client: TestClient, store: Corpus) -> None:
    listed = ids(client, corrected=False)
    correct(store, [listed[3]], "wolf", by="Ada")
    text = shown(client, listed[3], "?corrected=false&at=3")
    assert "no longer in this list" in words(text)
    assert links(text)["before"].startswith(f"/c/album/p/{listed[2]}?")
    assert links(text)["after"].startswith(f"/c/album/p/{listed[4]}?")


def test_a_search_is_a_list_too(client: TestClient) -> None:
    like = ids(client)[1]
    listed = ids(client, like=like)
    found = client.get(f"{API}/pictures/{listed[1]}/around", params={"like": like}).json()
    assert (found["place"], found["before"]["id"], found["after"]["id"]) == (1, listed[0], listed[2])
    assert links(shown(client, listed[1], f"?like={like}&at=1"))["after"].startswith(f"/c/album/p/{listed[2]}?like=")


@pytest.mark.parametrize("query", ["?where=nothing+%3E+1", "?sort=nothing", "?category=unicorn", "?at=4000000000"])
def test_a_list_that_cannot_be_made_hides_no_picture(client: TestClient, query: str) -> None:
    one = ids(client)[7]
    assert "beagle" in words(shown(client, one, query))


def test_what_is_not_there_is_said(client: TestClient) -> None:
    assert client.get("/c/album/p/" + "0" * 32).status_code == 404
    assert client.get("/c/nothing/p/" + "0" * 32).status_code == 404
    assert client.get(f"{API}/pictures/{'0' * 32}/duplicates").status_code == 404


def test_nothing_that_came_with_a_picture_becomes_markup(client: TestClient, store: Corpus) -> None:
    rows = store.dataset.scanner(columns=[], with_row_id=True, limit=1).to_table()["_rowid"]
    given = {"metadata": '{"photographer": "Ada <b>Lovelace</b>"}', "caption": "</title><script>alert(1)</script>"}
    values = pa.table({"_rowid": rows, **{name: [text] for name, text in given.items()}})
    assert store.commit_columns([store.stage_columns(0, values)])
    text = shown(client, ids(client)[0])
    assert "<script>alert" not in text
    assert "</title><script>alert(1)</script>" in unescape(text)
    assert "<b>Lovelace" not in text
    assert '"photographer": "Ada <b>Lovelace</b>"' in unescape(text)


def test_near_duplicates_are_told_the_largest_first(client: TestClient) -> None:
    everything = ids(client)
    first, again = everything[0], everything[24]
    for one, other in ((first, again), (again, first)):
        found = client.get(f"{API}/pictures/{one}/duplicates").json()
        assert (found["total"], [item["id"] for item in found["items"]]) == (1, [other])
    assert client.get(f"{API}/pictures/{everything[3]}/duplicates").json()["total"] == 0
    assert _twins.AT_ONCE >= 25  # of more pictures it would be 409 until they are found


def test_the_account_tells_every_place_and_every_word(client: TestClient, store: Corpus) -> None:
    one = ids(client)[7]
    correct(store, [one], "tabby", by="Ada <i>")
    text = shown(client, one)
    told = client.get(f"{API}/pictures/{one}/account").json()
    assert [Path(item["source"]).name for item in told["inputs"]] == ["07.jpg"]
    assert (told["label"], told["label_by"]) == ("tabby", "Ada <i>")
    assert "Ada <i>" not in text
    assert "Ada \\u003ci\\u003e" in text  # for the script that writes it
