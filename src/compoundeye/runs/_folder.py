"""The folder of a run: what a training writes down while it goes on.

runs/NAME/settings.json       all that decides the run
          environment.json    what it ran on and with
          status.json         what it does now
          metrics.jsonl       one line a measurement
          tensorboard/        the same for TensorBoard
          samples.png         the first pictures as the network saw them
          checkpoints/        step-00001000, ...
          validation.parquet  the answer to each picture of the last validation
          export/             what was made of it
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from compoundeye.runs._environment import environment
from compoundeye.runs._error import RunError
from compoundeye.runs._metrics import NOTE, RESUMED, Line, append, read_metrics
from compoundeye.runs._mlflow import Mlflow, open_mlflow
from compoundeye.runs._status import DONE, FAILED, INTERRUPTED, StatusFile, read_status
from compoundeye.runs._tensorboard import Board, open_board
from compoundeye.runs._whole import read_json, write_json, write_whole

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

VALIDATION = pa.schema(
    [
        ("id", pa.binary(16)),
        ("source", pa.int16()),
        ("target", pa.string()),
        ("predicted", pa.string()),
        ("confidence", pa.float32()),
        ("loss", pa.float32()),
    ]
)
"""Columns of validation.parquet: ``source`` is which of the corpora that the run is measured on."""


class RunFolder:
    """One run's folder. One process of the run writes; any number of others read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._status = StatusFile(path / "status.json")
        self._board: Board | None = None
        self._mlflow: Mlflow | None = None
        self._listened = False

    @classmethod
    def create(cls, parent: str | os.PathLike[str], name: str) -> Self:
        """A new folder, or one that was begun and has no settings yet.

        Raises:
            RunError: the name is none for a folder, there is such a run already, or nothing can be written there.
        """
        if not _NAME.fullmatch(name):
            raise RunError(f"a run cannot be called {name!r}: use letters, digits, and . _ - after the first")
        path = Path(parent).expanduser() / name
        if (path / "settings.json").exists():
            raise RunError(f"there is a run in {path} already: give this one another name, or go on with that one")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot make the run folder {path}: {error.strerror}") from error
        return cls(path)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """The folder of a run that was created before.

        Raises:
            RunError: there is no run.
        """
        place = Path(path).expanduser()
        if not (place / "settings.json").is_file():
            raise RunError(f"{place} is not a run: it has no settings.json; `eye runs` lists those of a folder")
        return cls(place)

    @property
    def name(self) -> str:
        """Of the run: its folder's."""
        return self.path.resolve().name

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Keep all that decides the run; with this the folder is a run."""
        write_json(self.path / "settings.json", settings)

    def settings(self) -> dict[str, Any]:
        """What `write_settings` kept.

        Raises:
            RunError: the file is not JSON.
        """
        found = read_json(self.path / "settings.json")
        if found is None:
            raise RunError(f"{self.path / 'settings.json'} is not a JSON object: it was changed since the run wrote it")
        return found

    def write_classes(self, names: Sequence[str]) -> None:
        """Keep what is told apart, in the order of the network's outputs: whoever exports needs no corpus then."""
        write_json(self.path / "classes.json", {"classes": list(names)})

    def classes(self) -> tuple[str, ...] | None:
        """What `write_classes` kept; None if it was not called."""
        found = read_json(self.path / "classes.json")
        return None if found is None else tuple(found["classes"])

    def write_environment(self) -> None:
        """Keep what the run runs on and with."""
        write_json(self.path / "environment.json", environment())

    def set_status(self, state: str, **facts: Any) -> None:
        """Say what the run does: "running", "done", "failed" or "interrupted"; facts of before stay unless given anew.

        Args:
            facts: plain values, for instance step and steps.
        """
        self._status.write(state, facts)
        if self._board is not None:
            self._board.flush()
        if state in (DONE, FAILED, INTERRUPTED):
            if self._mlflow is not None:
                self._mlflow.end(state)
            self.close()

    def status(self) -> dict[str, Any]:
        """What the run does now: as it said, or "killed" if it can no longer say so."""
        return read_status(self.path / "status.json")

    def log(self, split: str, step: int, position: int, **numbers: float | str) -> None:
        """Add a line to metrics.jsonl; to TensorBoard's events and to MLflow's server where these are installed.

        MLflow is told only where ``MLFLOW_TRACKING_URI`` is set; a server out of reach is told of in a note, once.

        Args:
            split: "train", "validation", or "note" with ``note="what happened"``.
            step: steps done.
            position: pictures of the order used.
            numbers: what was measured; one that is not finite is kept as null.
        """
        now = time.time()
        line = {"split": split, "step": step, "position": position, "time": round(now, 3), **numbers}
        append(self.path / "metrics.jsonl", line)
        if split == NOTE:
            return
        if not self._listened:
            self._listened = True
            self._board = open_board(self.path / "tensorboard", step)
            note = partial(self._note, step, position)
            self._mlflow = open_mlflow(self.path, read_json(self.path / "settings.json") or {}, note)
        plain = {name: float(number) for name, number in numbers.items() if not isinstance(number, str)}
        for listener in (self._board, self._mlflow):
            if listener is not None:
                listener.write(split, step, now, plain)

    def _note(self, step: int, position: int, text: str) -> None:
        self.log(NOTE, step, position, note=text)

    def resumed(self, step: int, position: int) -> None:
        """Say that the run goes on from a checkpoint: readers pass over what was told beyond that step."""
        values = {"split": RESUMED, "step": step, "position": position, "time": round(time.time(), 3)}
        append(self.path / "metrics.jsonl", values)
        if self._board is not None:
            self._board.restart(step + 1)

    def metrics(self) -> list[Line]:
        """The course of the run so far."""
        return read_metrics(self.path)

    def write_validation(self, table: pa.Table) -> None:
        """Keep the answer to each picture, in the columns of `VALIDATION`; replaces those of the validation before."""
        fitting = table.select(VALIDATION.names).cast(VALIDATION)
        write_whole(self.path / "validation.parquet", lambda part: pq.write_table(fitting, part, compression="zstd"))

    def validation(self) -> pa.Table:
        """What `write_validation` kept.

        Raises:
            RunError: nothing was validated yet.
        """
        try:
            return pq.read_table(self.path / "validation.parquet", schema=VALIDATION)
        except FileNotFoundError:
            raise RunError(
                f"{self.path} has no validation.parquet: nothing was validated yet; set validation.where in the recipe"
            ) from None

    def close(self) -> None:
        """End the file of events; a later line begins another."""
        if self._board is not None:
            self._board.close()
        self._board, self._mlflow, self._listened = None, None, False
