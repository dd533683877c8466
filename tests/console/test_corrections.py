"""Corrections over HTTP: signed, all or none, kept from those who did not see them, and undone to what was there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from compoundeye.console import _undo_log
from compoundeye.console._app import application
from compoundeye.console._sessions import own_name
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus, StagedColumns, correct, read_corrections

API = "/api/v1/corpora/album"
HEADERS = {"X-CompoundEye": "1"}


@pytest.fixture
def client(store: Corpus) -> Iterator[TestClient]:
    with TestClient(application(Served((store.path,))), base_url="http://127.0.0.1", headers=HEADERS) as made:
        yield made


def ids(client: Any, *numbers: int) -> list[str]:
    found = client.get(f"{API}/pictures", params={"limit": 100}).json()["items"]
    named = {Path(one["source"]).stem: one["id"] for one in found}
    return [named[f"{number:02d}"] for number in numbers]


def post(client: Any, path: str = "corrections", **body: Any) -> dict[str, Any]:
    answer = client.post(f"{API}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def version(client: Any) -> int:
    return int(client.get(API).json()["version"])


def said(store: Corpus) -> dict[str, tuple[str, str]]:
    """Number of the picture: (label, who said it)."""
    if not store.refresh().has_column("label"):
        return {}
    rows = store.dataset.to_table(columns=["source", "label", "label_by"], filter="label IS NOT NULL")
    return {Path(row["source"]).stem: (row["label"], row["label_by"]) for row in rows.to_pylist()}


def whole(store: Corpus) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_corrections(store.refresh()).sort_by("id").to_pylist()
    return found


def test_a_correction_is_signed_and_can_be_seen_at_once(client: TestClient, store: Corpus) -> None:
    one, other = ids(client, 7, 15)
    done = post(client, ids=[one, other, one], label=" wolf ", version=version(client))
    assert (done["changed"], done["already"], done["kept"]) == (2, 0, 0)
    assert said(store) == {"07": ("wolf", own_name()), "15": ("wolf", own_name())}
    told = client.get(f"{API}/pictures/{one}").json()
    assert (told["picture"]["category"], told["version"]) == ("wolf", done["version"])
    assert post(client, ids=[one], label=None)["changed"] == 1
    assert set(said(store)) == {"15"}


def test_undo_gives_back_label_name_and_time(client: TestClient, store: Corpus) -> None:
    numbers = ids(client, 1, 2)
    correct(store, [numbers[0]], "cat", by="Ada")
    before = whole(store)
    done = post(client, ids=numbers, label="dog", version=version(client))
    assert done["changed"] == 2
    back = post(client, "corrections/undo", undo=done["undo"])
    assert (back["changed"], back["kept"]) == (2, 0)
    assert whole(store) == before
    again = post(client, "corrections/undo", undo=back["undo"])  # an undo is a correction too
    assert again["changed"] == 2
    assert said(store) == {"01": ("dog", own_name()), "02": ("dog", own_name())}


def test_undo_keeps_what_somebody_said_since_and_says_so(client: TestClient, store: Corpus) -> None:
    numbers = ids(client, 1, 2, 3)
    done = post(client, ids=numbers, label="dog")
    correct(store, [numbers[1]], "wolf", by="Ada")
    back = post(client, "corrections/undo", undo=done["undo"])
    assert (back["changed"], back["kept"]) == (2, 1)
    assert [(one["id"], one["label"], one["label_by"]) for one in back["kept_pictures"]] == [
        (numbers[1], "wolf", "Ada")
    ]
    assert said(store) == {"02": ("wolf", "Ada")}


def test_undo_keeps_the_same_word_by_the_same_person_if_it_was_said_again(client: TestClient, store: Corpus) -> None:
    (one,) = ids(client, 1)
    done = post(client, ids=[one], label="dog")
    correct(store, [one], "dog", by=own_name())
    assert post(client, "corrections/undo", undo=done["undo"])["kept"] == 1
    assert said(store) == {"01": ("dog", own_name())}


def test_undo_twice_is_refused_and_a_wrong_handle_too(client: TestClient) -> None:
    done = post(client, ids=ids(client, 1), label="dog")
    post(client, "corrections/undo", undo=done["undo"])
    twice = client.post(f"{API}/corrections/undo", json={"undo": done["undo"]})
    assert (twice.status_code, twice.json()["error"]) == (409, "that correction was undone already")
    assert client.post(f"{API}/corrections/undo", json={"undo": "0" * 32}).status_code == 404
    assert client.post(f"{API}/corrections/undo", json={"undo": "../" * 10 + "xx"}).status_code == 422


def test_what_another_said_since_one_looked_is_kept_and_told(client: TestClient, store: Corpus) -> None:
    seen, numbers = version(client), ids(client, 1, 2)
    correct(store, [numbers[0]], "wolf", by="Ada")
    done = post(client, ids=numbers, label="dog", version=seen)
    assert (done["changed"], done["kept"]) == (1, 1)
    assert done["kept_pictures"][0]["label_by"] == "Ada"
    assert said(store) == {"01": ("wolf", "Ada"), "02": ("dog", own_name())}
    assert post(client, ids=numbers, label="dog")["changed"] == 1  # without a version, the last word counts
    assert said(store)["01"] == ("dog", own_name())


def test_who_says_the_same_leaves_the_first_one_s_name(client: TestClient, store: Corpus) -> None:
    seen, (one,) = version(client), ids(client, 1)
    correct(store, [one], "wolf", by="Ada")
    done = post(client, ids=[one], label="wolf", version=seen)
    assert (done["changed"], done["already"], done["kept"], done["undo"]) == (0, 1, 0, None)
    assert said(store) == {"01": ("wolf", "Ada")}


def test_a_version_that_is_gone_is_no_leave_to_overwrite(client: TestClient, store: Corpus) -> None:
    numbers = ids(client, 1)
    refused = client.post(f"{API}/corrections", json={"ids": numbers, "label": "x", "version": 10_000})
    assert refused.status_code == 409
    assert "look again" in refused.json()["error"]
    assert said(store) == {}


def test_all_that_fit_a_filter_as_it_was_seen(client: TestClient, store: Corpus) -> None:
    seen = version(client)
    correct(store, ids(client, 10), "pizza", by="Ada")  # fits by now, but not what was looked at
    done = post(client, filter={"category": ["pizza"], "state": ["done"]}, label="margherita", version=seen)
    expected = {f"{number:02d}" for number in (15, 16, 17, 18, 19, 20, 23)}
    assert done["changed"] == len(expected)
    assert {name for name, (label, _) in said(store).items() if label == "margherita"} == expected
    assert said(store)["10"] == ("pizza", "Ada")
    everything = post(client, filter={}, label="food")
    assert everything["changed"] == 25


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"label": "x"}, 422),
        ({"ids": [], "filter": {}, "label": "x"}, 422),
        ({"ids": []}, 422),
        ({"ids": ["zz"], "label": "x"}, 422),
        ({"ids": ["0" * 32], "label": "x"}, 404),
        ({"ids": [], "label": "  "}, 422),
        ({"ids": [], "label": "a\x00b"}, 422),
        ({"ids": [], "label": "\ud800"}, 422),
        ({"ids": [], "label": "x" * 201}, 422),
        ({"ids": [], "label": "x", "by": "somebody else"}, 422),
        ({"filter": {"colour": "red"}, "label": "x"}, 422),
        ({"filter": {"name": "id) OR (1=1"}, "label": "x"}, 422),
        ({"filter": {"where": "nothing > 1"}, "label": "x"}, 400),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    client: TestClient, store: Corpus, body: dict[str, Any], status: int
) -> None:
    answer = client.post(f"{API}/corrections", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    assert said(store) == {}


def test_the_log_outlives_the_console(client: TestClient, store: Corpus) -> None:
    done = post(client, ids=ids(client, 1, 2), label="dog")
    with TestClient(application(Served((store.path,))), base_url="http://127.0.0.1", headers=HEADERS) as later:
        (entry,) = later.get(f"{API}/corrections").json()
        assert entry | {"at": None} == {
            "undo": done["undo"],
            "at": None,
            "by": own_name(),
            "label": "dog",
            "pictures": 2,
            "undoes": None,
            "undone": False,
        }
        back = post(later, "corrections/undo", undo=done["undo"])
        entries = later.get(f"{API}/corrections").json()
    assert [(one["undo"], one["undone"], one["undoes"]) for one in entries] == [
        (back["undo"], False, done["undo"]),
        (done["undo"], True, None),
    ]
    assert said(store) == {}


def test_nothing_is_corrected_that_could_not_be_undone(client: TestClient, store: Corpus, home: Path) -> None:
    home.mkdir()
    (home / "corrections").write_text("not a folder")
    refused = client.post(f"{API}/corrections", json={"ids": ids(client, 1), "label": "dog"})
    assert refused.status_code == 400
    assert "COMPOUNDEYE_HOME" in refused.json()["error"]
    assert said(store) == {}


def test_a_correction_that_failed_is_not_in_the_log(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = ids(client, 1)
    monkeypatch.setattr(Corpus, "commit_columns", lambda _self, _staged: False)
    assert client.post(f"{API}/corrections", json={"ids": numbers, "label": "dog"}).status_code == 400
    assert client.get(f"{API}/corrections").json() == []


def test_the_oldest_make_room(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_undo_log, "KEPT", 2)
    made = [post(client, ids=ids(client, 1), label=f"label {number}")["undo"] for number in range(3)]
    assert [one["undo"] for one in client.get(f"{API}/corrections").json()] == made[:0:-1]
    assert client.post(f"{API}/corrections/undo", json={"undo": made[0]}).status_code == 404


def test_it_is_decided_again_when_another_program_was_faster(
    client: TestClient, store: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ada's whole correction, by the command line, happens between staging and commit: what undo keeps is hers."""
    commit, (one,) = Corpus.commit_columns, ids(client, 1)

    def late(self: Corpus, staged: Sequence[StagedColumns]) -> bool:
        monkeypatch.setattr(Corpus, "commit_columns", commit)
        correct(store.path, [one], "wolf", by="Ada")
        return commit(self, staged)

    correct(store, [one], "cat", by="Ada")
    monkeypatch.setattr(Corpus, "commit_columns", late)
    done = post(client, ids=[one], label="dog")
    assert done["changed"] == 1
    post(client, "corrections/undo", undo=done["undo"])
    assert said(store) == {"01": ("wolf", "Ada")}


