"""Review: what is doubtful comes first, what somebody labelled is gone, and nobody is shown the same twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from lance.fragment import write_fragments

from compoundeye.categorise import Neighbours, centred, unit
from compoundeye.console import _disagree
from compoundeye.console._app import application
from compoundeye.console._disagree import disagreements
from compoundeye.console._review import Review
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus, correct
from compoundeye.records import EyeError

API = "/api/v1/corpora/album"


@pytest.fixture
def client(store: Corpus) -> Iterator[TestClient]:
    headers = {"X-CompoundEye": "1"}
    with TestClient(application(Served((store.path,))), base_url="http://127.0.0.1", headers=headers) as made:
        yield made


def asked(client: TestClient, queue: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"{API}/review/{queue}", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def compared(client: TestClient, **query: Any) -> dict[str, Any]:
    """The queue of disagreements when the work beside the server has ended."""
    first = asked(client, "disagree", **query)
    if first["computing"] is None:
        return first
    review = client.app.state.console.part(Review)  # type: ignore[attr-defined]
    review._working["album", "category"].join()
    return asked(client, "disagree", **query)


def names(page: dict[str, Any]) -> list[str]:
    return [Path(item["picture"]["source"]).stem for item in page["items"]]


def test_the_least_certain_come_first(client: TestClient) -> None:
    page = asked(client, "least-certain", limit=4)
    assert sorted(names(page)[:2]) == ["00", "again"]
    assert names(page)[2:] == ["01", "02"]
    assert page["total"] == 21
    assert page["items"][0]["why"] == "the model said tabby, 31% sure"
    assert page["items"][0]["suggestions"] == [{"label": "tabby", "why": "the model, 31%"}]


def test_the_abstained_with_the_best_guesses_come_first(client: TestClient) -> None:
    page = asked(client, "abstained")
    assert names(page) == ["21", "13", "05"]
    assert page["items"][0]["suggestions"] == [{"label": "pizza", "why": "the model, 52%"}]
    assert page["items"][0]["why"] == "not sure enough"


def test_those_unlike_their_neighbours(client: TestClient) -> None:
    first = asked(client, "disagree")
    assert (first["items"], first["compared"]) == ([], None)
    assert 0 <= first["computing"] <= 1
    page = compared(client)
    assert sorted(names(page)) == ["07", "15"]
    by_name = dict(zip(names(page), page["items"], strict=True))
    assert by_name["07"]["why"] == "the model said beagle, its neighbours are tabby"
    assert [one["label"] for one in by_name["07"]["suggestions"]] == ["tabby", "beagle"]
    assert [one["label"] for one in by_name["15"]["suggestions"]] == ["beagle", "pizza"]
    assert (page["computing"], page["compared"], page["stale"]) == (None, page["version"], False)


@pytest.mark.parametrize("queue", ["least-certain", "abstained", "disagree"])
def test_what_somebody_labelled_is_gone(client: TestClient, store: Corpus, queue: str) -> None:
    before = compared(client) if queue == "disagree" else asked(client, queue)
    correct(store, [before["items"][0]["picture"]["id"]], "tabby", by="Ada")
    after = asked(client, queue)
    assert after["total"] == before["total"] - 1
    assert names(after)[: len(names(before)) - 1] == names(before)[1:]
    assert after["stale"] is False


@pytest.mark.parametrize("queue", ["least-certain", "abstained", "disagree"])
def test_page_after_page_everything_comes_once_while_two_people_label(
    client: TestClient, store: Corpus, queue: str
) -> None:
    whole = names(compared(client)) if queue == "disagree" else names(asked(client, queue, limit=100))
    seen, after, taken = list[str](), None, set[str]()
    while True:
        page = asked(client, queue, limit=2, after=after)
        seen += names(page)
        for item in page["items"][:1]:
            correct(store, [item["picture"]["id"]], "tabby", by="Ada")
        left = [one for one in whole if one not in seen and one not in taken]
        if left:  # another person labels what has not been shown yet
            taken.add(left[-1])
            found = {Path(one["source"]).stem: one["id"] for one in client.get(f"{API}/pictures").json()["items"]}
            correct(store, [found[left[-1]]], "beagle", by="Bob")
        after = page["next"]
        if after is None:
            break
    assert seen == [one for one in whole if one in seen]
    assert set(seen) | taken >= set(whole)


def test_a_filter_narrows_every_queue(client: TestClient) -> None:
    compared(client)
    for queue, expected in (("least-certain", 7), ("disagree", 1), ("abstained", 0)):
        assert asked(client, queue, category="beagle")["total"] == expected


def test_new_categories_make_the_comparison_stale_until_it_is_made_again(client: TestClient, store: Corpus) -> None:
    compared(client)
    rows = store.dataset.scanner(columns=["source"], filter="source LIKE '%07.jpg'", with_row_id=True).to_table()
    values = pa.table({"_rowid": rows["_rowid"], "category": ["tabby"]})
    assert store.commit_columns([store.stage_columns(0, values)])
    page = asked(client, "disagree")
    assert (page["stale"], page["total"]) == (True, 2)
    assert client.post(f"{API}/review/disagree").json() == {"queue": "disagree"}
    client.app.state.console.part(Review)._working["album", "category"].join()  # type: ignore[attr-defined]
    page = asked(client, "disagree")
    assert (page["stale"], names(page)) == (False, ["15"])


def test_before_anything_was_categorised_it_says_what_to_do(client: TestClient, store: Corpus) -> None:
    for queue in ("least-certain", "abstained", "disagree"):
        refused = client.get(f"{API}/review/{queue}", params={"name": "subject"})
        assert refused.status_code == 400
        assert f"has no subject yet; run `eye categorise {store.path}` first" in refused.json()["error"]
    assert client.get(f"{API}/review/nothing").status_code == 422
    assert client.post(f"{API}/review/disagree", params={"name": "subject"}).status_code == 400
    page = client.get("/c/album/review?name=subject").text
    assert "There is nothing to review yet" in page
    assert "Least certain" in client.get("/c/album/review").text


def test_a_comparison_that_fails_says_why_and_is_tried_again(client: TestClient, store: Corpus) -> None:
    rows = store.dataset.scanner(columns=[], with_row_id=True).to_table()["_rowid"]
    values = pa.table({"_rowid": rows, "category": ["cat"] * 25})
    assert store.commit_columns([store.stage_columns(0, values)])
    review = client.app.state.console.part(Review)  # type: ignore[attr-defined]
    for _ in range(2):
        assert asked(client, "disagree")["computing"] is not None
        review._working["album", "category"].join()
        refused = client.get(f"{API}/review/disagree")
        assert refused.status_code == 400
        assert "fewer than two categories" in refused.json()["error"]


def made_up(path: Path, seed: int, count: int = 90, categories: int = 4, **columns: pa.Array) -> Corpus:
    """Pictures of three and more kinds, a tenth of them called what they are not."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, categories, count)
    vectors = (rng.normal(0, 0.45, (count, 8)) + 2 * np.eye(8)[kind]).astype(np.float16)
    said = np.where(rng.random(count) < 0.1, rng.integers(0, categories, count), kind)
    store = Corpus.create(path)
    schema = pa.schema(
        [
            *store.dataset.schema,
            pa.field("embedding", pa.list_(pa.float16(), 8)),
            *(pa.field(name, pa.string()) for name in ("category", "label")),
        ]
    )
    store.ensure_columns(schema)
    given: dict[str, Any] = {
        "id": [b"%016d" % number for number in range(count)],
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 8),
        "category": [f"kind {one}" for one in said],
    } | columns
    usual = {pa.string(): "", pa.large_binary(): b"", pa.binary(): b""}
    arrays = [
        given[field.name]
        if isinstance(given.get(field.name), pa.Array)
        else pa.array(given.get(field.name, [None if field.nullable else usual.get(field.type, 0)] * count), field.type)
        for field in store.dataset.schema
    ]
    parts = write_fragments(pa.Table.from_arrays(arrays, schema=store.dataset.schema), store.dataset)
    store.append([json.dumps(part.to_json()) for part in parts], store.inputs.schema.empty_table())
    return store.refresh()


