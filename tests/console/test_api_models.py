"""The catalogue over HTTP and as a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from compoundeye.console._app import application
from compoundeye.console._state import Served
from compoundeye.models import card, catalogue


@pytest.fixture
def client() -> TestClient:
    return TestClient(application(Served()), base_url="http://127.0.0.1")


def test_every_model_is_there_with_its_digest_and_protocol(client: TestClient) -> None:
    found = {one["name"]: one for one in client.get("/api/v1/models").json()}
    assert set(found) == set(catalogue())
    one, known = found["efficientnet-lite0"], card("efficientnet-lite0")
    assert (one["sha256"], one["licence"], one["metric"]) == (known.sha256, known.licence, known.metric)
    assert one["protocol"] == known.protocol != ""
    assert one["bytes"] == sum(file["bytes"] for file in one["files"])
    assert one["files"][0]["sha256"] == known.sha256
    assert client.get("/api/v1/models/efficientnet-lite0").json() == one


def test_what_is_not_here_is_said_to_be_fetched(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPOUNDEYE_HOME", str(tmp_path))
    assert not any(one["present"] for one in client.get("/api/v1/models").json())
    page = client.get("/models").text
    assert "MB to fetch" in page
    assert '<span class="badge good">here</span>' not in page


def test_a_model_of_another_name_is_not_found(client: TestClient) -> None:
    assert client.get("/api/v1/models/none").status_code == 404


def test_the_page_shows_each_with_its_figure(client: TestClient) -> None:
    page = client.get("/models").text
    for one in catalogue().values():
        assert f"<h2>{one.name}</h2>" in page
        assert one.sha256 in page


def test_detectors_are_shown_with_what_bf16_changes_and_start_no_categorising(client: TestClient) -> None:
    found = client.get("/api/v1/models/yolov4-tiny").json()
    (loss,) = found["losses"]
    assert (found["task"], loss["precision"]) == ("detect", "bf16")
    page = client.get("/models").text
    assert f"In bf16: of {loss['boxes']} boxes in {loss['frames']} frames {loss['missed']} missing" in page
    assert "start=categorise&amp;model=efficientnet-lite0" in page.replace("&model", "&amp;model")
    assert "model=yolov4-tiny" not in page
    assert "yolov4-tiny" not in client.get("/jobs").text


def test_models_of_faces_are_shown_with_what_bf16_changes(client: TestClient) -> None:
    (loss,) = client.get("/api/v1/models/sface").json()["losses"]
    page = " ".join(client.get("/models").text.split())
    assert f"embeddings of {loss['faces']} faces have a cosine of {loss['least_cosine']} or more" in page
    assert client.get("/api/v1/models/yunet").json()["losses"][0]["boxes"] > 0