def test_labels_to_choose_from(client: TestClient, store: Corpus) -> None:
    correct(store, ids(client, 1, 2), "pizza bianca", by="Ada")
    known = client.get(f"{API}/labels").json()
    assert [(one["name"], one["people"], one["model"]) for one in known] == [
        ("pizza bianca", 2, 0),
        ("beagle", 0, 8),
        ("pizza", 0, 8),
        ("tabby", 0, 8),
    ]
    names = [one["name"] for one in client.get(f"{API}/labels", params={"text": "PIZZA"}).json()]
    assert names == ["pizza", "pizza bianca"]
    assert [one["name"] for one in client.get(f"{API}/labels", params={"text": "bia"}).json()] == ["pizza bianca"]
    assert client.get(f"{API}/labels", params={"text": "zebra"}).json() == []


def test_labels_in_use_come_before_those_that_the_model_only_knows(client: TestClient, store: Corpus) -> None:
    rows = store.dataset.scanner(columns=[], with_row_id=True).to_table()["_rowid"]
    by = pa.array(["efficientnet-lite0/1 sha256:0 bf16"] * len(rows))
    assert store.commit_columns([store.stage_columns(0, pa.table({"_rowid": rows, "category_by": by}))])
    correct(store, ids(client, 1), "my cat", by="Ada")

    def names(text: str) -> list[str]:
        return [one["name"] for one in client.get(f"{API}/labels", params={"text": text, "limit": 200}).json()]

    cats = names("cat")
    assert cats[:2] == ["cat", "my cat"]
    assert {"tiger cat", "domestic cat", "catamaran"} <= set(cats)
    assert cats.index("catamaran") < cats.index("tiger cat")
    assert len(names("tabby")) == len(set(map(str.lower, names("tabby"))))


