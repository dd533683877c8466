"""The API of pictures: lists that page and stay put, bytes that no browser runs, details, likeness, histograms."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from lance.fragment import write_fragments
from PIL import Image

from compoundeye.console import _found
from compoundeye.console._app import application
from compoundeye.console._filters import Filter
from compoundeye.console._found import Finder
from compoundeye.console._state import Console, Served
from compoundeye.corpus import Corpus, correct, ingest
from compoundeye.records import picture_id

API = "/api/v1/corpora/corpus"


def encoded(kind: str, seed: int, size: tuple[int, int] = (60, 40)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize(size).save(file, kind)
    return file.getvalue()


FILES = {
    "a.jpg": encoded("JPEG", 1),
    "b.png": encoded("PNG", 2, (30, 90)),
    "c.tif": encoded("TIFF", 3),
    "d.gif": encoded("GIF", 4),
    "<script>alert(1)<script>.webp": encoded("WEBP", 5),
    "f.bmp": encoded("BMP", 6),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Six pictures; five have embeddings, four were categorised, one was corrected."""
    place = tmp_path_factory.mktemp("api")
    (place / "pictures").mkdir()
    for name, data in FILES.items():
        (place / "pictures" / name).write_bytes(data)
    (place / "pictures" / "again.jpg").write_bytes(FILES["a.jpg"])
    ingest(place / "pictures", place / "corpus.lance")
    made = Corpus.open(place / "corpus.lance")
    made.ensure_columns(
        pa.schema(
            [
                pa.field("embedding", pa.list_(pa.float16(), 2)),
                pa.field("embedding_by", pa.string()),
                pa.field("category", pa.string()),
                pa.field("category_confidence", pa.float32()),
                pa.field("category_state", pa.string()),
                pa.field("category_by", pa.string()),
            ]
        )
    )
    rows = made.dataset.scanner(columns=[], with_row_id=True).to_table()["_rowid"]
    angles = np.linspace(0, 1.2, 6)
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float16)
    missing = pa.array([False] * 5 + [True])
    values = {
        "_rowid": rows,
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 2, mask=missing),
        "embedding_by": pa.array(["corners/1"] * 5 + [None]),
        "category": pa.array(["cat", "dog", "cat", None, None, None], pa.string()),
        "category_confidence": pa.array([0.9, 0.5, float("nan"), None, None, None], pa.float32()),
        "category_state": pa.array(["done", "done", "done", "abstained", None, None]),
        "category_by": pa.array(["a model"] * 4 + [None, None]),
    }
    assert made.commit_columns([made.stage_columns(0, pa.table(values))])
    made.refresh()
    first = made.dataset.to_table(columns=["id"])["id"][1].as_py()
    correct(made, [first], "wolf", by="a person")
    return made.refresh()


@pytest.fixture(scope="module")
def client(store: Corpus) -> Iterator[TestClient]:
    with TestClient(
        application(Served((store.path,))), base_url="http://127.0.0.1", raise_server_exceptions=True
    ) as made:
        yield made


