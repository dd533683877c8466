"""The same numbers for MLflow, where it is installed and ``MLFLOW_TRACKING_URI`` says where its server or folder is.

A run that goes on is the same run there: its id is kept in mlflow.json. Whatever goes wrong with the server is told
once and costs the training nothing more.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from compoundeye.runs._differences import flat
from compoundeye.runs._whole import read_json, write_json

_EXPERIMENT = "compoundeye"
_LONGEST = 500
"""Letters of a parameter's value: what all versions of MLflow take."""
_AT_ONCE = 100
"""Parameters of a request, by MLflow's rule."""
_ENDS = {"done": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}

Tell = Callable[[str], None]


def open_mlflow(folder: Path, settings: Mapping[str, Any], tell: Tell) -> Mlflow | None:
    """The run of a folder there, begun or gone on with; None if MLflow is not wanted, not installed, or out of reach.

    ``MLFLOW_EXPERIMENT_NAME`` names the experiment, as everywhere with MLflow; else it is "compoundeye".

    Args:
        settings: become parameters.
        tell: told what went wrong.
    """
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        return None
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param
    except ImportError:
        return None
    try:
        client = MlflowClient()
        known = read_json(folder / "mlflow.json")
        if known is not None:
            client.update_run(known["run_id"], status="RUNNING")
            return Mlflow(client, Metric, known["run_id"], tell)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
        found = client.get_experiment_by_name(name)
        experiment = client.create_experiment(name) if found is None else found.experiment_id
        run = client.create_run(experiment, run_name=folder.resolve().name).info.run_id
        parameters = [Param(key, str(value)[:_LONGEST]) for key, value in flat(settings).items()]
        for first in range(0, len(parameters), _AT_ONCE):
            client.log_batch(run, params=parameters[first : first + _AT_ONCE])
        write_json(folder / "mlflow.json", {"run_id": run, "tracking_uri": os.environ["MLFLOW_TRACKING_URI"]})
    except Exception as error:  # MLflow raises its own, those of its stores, and those of the network
        tell(f"MLflow is told nothing: {' '.join(str(error).split()[:30])}")
        return None
    return Mlflow(client, Metric, run, tell)


class Mlflow:
    """Metrics as "train.loss" and "validation.loss"."""

    def __init__(self, client: Any, metric: Any, run: str, tell: Tell) -> None:
        self._client, self._metric, self._run, self._tell = client, metric, run, tell
        self._reached = True

    def write(self, split: str, step: int, moment: float, numbers: Mapping[str, float]) -> None:
        """Tell finite numbers of a step."""
        stamp = round(moment * 1000)
        told = [
            self._metric(f"{split}.{name}", float(number), stamp, step)
            for name, number in numbers.items()
            if math.isfinite(number)
        ]
        self._try(lambda: self._client.log_batch(self._run, metrics=told))

    def end(self, state: str) -> None:
        """Say how the run ended."""
        self._try(lambda: self._client.set_terminated(self._run, _ENDS[state], round(time.time() * 1000)))

    def _try(self, act: Callable[[], Any]) -> None:
        if not self._reached:
            return
        try:
            act()
        except Exception as error:  # as above
            self._reached = False
            self._tell(f"MLflow is told no more: {' '.join(str(error).split()[:30])}")