@pytest.fixture
def server(store: Corpus, home: Path) -> Iterator[str]:
    """The console as a process, where people sign in; its address."""
    command = [sys.executable, "-m", "compoundeye.cli", "console", store.path, "--port", "0", "--no-open", "--json"]
    environment = os.environ | {"COMPOUNDEYE_TOKEN": "a token of sixteen", "COMPOUNDEYE_HOME": str(home)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            text += process.stdout.readline()
        try:
            yield json.loads(text)["address"]
        finally:
            process.terminate()
            process.communicate(timeout=60)


def person(server: str, name: str) -> httpx.Client:
    """A browser of somebody who has signed in."""
    session = {"name": name, "secret": "a token of sixteen"}
    signed = httpx.post(f"{server}/api/v1/session", json=session, headers=HEADERS).raise_for_status()
    return httpx.Client(base_url=server, headers=HEADERS, cookies=signed.cookies, timeout=120)


def test_two_people_at_once_lose_nothing(server: str, store: Corpus) -> None:
    """Each corrects all pictures one by one, from what both saw at first, in opposite order: the first word on each
    picture stays, and the other is told whose it is. Then both undo everything at once."""
    start, told = threading.Barrier(2), dict[str, list[tuple[str, dict[str, Any]]]]()
    with person(server, "Ada") as ada, person(server, "Bob") as bob:
        seen, numbers = version(ada), ids(ada, *range(24))

        def work(client: httpx.Client, name: str, order: list[str]) -> None:
            start.wait()
            told[name] = [(one, post(client, ids=[one], label=name.lower(), version=seen)) for one in order]
            start.wait()
            for _, done in told[name]:
                if done["undo"]:
                    told[f"{name} back"] = [
                        *told.get(f"{name} back", []),
                        ("", post(client, "corrections/undo", undo=done["undo"])),
                    ]

        def first(who: str) -> set[str]:
            return {one for one, done in told[who] if done["changed"]}

        people = [
            threading.Thread(target=work, args=(ada, "Ada", numbers)),
            threading.Thread(target=work, args=(bob, "Bob", numbers[::-1])),
        ]
        for thread in people:
            thread.start()
        for thread in people:
            thread.join()
    assert first("Ada") | first("Bob") == set(numbers)
    assert not first("Ada") & first("Bob")
    for mine, other in (("Ada", "Bob"), ("Bob", "Ada")):
        for one, done in told[mine]:
            assert done["changed"] + done["kept"] == 1
            if done["kept"]:
                (kept,) = done["kept_pictures"]
                assert (kept["id"], kept["label"], kept["label_by"]) == (one, other.lower(), other)
        assert all(done["changed"] == 1 for _, done in told.get(f"{mine} back", []))
    assert said(store) == {}
