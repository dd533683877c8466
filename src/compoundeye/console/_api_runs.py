"""Runs of training over HTTP: the list, one with its settings, curves, comparison, and what the validation says."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query

from compoundeye.console._curve import thinned
from compoundeye.console._roots import located
from compoundeye.console._run_facts import environment_of, left_s, measured, notes, settings_of
from compoundeye.console._run_shapes import (
    ClassFigures,
    Comparison,
    Confused,
    Curves,
    Difference,
    Explanation,
    Matrix,
    Mistakes,
    Note,
    RunDetail,
    RunList,
    RunRow,
    Series,
    WorstPicture,
)
from compoundeye.console._runs import MOST_MISTAKES, Runs
from compoundeye.console._state import Console, Here
from compoundeye.runs import ClassRow, Mistake, RunFolder, differences, series
from compoundeye.runs import RunRow as Known

router = APIRouter(tags=["runs"])

MOST_RUNS = 12
Name = Annotated[str, Path(max_length=255, description="Of a run: its folder's name.")]


@router.get("/runs")
def runs(here: Here) -> RunList:
    """All runs of the folder that the console was told."""
    known = here.part(Runs)
    return RunList(folder=str(known.place), items=[row_of(row) for row in known.all()])


@router.get("/runs/compare")
def compared(here: Here, run: Annotated[list[str], Query(min_length=1, max_length=MOST_RUNS)]) -> Comparison:
    """The settings in which runs differ, and how far they came."""
    known = here.part(Runs)
    folders = [known.open(name) for name in run]
    different = differences([folder.settings() for folder in folders])
    return Comparison(
        runs=[row_of(known.row(folder)) for folder in folders],
        differences=[Difference(key=one.key, values=list(one.values)) for one in different],
    )


@router.get("/runs/{name}")
def run_detail(here: Here, name: Name) -> RunDetail:
    """One run."""
    known = here.part(Runs)
    folder = known.open(name)
    lines, status = folder.metrics(), folder.status()
    return RunDetail(
        **row_of(known.row(folder)).model_dump(),
        path=str(folder.path),
        updated=_moment(status.get("updated")),
        processes=status.get("processes"),
        settings=settings_of(folder),
        environment=environment_of(folder),
        measured=measured(lines),
        notes=[Note(step=step, text=text) for step, text in notes(lines)],
        validated=(folder.path / "validation.parquet").is_file(),
    )


@router.get("/runs/{name}/curves")
def curves(
    here: Here,
    name: Name,
    axis: Literal["step", "pictures"] = "step",
    metric: Annotated[list[str] | None, Query(max_length=50, description="Names of numbers; all by default.")] = None,
    most: Annotated[int, Query(ge=2, le=20_000, description="Points of a curve.")] = 1_000,
) -> Curves:
    """What was measured over the course of a run."""
    lines = here.part(Runs).open(name).metrics()
    found = []
    for split, names in measured(lines).items():
        for one in names:
            if metric is None or one in metric:
                places, values = series(lines, split, one, axis)
                curve = thinned(places, values, most)
                found.append(Series(split=split, name=one, points=len(values), **curve._asdict()))
    return Curves(run=name, axis=axis, series=found)


@router.get("/runs/{name}/explanation")
def explanation(here: Here, name: Name, mistakes: Annotated[int, Query(ge=0, le=200)] = 60) -> Explanation:
    """Classes, confusions, and the worst mistakes of the last validation."""
    known = here.part(Runs)
    folder = known.open(name)
    found = known.explained(folder)
    said = found.said
    return Explanation(
        run=name,
        pictures=said.pictures,
        right=said.right,
        accuracy=said.accuracy,
        accuracy_interval=said.accuracy_interval,
        classes=[_class(row) for row in said.classes],
        confusions=[
            Confused(target=one.target, predicted=one.predicted, pictures=one.pictures) for one in said.confusions
        ],
        matrix=Matrix(
            names=list(found.matrix.names),
            counts=[list(row) for row in found.matrix.counts],
            classes=found.matrix.classes,
        ),
        mistakes=_pictures(here, folder, said.mistakes[:mistakes]),
    )


@router.get("/runs/{name}/mistakes")
def mistakes(
    here: Here,
    name: Name,
    target: Annotated[str | None, Query(max_length=1_000, description="What is shown.")] = None,
    predicted: Annotated[str | None, Query(max_length=1_000, description="What it was taken for.")] = None,
    offset: Annotated[int, Query(ge=0, le=MOST_MISTAKES)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 60,
) -> Mistakes:
    """Pictures that were answered wrongly, or those of one kind of mistake."""
    known = here.part(Runs)
    folder = known.open(name)
    fitting = [
        one
        for one in known.explained(folder).said.mistakes
        if target in (None, one.target) and predicted in (None, one.predicted)
    ]
    items = _pictures(here, folder, fitting[offset : offset + limit])
    return Mistakes(total=len(fitting), offset=offset, items=items)


def row_of(row: Known) -> RunRow:
    """A run as the API tells it."""
    folder = RunFolder.open(row.path)
    status = folder.status()
    return RunRow(
        name=FilePath(row.path).name,
        state=row.state,
        step=row.step,
        steps=row.steps,
        left_s=left_s(status, folder.metrics(), row.steps) if row.state == "running" else None,
        loss=_finite(row.loss),
        accuracy=_finite(row.accuracy),
        started=row.started,
        seconds=row.seconds,
        corpus=row.corpus,
        model=row.model,
        error=None if status.get("error") is None else str(status["error"]),
    )


def _class(row: ClassRow) -> ClassFigures:
    return ClassFigures(
        name=row.name,
        pictures=row.pictures,
        answered=row.answered,
        right=row.right,
        recall=_finite(row.recall),
        recall_interval=row.recall_interval if row.pictures else None,
        precision=_finite(row.precision),
        precision_interval=row.precision_interval if row.answered else None,
        taken_for=row.taken_for,
    )


def _pictures(here: Console, run: RunFolder, wrong: Sequence[Mistake]) -> list[WorstPicture]:
    """Mistakes with the addresses of their pictures; paths of corpora are meant from where the run was begun."""
    base = str(environment_of(run).get("folder") or "")
    served = {located(path): corpus for corpus, path in here.corpora.items()}
    return [_mistake(one, served, base) for one in wrong]


def _mistake(one: Mistake, served: dict[str, str], base: str) -> WorstPicture:
    path = one.corpus if "://" in one.corpus else os.path.join(base, os.path.expanduser(one.corpus))
    corpus = served.get(located(path))
    where = None if corpus is None else quote(corpus, safe="")
    return WorstPicture(
        id=one.id,
        corpus=corpus,
        corpus_path=one.corpus,
        target=one.target,
        predicted=one.predicted,
        confidence=one.confidence,
        loss=_finite(one.loss),
        thumbnail=None if where is None else f"/api/v1/corpora/{where}/pictures/{one.id}/thumbnail",
        page=None if where is None else f"/c/{where}/p/{one.id}",
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
