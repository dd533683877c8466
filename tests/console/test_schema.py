"""The API against its own description: values that fit, values that do not, and questions that people ask.

schemathesis makes up the requests from the OpenAPI description and holds each answer against it: no defect (500), only
statuses, kinds and shapes that the description tells, and nothing taken that it forbids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from face_site import KEY, made_up
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from compoundeye.console._access import Access
from compoundeye.console._app import application
from compoundeye.console._jobs import Jobs
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus

EACH = 12
"""Requests an operation and way: more find nothing more in the time that a test may take."""
OURS = {"host": "127.0.0.1", "x-compoundeye": "1"}
NOT_SAID = [positive_data_acceptance, ignored_auth]
"""No description says which text is SQL or a date: that such values are taken is what `QUESTIONS` are for. Any value
of our header will do, and `test_security` sees that there is one, and a session where one is needed."""
BOUNDED = settings(
    max_examples=EACH,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
described: BaseSchema = schemathesis.openapi.from_dict(application(Served()).openapi())
described.config.update(base_url="http://127.0.0.1")
OPERATIONS = [found.ok() for found in described.get_all_operations()]
CHANGEABLE = [one for one in OPERATIONS if list(one.query) or list(one.body)]
"""Operations with values that can be wrong; whatever stands in a path is a name that may be unknown."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, album: Callable[[Path], Corpus]) -> Corpus:
    return album(tmp_path_factory.mktemp("schema"))


@pytest.fixture(scope="module")
def app(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOUNDEYE_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(Jobs, "_start", lambda *_: None)  # the description asks for jobs by the dozen: none runs
        people = made_up(tmp_path_factory.mktemp("faces"))
        key = str(people.path.parent / KEY)
        made = application(Served((corpus.path,), access=Access(port=8765), faces=str(people.path), faces_key=key))
        with TestClient(made, base_url="http://127.0.0.1"):
            yield made


@pytest.fixture(scope="module")
def one(corpus: Corpus) -> str:
    """Id of a picture."""
    found: bytes = corpus.dataset.to_table(columns=["id"])["id"][3].as_py()
    return found.hex()


def held_against_the_description(app: FastAPI, operation: APIOperation, mode: GenerationMode, picture: str) -> None:
    @seed(5)
    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Case) -> None:
        if mode is GenerationMode.POSITIVE and "corpus" in case.path_parameters:
            case.path_parameters["corpus"] = "album"  # else all that is ever asked for is not there
            if "/pictures/{id}" in case.path:
                case.path_parameters["id"] = picture
        operation.app = operation.schema.app = app
        case.validate_response(case.call(headers=OURS), headers=OURS, excluded_checks=NOT_SAID)

    holds()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_values_that_fit_are_answered_as_described(app: FastAPI, operation: APIOperation, one: str) -> None:
    held_against_the_description(app, operation, GenerationMode.POSITIVE, one)


@pytest.mark.parametrize("operation", CHANGEABLE, ids=lambda operation: operation.label)
def test_nonsense_is_refused_as_described(app: FastAPI, operation: APIOperation, one: str) -> None:
    held_against_the_description(app, operation, GenerationMode.NEGATIVE, one)


MOMENTS = st.sampled_from(["2024", "2024-05", "2024-02-29", "1999-12-31", "2030-01-01T10:00"])
SHARES = st.floats(0, 1)
QUESTIONS: dict[str, st.SearchStrategy[Any]] = {
    "where": st.sampled_from(["width > 100", "format = 'JPEG' AND height < 4000", "taken_at IS NULL", "bytes % 2 = 0"]),
    "category": st.lists(st.sampled_from(["tabby", "Beagle", "pizza", "no such thing", "it's"]), max_size=3),
    "state": st.lists(st.sampled_from(["done", "abstained", "failed", "new"]), max_size=4),
    "min_confidence": SHARES,
    "max_confidence": SHARES,
    "since": MOMENTS,
    "until": MOMENTS,
    "min_size": st.integers(0, 2**31 - 1),
    "corrected": st.booleans(),
    "text": st.text(st.characters(codec="utf-8"), max_size=60),
}
ORDERS = st.sampled_from(["ingested", "category", "confidence", "pixels", "width", "source", "taken_at"])
asked_by_people = st.fixed_dictionaries({}, optional=QUESTIONS)


@seed(5)
@settings(BOUNDED, max_examples=80)
@given(question=asked_by_people, sort=ORDERS, descending=st.booleans(), limit=st.integers(1, 30))
def test_what_people_ask_is_answered_the_same_everywhere(
    app: FastAPI, question: dict[str, Any], sort: str, descending: bool, limit: int
) -> None:
    client = TestClient(app, base_url="http://127.0.0.1")
    order = {"sort": sort, "descending": descending, "limit": limit}

    def get(path: str, **more: Any) -> dict[str, Any]:
        told = client.get(f"/api/v1/corpora/album{path}", params=question | more)
        assert told.status_code == 200, (question, told.text)
        found: dict[str, Any] = told.json()
        return found

    page = get("/pictures", **order)
    total, ids = page["total"], [item["id"] for item in page["items"]]
    while page["next"]:
        page = get("/pictures", **order, after=page["next"])
        ids += [item["id"] for item in page["items"]]
    assert len(ids) == len(set(ids)) == total
    assert get("/histogram", column="width")["total"] == total
    assert sum(state["count"] for state in get("")["states"]) == total
