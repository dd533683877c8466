"""What MLflow is told, through a stand-in for its client (MLflow itself is no dependency)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from compoundeye.runs import RunFolder, series


class Server:
    """What a server of MLflow keeps."""

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.down = False


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    kept = Server()

    class Client:
        def _reach(self) -> None:
            if kept.down:
                raise ConnectionError("no route to host")

        def get_experiment_by_name(self, name: str) -> Any:
            self._reach()
            found = kept.experiments.get(name)
            return None if found is None else SimpleNamespace(experiment_id=found)

        def create_experiment(self, name: str) -> str:
            return kept.experiments.setdefault(name, str(len(kept.experiments)))

        def create_run(self, experiment: str, *, run_name: str) -> Any:
            identity = f"run{len(kept.runs)}"
            kept.runs[identity] = {"experiment": experiment, "name": run_name, "params": {}, "metrics": [], "ends": []}
            return SimpleNamespace(info=SimpleNamespace(run_id=identity))

        def update_run(self, run: str, *, status: str) -> None:
            self._reach()
            kept.runs[run]["ends"].append(status)

        def log_batch(self, run: str, metrics: Any = (), params: Any = ()) -> None:
            self._reach()
            assert len(params) <= 100
            kept.runs[run]["metrics"] += metrics
            kept.runs[run]["params"].update(params)

        def set_terminated(self, run: str, status: str, end: int) -> None:
            self._reach()
            assert end > 1e12  # milliseconds
            kept.runs[run]["ends"].append(status)

    module, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    module.MlflowClient = Client  # type: ignore[attr-defined]
    entities.Metric = lambda key, value, _stamp, step: (key, value, step)  # type: ignore[attr-defined]
    entities.Param = lambda key, value: (key, value)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    return kept


def started(tmp_path: Path) -> RunFolder:
    run = RunFolder.create(tmp_path, "mine")
    run.write_settings({"optimiser": {"learning_rate": 0.1}, "many": {f"key{n}": n for n in range(150)}})
    return run


def test_parameters_metrics_and_the_end_are_told(tmp_path: Path, server: Server) -> None:
    run = started(tmp_path)
    run.log("train", 10, 80, loss=0.5, gradient=float("nan"))
    run.log("validation", 10, 80, loss=0.25)
    run.set_status("done")
    assert list(server.experiments) == ["compoundeye"]
    (told,) = server.runs.values()
    assert told["name"] == "mine"
    assert told["params"]["optimiser.learning_rate"] == "0.1"
    assert len(told["params"]) == 151
    assert told["metrics"] == [("train.loss", 0.5, 10), ("validation.loss", 0.25, 10)]
    assert told["ends"] == ["FINISHED"]


def test_a_run_that_goes_on_is_the_same_run_there(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "ours")
    first = started(tmp_path)
    first.log("train", 10, 80, loss=0.5)
    first.set_status("interrupted")
    second = RunFolder.open(first.path)
    second.log("train", 20, 160, loss=0.4)
    second.set_status("failed")
    (told,) = server.runs.values()
    assert list(server.experiments) == ["ours"]
    assert [step for _, _, step in told["metrics"]] == [10, 20]
    assert told["ends"] == ["KILLED", "RUNNING", "FAILED"]


@pytest.mark.parametrize("at_once", [True, False], ids=["from the start", "later"])
def test_a_server_out_of_reach_costs_one_note(tmp_path: Path, server: Server, at_once: bool) -> None:
    run = started(tmp_path)
    server.down = at_once
    run.log("train", 10, 80, loss=0.5)
    server.down = True
    run.log("train", 20, 160, loss=0.4)
    run.log("train", 30, 240, loss=0.3)
    run.set_status("done")
    (note,) = [line.text for line in run.metrics() if line.split == "note"]
    assert note.startswith("MLflow is told ")
    assert "no route to host" in note
    assert series(run.metrics(), "train", "loss") == ([10, 20, 30], [0.5, 0.4, 0.3])


def test_it_is_told_nothing_unless_asked_for(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    started(tmp_path).log("train", 10, 80, loss=0.5)
    assert server.runs == {}


def test_a_run_works_without_the_package(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    run = started(tmp_path)
    run.log("train", 10, 80, loss=0.5)
    assert [line.split for line in run.metrics()] == ["train"]
    assert server.runs == {}
