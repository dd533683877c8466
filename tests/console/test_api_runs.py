"""Runs over HTTP, and their pages: from the folders that trainings leave, some of them still being written."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from compoundeye.console._app import application
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus
from compoundeye.runs import VALIDATION, RunFolder, confusion_matrix

HERE = "http://127.0.0.1"
HOSTILE = "<img src=x onerror=alert(1)>"


def settings(corpus: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "any",
        "epochs": 2.0,
        "data": {"corpora": [{"path": corpus, "version": 3}], "where": None},
        "model": {"name": HOSTILE},
        **more,
    }


def train(parent: Path, name: str, corpus: str, state: str = "done", steps: int = 40, **more: Any) -> RunFolder:
    """A run as `eye train` leaves it: a loss every second step, of which one is no number, and two validations."""
    run = RunFolder.create(parent, name)
    run.write_settings(settings(corpus, **more))
    run.write_environment()
    for step in range(2, steps + 1, 2):
        run.log("train", step, 32 * step, loss=math.nan if step == 6 else 1 / step, learning_rate=0.1)
    for step in (20, steps):
        run.log("validation", step, 32 * step, loss=0.5, accuracy=step / 100)
    run.log("note", 4, 128, note=f"two pictures were left out {HOSTILE}")
    run.set_status(state, step=steps, steps=steps, processes=1, error=None)
    return run


def answers(store: Corpus) -> pa.Table:
    """Every picture of the album is its kind; three were answered otherwise, one of them with the highest loss."""
    table = store.dataset.to_table(columns=["id", "source"])
    rows = []
    for identity, source in zip(table["id"].to_pylist(), table["source"].to_pylist(), strict=True):
        stem = Path(source).stem
        number = 0 if stem == "again" else int(stem)
        target = ("tabby", "beagle", "pizza")[number // 8]
        said = {"03": "beagle", "04": "beagle", "20": "tabby"}.get(stem, target)
        rows.append(
            {
                "id": identity,
                "source": 0,
                "target": target,
                "predicted": said,
                "confidence": 0.9,
                "loss": 0.1 if said == target else 1.0 + number,
            }
        )
    return pa.Table.from_pylist(rows, schema=VALIDATION)


@pytest.fixture
def store(tmp_path: Path, album: Callable[[Path], Corpus], home: Path) -> Corpus:
    assert not home.exists()
    return album(tmp_path)


@pytest.fixture
def runs(tmp_path: Path, store: Corpus) -> Path:
    place = tmp_path / "runs"
    train(place, "first", store.path).write_validation(answers(store))
    train(place, "second", store.path, epochs=3.0, optimiser={"name": "muon"})
    return place


@pytest.fixture
def client(runs: Path, store: Corpus) -> Iterator[TestClient]:
    with TestClient(application(Served((store.path,), runs=str(runs))), base_url=HERE) as made:
        yield made


def get(client: TestClient, path: str, **params: Any) -> Any:
    response = client.get(f"/api/v1/{path}", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def test_runs_are_listed_with_how_far_they_came(client: TestClient, runs: Path) -> None:
    found = get(client, "runs")
    assert found["folder"] == str(runs)
    assert {row["name"]: (row["state"], row["step"], row["steps"], row["accuracy"]) for row in found["items"]} == {
        "first": ("done", 40, 40, 0.4),
        "second": ("done", 40, 40, 0.4),
    }
    assert found["items"][0]["loss"] == 1 / 40
    assert found["items"][0]["corpus"] == "album.lance v3"


def test_what_is_written_later_is_seen_at_once(client: TestClient, runs: Path, store: Corpus) -> None:
    going = train(runs, "third", store.path, state="running", steps=20)
    going.set_status("running", step=20, steps=100)
    row = next(row for row in get(client, "runs")["items"] if row["name"] == "third")
    assert (row["state"], row["step"], row["steps"]) == ("running", 20, 100)
    going.log("train", 60, 1_920, loss=0.25)
    row = get(client, "runs/third")
    assert (row["step"], row["loss"]) == (60, 0.25)
    going.set_status("done", step=100)
    assert get(client, "runs/third")["state"] == "done"


def test_the_time_left_follows_from_the_pace_of_late(client: TestClient, runs: Path, store: Corpus) -> None:
    going = RunFolder.create(runs, "third")
    going.write_settings(settings(store.path))
    going.set_status("running", steps=100)
    times = {10: 1_000, 20: 1_200, 30: 1_230}  # the first steps took longer than those that follow will
    with (going.path / "metrics.jsonl").open("w") as stream:
        for step, time in times.items():
            print(json.dumps({"split": "train", "step": step, "position": step, "time": time, "loss": 1}), file=stream)
    assert get(client, "runs/third")["left_s"] == pytest.approx(70 * 3)
    assert get(client, "runs/first")["left_s"] is None


def test_a_run_whose_process_is_gone_is_told_as_killed(client: TestClient, runs: Path, store: Corpus) -> None:
    going = train(runs, "third", store.path, state="running")
    assert get(client, "runs/third")["state"] == "running"
    kept = json.loads((going.path / "status.json").read_text())
    (going.path / "status.json").write_text(json.dumps(kept | {"pid_began": 1, "pid": os.getppid()}))
    assert get(client, "runs/third")["state"] == "killed"


def test_one_spoilt_run_does_not_hide_the_others(client: TestClient, runs: Path) -> None:
    (runs / "second" / "settings.json").write_text("{")
    assert {row["name"] for row in get(client, "runs")["items"]} == {"first", "second"}
    assert get(client, "runs/second")["settings"] == {}
    assert client.get("/runs/second").status_code == 200
    assert client.get("/api/v1/runs/compare", params={"run": ["first", "second"]}).status_code == 400


def test_curves_have_gaps_where_nothing_was_finite_and_no_more_points_than_asked(client: TestClient) -> None:
    found = get(client, "runs/first/curves")
    loss = next(one for one in found["series"] if (one["split"], one["name"]) == ("train", "loss"))
    assert (loss["points"], loss["x"][:3], loss["y"][:3]) == (20, [2, 4, 6], [0.5, 0.25, None])
    few = get(client, "runs/first/curves", most=5, metric="loss", axis="pictures")
    assert {one["name"] for one in few["series"]} == {"loss"}
    train_loss = few["series"][0]
    assert len(train_loss["x"]) == 5
    assert (train_loss["x"][-1], train_loss["high"][0]) == (40 * 32, 0.5)


def test_runs_beside_each_other_differ_in_what_was_set_otherwise(client: TestClient) -> None:
    found = get(client, "runs/compare", run=["first", "second"])
    assert [row["name"] for row in found["runs"]] == ["first", "second"]
    assert {one["key"]: one["values"] for one in found["differences"]} == {
        "epochs": [2.0, 3.0],
        "optimiser.name": [None, "muon"],
    }


def test_the_validation_is_explained_and_leads_to_the_pictures(client: TestClient) -> None:
    found = get(client, "runs/first/explanation", mistakes=2)
    assert (found["pictures"], found["right"]) == (25, 22)
    assert found["accuracy_interval"][0] < found["accuracy"] < found["accuracy_interval"][1]
    worst = found["classes"][0]
    assert (worst["name"], worst["taken_for"], worst["pictures"], worst["right"]) == ("tabby", "beagle", 9, 7)
    assert worst["recall_interval"][0] < worst["recall"] < worst["recall_interval"][1]
    assert found["confusions"][0] == {"target": "tabby", "predicted": "beagle", "pictures": 2}
    names, counts = found["matrix"]["names"], found["matrix"]["counts"]
    assert counts[names.index("tabby")][names.index("beagle")] == 2
    assert sum(map(sum, counts)) == 25
    first, second = found["mistakes"]
    assert (first["target"], first["predicted"], first["loss"]) == ("pizza", "tabby", 21.0)
    assert second["loss"] == 5.0
    assert client.get(first["thumbnail"]).headers["content-type"] == "image/jpeg"
    assert client.get(first["page"]).status_code == 200


def test_mistakes_of_one_kind_come_page_by_page(client: TestClient) -> None:
    found = get(client, "runs/first/mistakes", target="tabby", predicted="beagle", limit=1)
    assert (found["total"], [one["loss"] for one in found["items"]]) == (2, [5.0])
    more = get(client, "runs/first/mistakes", target="tabby", predicted="beagle", limit=1, offset=1)
    assert [one["loss"] for one in more["items"]] == [4.0]
    assert get(client, "runs/first/mistakes")["total"] == 3
    assert get(client, "runs/first/mistakes", target="tabby", predicted="pizza")["items"] == []


def test_pictures_of_a_corpus_that_is_not_served_have_no_address(runs: Path) -> None:
    with TestClient(application(Served(runs=str(runs))), base_url=HERE) as client:
        one = get(client, "runs/first/explanation")["mistakes"][0]
        assert (one["corpus"], one["thumbnail"], one["page"]) == (None, None, None)
        assert one["corpus_path"].endswith("album.lance")


def test_without_a_validation_nothing_is_explained(client: TestClient) -> None:
    response = client.get("/api/v1/runs/second/explanation")
    assert (response.status_code, "validated nothing yet" in response.json()["error"]) == (404, True)


@pytest.mark.parametrize(
    "name", ["none", "..", ".", "..%2Fruns%2Ffirst", "%2Fetc", "a" * 255, "%00", "..\\runs\\first"]
)
def test_nothing_but_runs_of_the_folder_is_opened(client: TestClient, name: str) -> None:
    for path in (f"/api/v1/runs/{name}/curves", f"/api/v1/runs/{name}/explanation"):
        assert client.get(path).status_code == 404


def test_without_a_folder_of_runs_there_are_none(tmp_path: Path) -> None:
    with TestClient(application(Served(runs=str(tmp_path / "none"))), base_url=HERE) as client:
        assert get(client, "runs")["items"] == []
        assert "eye train recipe.toml --runs" in client.get("/runs").text


def test_pages_hold_what_runs_say_as_text(client: TestClient) -> None:
    for path in ("/runs", "/runs/first", "/runs/compare?run=first&run=second"):
        page = client.get(path)
        assert page.status_code == 200
        assert "first" in page.text
        assert HOSTILE not in page.text
    assert "two pictures were left out" in client.get("/runs/first").text
    assert client.get("/runs/none").status_code == 404


def test_a_matrix_of_many_classes_is_of_those_that_are_confused(tmp_path: Path) -> None:
    run = train(tmp_path, "many", "x.lance")
    rows = [
        {
            "id": bytes(16),
            "source": 0,
            "target": f"{number:03}",
            "predicted": f"{number:03}",
            "confidence": 1.0,
            "loss": 0,
        }
        for number in range(50)
    ]
    rows += [{**rows[10], "predicted": "040"}] * 3 + [{**rows[20], "predicted": "030"}] * 2
    run.write_validation(pa.Table.from_pylist(rows, schema=VALIDATION))
    found = confusion_matrix(run.path, most=4)
    assert set(found.names) == {"010", "040", "020", "030"}
    assert found.classes == 50
    assert found.counts[found.names.index("010")][found.names.index("040")] == 3
    assert abs(found.names.index("010") - found.names.index("040")) == 1