def items(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    told = client.get(f"{API}/pictures", params=query)
    assert told.status_code == 200, told.text
    found: list[dict[str, Any]] = told.json()["items"]
    return found


def by_name(client: TestClient, name: str) -> dict[str, Any]:
    return next(one for one in items(client) if one["source"].endswith(name))


def test_the_list_tells_what_counts_and_who_said_so(client: TestClient) -> None:
    page = client.get(f"{API}/pictures").json()
    assert (page["total"], page["offset"], page["next"], len(page["items"])) == (6, 0, None, 6)
    assert page["version"] == page["newest"]
    corrected = next(one for one in page["items"] if one["label"])
    assert (corrected["category"], corrected["said"], corrected["label_by"]) == ("wolf", "dog", "a person")
    assert [one["state"] for one in page["items"]] == ["done"] * 3 + ["abstained", "new", "new"]
    assert page["items"][2]["confidence"] is None  # not a number is none in JSON
    assert corrected["thumbnail"].startswith(f"{API}/pictures/{corrected['id']}/thumbnail")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"category": "cat"}, [0, 2]),
        ({"category": ["CAT", "wolf"]}, [0, 1, 2]),
        ({"category": "dog"}, []),
        ({"state": ["abstained", "new"]}, [3, 4, 5]),
        ({"min_confidence": 0.5}, [0, 1]),
        ({"max_confidence": 0.6}, [1]),
        ({"corrected": True}, [1]),
        ({"corrected": False, "state": "done"}, [0, 2]),
        ({"where": "format = 'TIFF'"}, None),
        ({"min_size": 31}, None),
        ({"text": "SCRIPT alert"}, None),
        ({"sort": "confidence"}, [1, 0, 2, 3, 4, 5]),
        ({"sort": "confidence", "descending": True}, [0, 1, 2, 3, 4, 5]),
        ({"sort": "category"}, [0, 2, 1, 3, 4, 5]),
        ({"sort": "ingested", "descending": True}, [5, 4, 3, 2, 1, 0]),
        ({"where": "", "since": "", "text": "", "like": "", "category": "", "state": ""}, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_filters_and_orders_of_the_address(
    client: TestClient, store: Corpus, query: dict[str, Any], rows: list[int] | None
) -> None:
    if rows is None:
        sql = {"where": query.get("where"), "min_size": "width > 30 AND height > 30", "text": "source LIKE '%script%'"}
        wanted = store.dataset.to_table(columns=["id"], filter=sql[next(iter(query))])["id"].to_pylist()
        assert [one["id"] for one in items(client, **query)] == [one.hex() for one in wanted]
        assert len(wanted) in range(1, 6)
    else:
        assert [one["row"] for one in items(client, **query)] == rows


def test_what_words_found_is_said(client: TestClient) -> None:
    (one,) = items(client, text="script")
    assert one["why"] == "source holds 'script'"
    assert all(other["why"] is None for other in items(client))


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"where": "nothing > 1"}, 400, "has no column nothing"),
        ({"since": "soon"}, 400, "is no date"),
        ({"state": "asleep"}, 400, "no state asleep"),
        ({"sort": "nothing"}, 404, "no column nothing"),
        ({"sort": "image"}, 422, "has no order"),
        ({"limit": 501}, 422, "limit"),
        ({"offset": -1}, 422, "offset"),
        ({"min_confidence": "nan"}, 422, "min_confidence"),
        ({"after": "what?"}, 422, "after"),
        ({"after": "MTIz"}, 422, "after"),
        ({"name": "a b"}, 422, "name"),
        ({"like": "../../etc"}, 422, "like"),
        ({"like": "ab" * 16}, 400, "no picture"),
        ({"like": "upload:" + "ab" * 16}, 404, "send it again"),
        ({"like": "ab" * 16, "meaning": "a cat"}, 422, "one of the two"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    client: TestClient, query: dict[str, Any], status: int, said: str
) -> None:
    told = client.get(f"{API}/pictures", params=query)
    assert (told.status_code, said in told.json()["error"]) == (status, True), told.text


def test_a_corpus_that_is_not_served_is_404(client: TestClient) -> None:
    for path in ("", "/pictures", "/columns", "/histogram?column=width", "/thumbnails?rows=0"):
        assert client.get(f"/api/v1/corpora/other{path}").status_code == 404


def test_pages_follow_one_another_to_the_end(client: TestClient) -> None:
    query: dict[str, Any] = {"sort": "bytes", "limit": 4}
    whole = [one["id"] for one in items(client, sort="bytes")]
    first = client.get(f"{API}/pictures", params=query).json()
    second = client.get(f"{API}/pictures", params=query | {"after": first["next"]}).json()
    assert [one["id"] for one in first["items"] + second["items"]] == whole
    assert (second["offset"], second["next"]) == (4, None)
    assert items(client, **query, offset=100) == []