@pytest.mark.parametrize("seed", range(3))
def test_it_compares_as_categorise_does_with_each_picture_left_out(tmp_path: Path, seed: int) -> None:
    store = made_up(tmp_path / "c", seed)
    table = store.dataset.to_table(columns=["id", "embedding", "category"])
    features = unit(np.stack(table["embedding"].to_pylist()).astype(np.float32))
    names_of, truth = np.unique(table["category"].to_pylist(), return_inverse=True)
    seen = centred(features, features.mean(axis=0))
    expected = {}
    for row in range(len(seen)):
        others = np.arange(len(seen)) != row
        rule = Neighbours(seen[others], truth[others].astype(np.int32), len(names_of), _disagree.K)
        near = rule.logits(seen[row : row + 1])[0].astype(np.float64)
        share = np.exp(near - near.max()) / np.exp(near - near.max()).sum()
        if share.argmax() != truth[row]:
            expected[row] = (str(names_of[share.argmax()]), share.max() - share[truth[row]])
    found = disagreements(store, "category")
    assert len(expected) > 3
    assert dict(zip(found.rows.tolist(), found.theirs, strict=True)) == {
        row: name for row, (name, _) in expected.items()
    }
    assert found.score.tolist() == pytest.approx([expected[row][1] for row in found.rows.tolist()], abs=1e-4)
    assert found.score.tolist() == sorted(found.score.tolist(), reverse=True)
    assert [one.tobytes() for one in found.ids] == [table["id"][row].as_py() for row in found.rows.tolist()]


