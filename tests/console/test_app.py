"""The frame of the console: what every page has, wherever it leads, and what an error looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from compoundeye.console._access import Access, digest
from compoundeye.console._app import APIS, application
from compoundeye.console._pages import PAGES, Page, links
from compoundeye.console._state import Console, Served, named
from compoundeye.corpus import Corpus, CorpusError

HERE = "http://127.0.0.1"


@pytest.fixture
def empty() -> TestClient:
    return TestClient(application(Served()), base_url=HERE)


def test_without_a_corpus_it_says_how_to_begin(empty: TestClient) -> None:
    page = empty.get("/")
    assert page.status_code == 200
    assert "eye ingest ~/Pictures corpus.lance" in page.text
    assert "/c/" not in page.text


def test_a_corpus_that_is_not_there_is_told_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no corpus at"):
        application(Served((str(tmp_path / "none.lance"),)))


def test_an_error_is_a_page_for_people_and_json_for_programs(empty: TestClient) -> None:
    page = empty.get("/nothing")
    assert (page.status_code, "There is nothing at this address." in page.text) == (404, True)
    assert '<a class="brand" href="/">' in page.text
    told = empty.get("/api/v1/nothing")
    assert (told.status_code, told.json()) == (404, {"error": "there is nothing at this address"})


def test_the_description_says_what_the_door_asks_for(empty: TestClient) -> None:
    described = empty.get("/api/v1/openapi.json").json()
    session = described["paths"]["/api/v1/session"]
    assert session["post"]["security"] == [{"header": []}]
    assert "security" not in session["get"]
    assert session["get"]["summary"] == "Who has signed in."
    assert session["post"]["responses"]["429"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Error"
    }
    closed = application(Served(access=Access("0.0.0.0", token=digest("x")))).openapi()
    for path, operations in closed["paths"].items():
        for operation in operations.values():
            asked = operation.get("security", [{}])[0]
            assert ("token" in asked) == (path != "/api/v1/session"), path


def test_operations_have_names_that_differ(empty: TestClient) -> None:
    paths = empty.get("/api/v1/openapi.json").json()["paths"]
    names = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert "session-sign_in" in names
    assert len(set(names)) == len(names)


def test_the_api_has_a_page_with_every_operation(empty: TestClient) -> None:
    page = empty.get("/api").text
    for path, operations in empty.get("/api/v1/openapi.json").json()["paths"].items():
        assert f"<code>{path}</code>" in page
        assert all(method.upper() in page for method in operations)


def test_corpora_get_names_that_differ() -> None:
    assert named(["a/cats.lance", "b/cats.lance/", "s3://bucket/dogs"]) == {
        "cats": "a/cats.lance",
        "cats-2": "b/cats.lance/",
        "dogs": "s3://bucket/dogs",
    }


def test_the_navigation_leaves_out_what_needs_a_corpus_where_there_is_none() -> None:
    table = [Page("gallery", "Gallery", "/c/{corpus}"), Page("runs", "Runs", "/runs"), Page("x", "X", "/x", False)]
    assert [one.href for one in links(table, "my cats/1")] == ["/c/my%20cats%2F1", "/runs"]
    assert [one.href for one in links(table, None)] == ["/runs"]


def test_a_part_is_made_once_and_closed_at_the_end() -> None:
    class Part:
        closed = False

        def __init__(self, console: Console) -> None:
            self.console = console

        def close(self) -> None:
            self.closed = True

    console = Console(Served())
    part = console.part(Part)
    assert part.console is console
    assert console.part(Part) is part
    console.close()
    assert part.closed


def test_every_listed_module_is_there_with_its_template() -> None:
    folder = Path(__file__).parents[2] / "src" / "compoundeye" / "console"
    assert {path.stem.removeprefix("_api_") for path in folder.glob("_api_*.py")} == set(APIS)
    assert {path.stem.removeprefix("_page_") for path in folder.glob("_page_*.py")} == {page.name for page in PAGES}
    for page in PAGES:
        assert (folder / "data" / "templates" / f"{page.name}.html").is_file()


def test_a_corpus_leads_from_the_start_to_its_page(tmp_path: Path) -> None:
    Corpus.create(tmp_path / "cats.lance")
    client = TestClient(application(Served((str(tmp_path / "cats.lance"),))), base_url=HERE)
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/c/cats")