def test_a_thumbnail_is_asked_for_once(client: TestClient) -> None:
    one = by_name(client, "b.png")
    first = client.get(one["thumbnail"])
    assert (first.status_code, first.headers["content-type"]) == (200, "image/jpeg")
    assert "immutable" in first.headers["cache-control"]
    again = client.get(one["thumbnail"], headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    with Image.open(io.BytesIO(first.content)) as picture:
        assert picture.size == (30, 90)
    # The row only helps: a wrong one, or none, finds the same picture.
    for row in ("", "?row=0", "?row=5", "?row=4000000000"):
        assert client.get(f"{API}/pictures/{one['id']}/thumbnail{row}").content == first.content


def test_thumbnails_come_many_at_once(client: TestClient) -> None:
    wanted = [4, 0, 4, 2]
    told = client.get(f"{API}/thumbnails", params={"rows": ",".join(map(str, wanted))})
    data, found = told.content, []
    while data:
        length = int.from_bytes(data[16:20], "big")
        found.append((data[:16].hex(), data[20 : 20 + length]))
        data = data[20 + length :]
    listed = items(client)
    assert found == [(listed[row]["id"], client.get(listed[row]["thumbnail"]).content) for row in wanted]
    for rows in ("6", "x", "1,,2", "0," * 600 + "0", ""):
        assert client.get(f"{API}/thumbnails", params={"rows": rows}).status_code == 422


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.jpg", "jpeg"), ("b.png", "png"), ("d.gif", "gif"), (".webp", "webp"), ("f.bmp", "bmp"), ("c.tif", "jpeg")],
)
def test_a_picture_comes_as_a_browser_shows_it(client: TestClient, name: str, kind: str) -> None:
    one = by_name(client, name)
    told = client.get(f"{API}/pictures/{one['id']}/image")
    assert told.headers["content-type"] == f"image/{kind}"
    assert "sandbox" in told.headers["content-security-policy"]
    assert told.headers["x-content-type-options"] == "nosniff"
    with Image.open(io.BytesIO(told.content)) as picture:
        assert picture.size == (one["width"], one["height"])
    original = client.get(f"{API}/pictures/{one['id']}/image", params={"original": True})
    assert picture_id(original.content).hex() == one["id"]
    assert original.headers["content-disposition"].startswith(f'attachment; filename="{one["id"]}.')


def test_what_is_no_picture_is_never_shown(tmp_path: Path) -> None:
    """Rows that another program wrote may hold anything."""
    store = Corpus.create(tmp_path / "corpus.lance")
    page = b"<!doctype html><script>alert(1)</script>"
    usual: dict[str, Any] = {
        "id": picture_id(page),
        "image": page,
        "thumbnail": page,
        "source": "x.svg",
        "format": "JPEG",
    }
    usual |= {"width": 1, "height": 1, "mode": "RGB", "orientation": 1, "bytes": len(page), "phash": 0}
    arrays = [pa.array([usual.get(field.name)], field.type) for field in store.dataset.schema]
    parts = write_fragments(pa.Table.from_arrays(arrays, schema=store.dataset.schema), store.dataset)
    store.append([json.dumps(part.to_json()) for part in parts], store.inputs.schema.empty_table())
    client = TestClient(application(Served((store.path,))), base_url="http://127.0.0.1")
    for what in ("image", "thumbnail", "image?original=true"):
        told = client.get(f"{API}/pictures/{picture_id(page).hex()}/{what}")
        assert told.headers["content-type"] == "application/octet-stream"
        assert told.headers["content-disposition"].startswith("attachment")


