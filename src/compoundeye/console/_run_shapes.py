"""What the API says of runs, as types: rows, curves, comparisons, explanations."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, JsonValue

from compoundeye.console._curve import Number


class RunRow(BaseModel):
    """A run as lists show it."""

    name: str
    state: str
    """running, done, failed, interrupted, killed or unknown."""
    step: int
    steps: int | None
    left_s: float | None
    """Seconds until a running one is done, by its pace of late."""
    loss: float | None
    """Of training, as told last."""
    accuracy: float | None
    """Best of all validations."""
    started: datetime | None
    seconds: float | None
    """At work, over all attempts."""
    corpus: str
    model: str
    error: str | None


class RunList(BaseModel):
    """The runs of a folder, the one that began last first."""

    folder: str
    items: list[RunRow]


class Note(BaseModel):
    """Something that a run told in words."""

    step: int
    text: str


class RunDetail(RunRow):
    """A run with all that it says of itself."""

    path: str
    updated: datetime | None
    """When it was last heard of."""
    processes: int | None
    settings: dict[str, JsonValue]
    """By dotted key, as `eye train --set` takes them."""
    environment: dict[str, JsonValue]
    measured: dict[str, list[str]]
    """Names of the numbers of each split: what curves there are."""
    notes: list[Note]
    validated: bool
    """Whether there is an explanation."""


class Series(BaseModel):
    """A curve. Where points stand for several measurements, ``y`` is their mean."""

    split: str
    name: str
    points: int
    """Measurements in all."""
    x: list[float]
    y: list[Number]
    low: list[Number]
    high: list[Number]


class Curves(BaseModel):
    """The course of a run."""

    run: str
    axis: str
    series: list[Series]


class Difference(BaseModel):
    """A setting that is not the same in all runs; null where a run has none such."""

    key: str
    values: list[JsonValue]


class Comparison(BaseModel):
    """Runs beside each other."""

    runs: list[RunRow]
    differences: list[Difference]


class ClassFigures(BaseModel):
    """One class of a validation. Intervals are Wilson's, at 95 %; null where there are no pictures."""

    name: str
    pictures: int
    answered: int
    right: int
    recall: float | None
    recall_interval: tuple[float, float] | None
    precision: float | None
    precision_interval: tuple[float, float] | None
    taken_for: str | None


class Confused(BaseModel):
    """A kind of mistake."""

    target: str
    predicted: str
    pictures: int


class Matrix(BaseModel):
    """Pictures by what they show (rows) and what they were taken for (columns)."""

    names: list[str]
    counts: list[list[int]]
    classes: int
    """In all: where there are more than are shown, these are confused most."""


class WorstPicture(BaseModel):
    """A picture that was answered wrongly."""

    id: str
    corpus: str | None
    """Its name here; null where this console does not serve it."""
    corpus_path: str
    target: str
    predicted: str
    confidence: float
    loss: float | None
    thumbnail: str | None
    page: str | None


class Mistakes(BaseModel):
    """Some of the mistakes, those of the highest loss first."""

    total: int
    """That fit, among the 2,000 of the highest loss."""
    offset: int
    items: list[WorstPicture]


class Explanation(BaseModel):
    """What the last validation of a run says."""

    run: str
    pictures: int
    right: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    classes: list[ClassFigures]
    """The worst first."""
    confusions: list[Confused]
    matrix: Matrix
    mistakes: list[WorstPicture]
    """Those of the highest loss first; GET /runs/NAME/mistakes has more."""
