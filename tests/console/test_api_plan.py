"""Plans over HTTP: asked of a process beside the server, kept, stopped, and told in a sentence where there is none."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from compoundeye.console import _planner, _planning
from compoundeye.console._app import application
from compoundeye.console._plan_request import PlanRequest, command
from compoundeye.console._planner import Planner, Ticket
from compoundeye.console._refusals import NotFound, TooMany
from compoundeye.console._state import Console, Served
from compoundeye.runs import RunFolder

HERE = "http://127.0.0.1"
PICKED = {"X-CompoundEye": "1"}
LONG_S = 100.0
PRELUDE = "import json, os, sys, time\nfor line in sys.stdin:\n    asked = json.loads(line)['wanted']\n"
ECHO = PRELUDE + "    print(json.dumps({'result': {'said': asked['say'], 'pid': os.getpid()}}), flush=True)\n"
SLEEPS = PRELUDE + (
    "    if asked['say'] == 'sleep': time.sleep(1000)\n"
    "    if asked['say'] == 'die': sys.exit(3)\n"
    "    print(json.dumps({'result': asked} if asked['say'] != 'wrong' else {'error': 'it cannot be'}), flush=True)\n"
)


@pytest.fixture
def beside(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Planner]]:
    """A planner whose process runs the given program instead of planning."""
    assert not home.exists()
    made: list[Planner] = []

    def make(program: str) -> Planner:
        monkeypatch.setattr(_planner, "_COMMAND", (sys.executable, "-c", program))
        made.append(Planner(Console(Served())))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ask(planner: Planner, say: str) -> Ticket:
    ticket = planner.ask("plan", {"say": say}, None)
    planner.wait(ticket, LONG_S)
    return ticket


def test_the_same_question_is_answered_once_by_one_process(beside: Callable[[str], Planner]) -> None:
    planner = beside(ECHO)
    first, other, again = ask(planner, "a"), ask(planner, "b"), ask(planner, "a")
    assert again is first is planner.get(first.id)
    assert (first.state, other.state) == ("done", "done")
    assert first.result is not None
    assert other.result is not None
    assert (first.result["said"], other.result["said"]) == ("a", "b")
    assert first.result["pid"] == other.result["pid"]


def test_figures_of_the_user_s_own_make_another_question(beside: Callable[[str], Planner], home: Path) -> None:
    planner = beside(ECHO)
    before = ask(planner, "a")
    (home / "hardware").mkdir(parents=True)
    (home / "hardware" / "mine.toml").write_text("x = 1")
    assert ask(planner, "a") is not before


def test_what_runs_is_stopped_and_the_next_is_answered(beside: Callable[[str], Planner]) -> None:
    planner = beside(SLEEPS)
    sleeping = planner.ask("plan", {"say": "sleep"}, None)
    waiting = planner.ask("plan", {"say": "later"}, None)
    dropped = planner.ask("plan", {"say": "never"}, None)
    planner.stop(dropped)
    assert dropped.state == "stopped"
    planner.stop(sleeping)
    planner.wait(waiting, LONG_S)
    assert (sleeping.state, sleeping.result, waiting.state) == ("stopped", None, "done")
    assert ask(planner, "never").state == "done"


def test_a_process_that_dies_is_told_and_replaced(beside: Callable[[str], Planner]) -> None:
    planner = beside(SLEEPS)
    dead = ask(planner, "die")
    assert dead.state == "failed"
    assert dead.error is not None
    assert "ended before it had answered" in dead.error
    assert ask(planner, "x").state == "done"
    assert ask(planner, "wrong").error == "it cannot be"


def test_one_that_takes_too_long_is_ended(beside: Callable[[str], Planner], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_planner, "LONGEST_S", 0.1)
    ticket = ask(beside(SLEEPS), "sleep")
    assert ticket.state == "failed"
    assert "took more than" in str(ticket.error)


def test_too_many_do_not_pile_up(beside: Callable[[str], Planner]) -> None:
    planner = beside(SLEEPS)
    planner.ask("plan", {"say": "sleep"}, None)
    for number in range(_planner._WAITING - 1):
        planner.ask("plan", {"say": f"wait {number}"}, None)
    with pytest.raises(TooMany):  # noqa: PT012  # the first may have been taken up already, or not yet
        for number in range(2):
            planner.ask("plan", {"say": f"more {number}"}, None)
    with pytest.raises(NotFound):
        planner.get("0" * 32)


def test_an_idle_process_is_let_go(beside: Callable[[str], Planner], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_planner, "IDLE_S", 0.0)
    planner = beside(ECHO)
    first = ask(planner, "a")
    thread = planner._thread
    if thread is not None:
        thread.join(LONG_S)
    assert planner._process is None
    second = ask(planner, "b")
    assert first.result is not None
    assert second.result is not None
    assert first.result["pid"] != second.result["pid"]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"model": "vit-b", "run": "x"},
        {"model": "/etc"},
        {"model": "vit-b/../.."},
        {"model": "clip-vit-base-patch32"},
        {"model": "vit-b", "gpu": "/tmp/x.toml"},
        {"model": "vit-b", "change": ["model.pretrained=/etc/passwd"]},
        {"model": "vit-b", "change": ["model.name=/tmp"]},
        {"model": "vit-b", "change": ["data.corpora=[]"]},
        {"model": "vit-b", "change": ["task.tokenizer=/etc/passwd"]},
        {"model": "vit-b", "gpus": [0]},
        {"model": "vit-b", "gpus": [1, 2, 3, 4, 5, 6, 7]},
        {"model": "vit-b", "epochs": 1, "tokens": 2},
        {"model": "vit-b", "price": float("inf")},
        {"model": "vit-b", "other": 1},
    ],
    ids=str,
)
def test_a_question_names_no_file_and_one_thing(wanted: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PlanRequest.model_validate(wanted)


def test_the_same_can_be_typed_at_a_terminal() -> None:
    asked = PlanRequest(model="vit-l/14", gpus=[8, 16], gpu="b200", price=2.5, elastic=True, change=["data.batch=64"])
    assert " ".join(command(asked)) == (
        "eye plan --model vit-l/14 --set data.batch=64 --gpus 8 --gpus 16 --gpu b200 --price 2.5 --elastic"
    )


def test_without_torch_a_sentence_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compoundeye.plan", None)
    told = _planning.answer({"kind": "plan", "wanted": {"model": "vit-b"}, "folder": None})
    assert "pip install 'compoundeye[train]'" in told["error"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """With the real planner, and a run of a small transformer."""
    place = tmp_path_factory.mktemp("planned")
    run = RunFolder.create(place / "runs", "small")
    run.write_settings(
        {
            "name": "small",
            "data": {"corpora": [{"path": "x.lance"}], "batch": 64, "view": {"size": 32}},
            "model": {"name": "vit-ti/16", "options": {"image": 32}},
        }
    )
    run.write_classes(["cat", "dog"])
    (run.path / "environment.json").write_text('{"accelerators": []}')
    for step in (1, 2, 3):
        run.log("train", step, 64 * step, loss=1.0, pictures_per_second=100.0)
    run.set_status("done", step=3, steps=3, processes=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOUNDEYE_HOME", str(place / "home"))
        with TestClient(application(Served(runs=str(place / "runs"))), base_url=HERE, headers=PICKED) as made:
            yield made


def answered(server: TestClient, path: str, wanted: dict[str, Any]) -> dict[str, Any]:
    response = server.post(f"/api/v1/{path}", json=wanted)
    assert response.status_code == 202, response.text
    told: dict[str, Any] = response.json()
    while told["state"] in ("waiting", "running"):
        told = server.get(f"/api/v1/plan/{told['id']}", params={"wait": 25}).json()
    return told


def test_a_training_is_planned(server: TestClient) -> None:
    told = answered(server, "plan", {"model": "vit-s", "gpus": [1, 8], "epochs": 3, "pictures": 100_000, "price": 2})
    assert (told["state"], told["error"]) == ("done", None)
    plan = told["plan"]
    assert (plan["model"], plan["gpu"], plan["epochs"], plan["pictures"]) == ("vit-s", "h100", 3, 300_000)
    assert [one["gpus"] for one in plan["compared"]] == [1, 8]
    assert plan["days"] == min(one["days"] for one in plan["compared"])
    assert plan["cost"] == pytest.approx(2 * plan["gpu_hours"])
    assert sum(one["value"] for one in plan["memory"]) == pytest.approx(plan["layouts"][0]["memory_bytes"])
    assert plan["goodput"]["low"] <= plan["goodput"]["fraction"] <= plan["goodput"]["high"] <= 1
    assert "[plan]" in plan["recipe"]
    assert all(one["source"] or one["formula"] for one in plan["terms"])
    drawn = server.get(plan["picture"])
    assert (drawn.headers["content-type"], drawn.content[:4]) == ("image/png", b"\x89PNG")
    kept = server.app.state.console.part(Planner).get(told["id"])  # type: ignore[attr-defined]
    assert base64.b64decode(kept.result["picture"]) == drawn.content


def test_what_does_not_fit_is_told_as_the_command_does(server: TestClient) -> None:
    told = answered(server, "plan", {"model": "vit-22b", "gpus": [1], "gpu": "rtx-4090"})
    assert told["state"] == "failed"
    assert "does not fit 1 rtx-4090" in told["error"]
    assert server.get(f"/api/v1/plan/{told['id']}/picture").status_code == 404


def test_a_run_is_planned_for_other_hardware_and_laid_beside_its_plan(server: TestClient) -> None:
    plan = answered(server, "plan", {"run": "small", "gpus": [1], "gpu": "a100-80"})["plan"]
    assert (plan["model"], plan["batch"], plan["classes"], plan["gpu"]) == ("vit-ti/16", 64, 2, "a100-80")
    found = answered(server, "plan/actual", {"run": "small"})["actual"]
    assert (found["run"], found["state"], found["accelerator"]) == ("small", "done", "cpu")
    rows = {row["key"]: row for row in found["rows"]}
    assert rows["pictures"]["measured"] == pytest.approx(100)
    assert rows["time.step"]["planned"] > 0


def test_a_name_mistyped_is_told_before_anything_is_begun(server: TestClient) -> None:
    response = server.post("/api/v1/plan", json={"model": "vit-b", "gpu": "h1000"})
    assert response.status_code == 422
    assert "h100" in response.json()["error"]
    assert server.post("/api/v1/plan", json={"run": "none"}).status_code == 404
    assert server.post("/api/v1/plan", json={}).status_code == 422
    assert server.get(f"/api/v1/plan/{'0' * 32}").status_code == 404


def test_the_form_offers_what_can_be_planned_with(server: TestClient) -> None:
    offered = server.get("/api/v1/plan").json()
    assert offered["possible"]
    assert {"h100", "b200"} <= set(offered["accelerators"])
    assert offered["runs"] == ["small"]
    page = server.get("/plan").text
    assert '<option value="h100" selected>' in page
    assert "impossible" not in page


def test_the_page_says_why_nothing_can_be_planned(server: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    page = server.get("/plan").text
    assert "pip install &#39;compoundeye[train]&#39;" in page
    assert "<fieldset disabled" in page