def test_details_tell_all_columns_and_the_neighbours_in_order(client: TestClient) -> None:
    listed = items(client)
    told = client.get(f"{API}/pictures/{listed[1]['id']}").json()
    assert told["picture"]["id"] == listed[1]["id"]
    assert (told["previous"], told["following"]) == (listed[0]["id"], listed[2]["id"])
    assert told["said"] == [
        {
            "name": "category", "state": "done", "category": "dog", "confidence": 0.5, "best": None,
            "best_confidence": None, "reason": None, "by": "a model", "version": None,
        }
    ]  # fmt: skip
    assert told["values"]["width"] == listed[1]["width"]
    assert not {"image", "thumbnail", "embedding"} & set(told["values"])
    assert told["embedded_by"] == "corners/1"
    ends = [client.get(f"{API}/pictures/{listed[place]['id']}").json() for place in (0, 5)]
    assert (ends[0]["previous"], ends[1]["following"]) == (None, None)
    assert client.get(f"{API}/pictures/{'ab' * 16}").status_code == 404
    assert client.get(f"{API}/pictures/nothing").status_code == 422


def test_the_account_of_a_picture_has_every_place_it_was_read_from(client: TestClient) -> None:
    one = by_name(client, "a.jpg")
    told = client.get(f"{API}/pictures/{one['id']}/account").json()
    assert sorted(entry["outcome"] for entry in told["inputs"]) == ["duplicate", "stored"]
    assert {Path(entry["source"]).name for entry in told["inputs"]} == {"a.jpg", "again.jpg"}
    assert all(datetime.fromisoformat(entry["at"]).tzinfo for entry in told["inputs"])
    wolf = next(entry for entry in items(client) if entry["label"])
    told = client.get(f"{API}/pictures/{wolf['id']}/account").json()
    assert (told["label"], told["label_by"], told["label_at"] is not None) == ("wolf", "a person", True)


def test_likeness_is_best_first_and_says_why(client: TestClient) -> None:
    listed = items(client)
    told = client.get(f"{API}/pictures/{listed[0]['id']}/similar", params={"k": 3}).json()
    assert [one["row"] for one in told["items"]] == [1, 2, 3]
    assert told["items"][0]["why"].startswith("97% like")
    found = items(client, like=listed[2]["id"])
    rows = [one["row"] for one in found]
    assert (rows[0], set(rows[1:3]), set(rows[3:])) == (2, {1, 3}, {0, 4})
    assert found[0]["why"] == "the very picture"
    assert sorted(one["similarity"] for one in found)[::-1] == [one["similarity"] for one in found]


def test_likeness_within_a_filter_in_another_order_and_in_pages(client: TestClient) -> None:
    like = items(client)[2]["id"]
    (one,) = items(client, like=like, state="abstained", where="width > 0")
    assert one["row"] == 3
    assert one["why"].endswith("; width > 0; category is abstained")
    assert [one["row"] for one in items(client, like=like, sort="ingested")] == [0, 1, 2, 3, 4]
    assert [one["row"] for one in items(client, like=like, sort="ingested", descending=True)] == [4, 3, 2, 1, 0]
    page = client.get(f"{API}/pictures", params={"like": like, "limit": 2}).json()
    rest = client.get(f"{API}/pictures", params={"like": like, "after": page["next"]}).json()
    assert [one["id"] for one in page["items"] + rest["items"]] == [one["id"] for one in items(client, like=like)]
    assert items(client, like=like, duplicate=True) == []


def test_a_picture_without_an_embedding_is_like_nothing_and_says_so(client: TestClient) -> None:
    told = client.get(f"{API}/pictures/{items(client)[5]['id']}/similar")
    assert (told.status_code, "eye categorise" in told.json()["error"]) == (400, True)


def send(client: TestClient, data: bytes) -> Any:
    return client.post(f"{API}/search", files={"picture": ("x.jpg", data)}, headers={"x-compoundeye": "1"})


def test_a_picture_is_sent_to_search_by(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    data, asked = encoded("PNG", 77), list[Any]()
    told = send(client, data)
    assert told.status_code == 200, told.text
    search = _found.search

    def as_if_embedded(corpus: Corpus, like: Any, **more: Any) -> Any:
        asked.append(like)
        return search(corpus, np.array([1, 0], np.float32), **more)

    monkeypatch.setattr(_found, "search", as_if_embedded)
    assert [one["row"] for one in items(client, like=told.json()["like"])] == [0, 1, 2, 3, 4]
    assert asked == [data]


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415), (b"", 415), (b"\xff\xd8\xff", 415), (bytes(33 << 20), 413)],
    ids=["svg", "nothing", "broken", "large"],
)
def test_what_cannot_be_searched_by_is_refused(client: TestClient, data: bytes, status: int) -> None:
    told = send(client, data)
    assert (told.status_code, bool(told.json()["error"])) == (status, True)