def test_people_s_labels_are_examples_and_are_not_asked_about(tmp_path: Path) -> None:
    label = [None] * 90
    label[0] = label[1] = "kind 0"  # type: ignore[call-overload]
    store = made_up(tmp_path / "c", 5, label=pa.array(label, pa.string()))
    assert not {0, 1} & set(disagreements(store, "category").rows.tolist())


def test_examples_and_results_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = made_up(tmp_path / "c", 1, count=600)
    whole = disagreements(store, "category")
    monkeypatch.setattr(_disagree, "EXAMPLES", 80)
    monkeypatch.setattr(_disagree, "_BATCH", 32)
    told = list[tuple[int, int | None]]()
    few = disagreements(store, "category", lambda done, total: told.append((done, total)))
    assert told[-1] == (600, 600)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    shared = set(few.rows.tolist()) & set(whole.rows.tolist())
    assert len(shared) > 0.8 * len(whole.rows)
    monkeypatch.setattr(_disagree, "MOST", 3)
    assert disagreements(store, "category").rows.tolist() == few.rows[:3].tolist()


def test_pictures_without_an_embedding_have_no_neighbours(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(90, 8)).astype(np.float16)
    missing = pa.array([number < 30 for number in range(90)])
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), 8, mask=missing)
    store = made_up(tmp_path / "c", 2, embedding=embedding)
    found = disagreements(store, "category")
    assert len(found.rows)
    assert min(found.rows.tolist()) >= 30


def test_a_category_of_one_and_its_neighbours(tmp_path: Path) -> None:
    """Without itself nothing of its category is left: its neighbours are of another, and nothing is not a number."""
    said = ["kind 0"] * 89 + ["only one"]
    found = disagreements(made_up(tmp_path / "c", 3, category=pa.array(said)), "category")
    assert (found.rows[0], found.theirs[0], found.score[0]) == (89, "kind 0", 1)
    assert np.isfinite(found.score).all()


def test_a_broader_name_is_no_disagreement(tmp_path: Path) -> None:
    said = [["domestic cat", "tabby", "beagle"][number % 3] for number in range(90)]
    by = pa.array(["efficientnet-lite0/1 sha256:0 bf16"] * 90)
    store = made_up(tmp_path / "c", 4, category=pa.array(said))
    store.ensure_columns(pa.schema([pa.field("category_by", pa.string())]))
    rows = store.dataset.scanner(columns=[], with_row_id=True).to_table()["_rowid"]
    assert store.commit_columns([store.stage_columns(0, pa.table({"_rowid": rows, "category_by": by}))])
    store.refresh()
    words = {one: set[str]() for one in ("domestic cat", "tabby", "beagle")}
    found = disagreements(store, "category")
    for row, theirs in zip(found.rows.tolist(), found.theirs, strict=True):
        words[said[row]].add(theirs)
    assert words["domestic cat"] == {"beagle"}
    assert words["tabby"] == {"beagle"}
    assert words["beagle"] == {"domestic cat", "tabby"}


def test_nothing_to_compare_is_said(tmp_path: Path) -> None:
    with pytest.raises(EyeError, match="run `eye categorise` first"):
        disagreements(Corpus.create(tmp_path / "c"), "category")
    with pytest.raises(EyeError, match="fewer than two categories"):
        disagreements(made_up(tmp_path / "d", 0, category=pa.array(["one"] * 90)), "category")