def test_a_picture_too_large_to_decode_is_refused_unseen(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_found, "LARGEST", 100)
    assert send(client, encoded("PNG", 78)).status_code == 413


def test_corpora_tell_their_size_categories_and_states(client: TestClient, store: Corpus) -> None:
    (listed,) = client.get("/api/v1/corpora").json()
    assert (listed["name"], listed["rows"], listed["error"]) == ("corpus", 6, None)
    told = client.get(API).json()
    assert told["categories"] == [{"name": "cat", "count": 2}, {"name": "wolf", "count": 1}]
    assert {one["name"]: one["count"] for one in told["states"]} == {"done": 3, "abstained": 1, "failed": 0, "new": 2}
    assert (told["rows"], told["labelled"], told["embedded"], told["results"]) == (6, 1, True, ["category"])
    assert told["version"] == store.version
    narrowed = client.get(API, params={"min_confidence": 0.8}).json()
    assert narrowed["categories"] == [{"name": "cat", "count": 1}]
    assert (narrowed["rows"], narrowed["labelled"]) == (6, 0)


def test_columns_are_those_with_an_order(client: TestClient) -> None:
    told = {one["name"]: (one["kind"], one["derived"]) for one in client.get(f"{API}/columns").json()}
    assert told["width"] == ("number", False)
    assert told["taken_at"] == ("time", False)
    assert told["pixels"] == ("number", True)
    assert not {"image", "embedding", "id"} & set(told)
    for name in told:
        assert client.get(f"{API}/pictures", params={"sort": name}).status_code == 200
        assert client.get(f"{API}/histogram", params={"column": name}).status_code == 200


def test_a_histogram_counts_every_picture_that_fits_once(client: TestClient) -> None:
    for column in ("width", "category", "source", "pixels", "category_confidence", "taken_at"):
        for query in ({}, {"min_size": 35}):
            told = client.get(f"{API}/histogram", params={"column": column, "bins": 4, **query}).json()
            counted = sum(bar["count"] for bar in told["bars"])
            assert counted + told["missing"] + told["others"] == told["total"], (column, told)
            assert len(told["bars"]) <= 4


def test_while_somebody_scrolls_others_write(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name.replace("<", "").replace(">", "")).write_bytes(data)
    ingest(folder, tmp_path / "corpus.lance")
    client = TestClient(application(Served((str(tmp_path / "corpus.lance"),))), base_url="http://127.0.0.1")
    query: dict[str, Any] = {"sort": "bytes", "limit": 3}
    whole = [one["id"] for one in items(client, sort="bytes")]
    page = client.get(f"{API}/pictures", params=query).json()
    (folder / "new.png").write_bytes(encoded("PNG", 99, (1, 1)))
    ingest(folder, tmp_path / "corpus.lance")
    rest = client.get(f"{API}/pictures", params=query | {"after": page["next"]}).json()
    assert [one["id"] for one in page["items"] + rest["items"]] == whole
    assert rest["version"] == page["version"] < rest["newest"]
    assert client.get(f"{API}/pictures").json()["total"] == len(FILES) + 1


def test_the_index_is_made_beside_the_server_and_once(store: Corpus) -> None:
    finder = Finder(Console(Served((store.path,))))
    first = store.dataset.to_table(columns=["id"])["id"][0].as_py().hex()
    begun = list[Any]()
    for name in ((), ("cat",)):  # nobody waits: both are answered whether it is there or not
        assert len(finder.find("corpus", Filter(category=name), first, None, None).rows)
        begun.append(finder._indexing[store.path])
    assert begun[0] is begun[1]
    begun[0].join()
    assert begun[0].error is None
    finder.close()
