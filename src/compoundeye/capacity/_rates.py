"""What the machine does in a second, as `eye benchmark` measured it, and where that is kept."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from compoundeye.capacity._term import Term
from compoundeye.models import home
from compoundeye.records import EyeError

FORMAT = 1
_ABOUT = "of a core's time, all cores at work"


@dataclass(frozen=True, slots=True)
class SizeRates:
    """What pictures of one size cost, whatever looks at them."""

    width: int
    height: int
    bytes: float
    """Of one encoded picture."""
    keep: float
    """Core-seconds of `pixels.look`: decoding, thumbnail, perceptual hash."""
    crop: float
    """Core-seconds of `pixels.crop_box` on random-resized boxes, to 224 x 224."""
    ingest: float
    """Core-seconds of the whole of `ingest`: reading, hashing, looking, writing, committing."""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class ModelRates:
    """What one model of the catalogue costs."""

    name: str
    precision: str
    runtime: str
    input_size: int
    embedding_dim: int
    prepare: tuple[float, ...]
    """Core-seconds from encoded picture to the model's square, for each of `Rates.sizes`."""
    run: float
    """Core-seconds of the network alone, a picture."""
    around: float
    """Core-seconds of the rest of `categorise`, a picture: reading, answering, writing columns. Measured with the first
    model and the first size: what the whole costs, less ``prepare`` and ``run``."""
    start: float
    """Core-seconds of one worker process before its first picture: imports, loading, compiling."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Costs of one picture and speeds of one machine. Core-seconds are processor time of one core, all at work."""

    kind: Literal["measured", "published"]
    source: str
    """What measured this, when, with which versions; or where it is documented."""
    machine: str
    cores: int
    sizes: tuple[SizeRates, ...]
    """The first is the size that whole jobs were measured with."""
    models: tuple[ModelRates, ...]
    thumbnail_bytes: float
    """Of one thumbnail, a picture of the first size."""
    row_bytes: float
    """On disk a picture, beside encoded picture and thumbnail: metadata, indices of ids, ledger."""
    result_bytes: float
    """On disk a picture that categorising adds, beside the embedding."""
    scan: float
    """Core-seconds a picture of the first size, read in the order stored from the system's cache."""
    random: float
    """Core-seconds a picture of the first size, read in training order from the system's cache, 64 rows a request."""
    disk: float
    """Bytes/s of sequential reading past the system's cache, all cores at it together."""
    disk_write: float
    """Bytes/s of sequential writing."""
    disk_pictures: float
    """Reads/s of the first size at random places of a file, past the system's cache, all cores at it together."""
    disk_cached: bool = False
    """The file could not be kept out of the system's cache: ``disk`` and ``disk_pictures`` may say too much."""
    loader: float | None = None
    """Core-seconds of the training loader, a picture of the first size; None where training is not installed."""
    share: float = 1.0
    """Of the cores, what this got while it measured: below 1, other work was on the machine."""

    def model(self, name: str | None = None) -> ModelRates:
        """The rates of a model; the first one measured if no name is given.

        Raises:
            EyeError: the model was not measured.
        """
        for one in self.models:
            if name is None or one.name == name:
                return one
        known = ", ".join(one.name for one in self.models)
        raise EyeError(f"{name} was not measured here (known: {known}): run `eye benchmark --model {name}` first")

    def prepare(self, model: ModelRates, size: float | None = None) -> float:
        """Core-seconds from an encoded picture of ``size`` bytes to the model's square."""
        return self._at(model.prepare, size)

    def keep(self, size: float | None = None) -> float:
        """Core-seconds of looking at a picture of ``size`` bytes in ingest."""
        return self._at(tuple(one.keep for one in self.sizes), size)

    def ingest(self, size: float | None = None) -> float:
        """Core-seconds of ingesting a picture of ``size`` bytes."""
        return self._at(tuple(one.ingest for one in self.sizes), size)

    def crop(self, size: float | None = None) -> float:
        """Core-seconds of cutting a training crop from a picture of ``size`` bytes."""
        return self._at(tuple(one.crop for one in self.sizes), size)

    def _at(self, costs: tuple[float, ...], size: float | None) -> float:
        """Linear in bytes between sizes and beyond the largest; never below the cost of the smallest."""
        if size is None:
            return costs[0]
        points = sorted(zip((one.bytes for one in self.sizes), costs, strict=True))
        if len(points) == 1:
            return points[0][1] * max(1.0, size / points[0][0])
        (a, low), (b, high) = next(((p, q) for p, q in pairwise(points) if size <= q[0]), (points[-2], points[-1]))
        return max(points[0][1], low + (high - low) * (size - a) / (b - a))

    def terms(self) -> tuple[Term, ...]:
        """Every rate with its source."""
        rows: list[tuple[str, float, str, str]] = []
        for one in self.sizes:
            label = f"{one.width}x{one.height}"
            size = f"a picture of {one.bytes:,.0f} bytes"
            rows.append((f"rates.keep.{label}", one.keep, "s", f"looking at {size}"))
            rows.append((f"rates.crop.{label}", one.crop, "s", f"a training crop of {size}"))
            rows.append((f"rates.ingest.{label}", one.ingest, "s", f"ingest, listing to committed row, of {size}"))
        for model in self.models:
            label = f"rates.{model.name}"
            rows += [
                (f"{label}.prepare.{size.width}x{size.height}", cost, "s", f"decoding to {model.input_size} pixels")
                for size, cost in zip(self.sizes, model.prepare, strict=True)
            ]
            rows.append((f"{label}.run", model.run, "s", f"the network, {model.precision}, {model.runtime}"))
            rows.append((f"{label}.around", model.around, "s", "the rest of categorise: reading, answering, writing"))
            rows.append((f"{label}.start", model.start, "s", "one worker before its first picture"))
        rows += [
            ("rates.scan", self.scan, "s", "reading a picture in the order stored, cached"),
            ("rates.random", self.random, "s", "reading a picture in training order, cached"),
            ("rates.thumbnail_bytes", self.thumbnail_bytes, "bytes", "one thumbnail"),
            ("rates.row_bytes", self.row_bytes, "bytes", "metadata and ledger of one picture"),
            ("rates.result_bytes", self.result_bytes, "bytes", "result columns of one picture"),
            ("rates.disk", self.disk, "bytes/s", "sequential reading of the machine's disk"),
            ("rates.disk_write", self.disk_write, "bytes/s", "sequential writing of the machine's disk"),
            ("rates.disk_pictures", self.disk_pictures, "1/s", "random reads of one picture's size"),
        ]
        if self.loader is not None:
            rows.append(("rates.loader", self.loader, "s", "the training loader, a picture"))
        return tuple(
            Term(key, value, unit, "", self.kind, f"{words}{f', {_ABOUT}' if unit == 's' else ''}: {self.source}")
            for key, value, unit, words in rows
        )


def rates_path() -> Path:
    """Where `eye benchmark` keeps what it measured."""
    return home() / "rates.json"


def rates(*, documented: bool = True) -> Rates:
    """This machine's rates, or, until `eye benchmark` has run, the documented ones, marked ``published``.

    Raises:
        EyeError: nothing was measured and ``documented`` is False, or the file is not one of ours.
    """
    path = rates_path()
    if path.exists():
        return read_rates(path)
    if documented:
        return documented_rates()
    raise EyeError(f"this machine was not measured yet ({path} is not there): run `eye benchmark` first")


def documented_rates() -> Rates:
    """The rates of docs/scale.md: another machine's, good for orders of magnitude."""
    return _parsed(json.loads((files("compoundeye.capacity") / "data" / "documented_rates.json").read_text("utf-8")))


def read_rates(path: str | os.PathLike[str]) -> Rates:
    """Rates from a file that `keep_rates` wrote, here or on another machine.

    Raises:
        EyeError: it is not there, or it is not such a file.
    """
    try:
        return _parsed(json.loads(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise EyeError(f"cannot read rates from {os.fspath(path)}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise EyeError(f"{os.fspath(path)} holds no rates of this version ({error}): run `eye benchmark`") from None


def keep_rates(found: Rates, path: str | os.PathLike[str] | None = None) -> Path:
    """Write rates to a file, whole or not at all; other models' rates of the same machine stay in it.

    Raises:
        EyeError: nothing can be written there.
    """
    place = rates_path() if path is None else Path(path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        found = _with_others(found, place)
        handle, scratch = tempfile.mkstemp(dir=place.parent, prefix=".rates-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"format": FORMAT, **asdict(found)}, file, indent=1)
        os.replace(scratch, place)
    except OSError as error:
        raise EyeError(f"cannot keep rates in {place}: {error.strerror}; set COMPOUNDEYE_HOME") from None
    return place


def _with_others(found: Rates, place: Path) -> Rates:
    """Add models measured before, if on this machine and with pictures of the same sizes."""
    try:
        before = read_rates(place)
    except EyeError:
        return found
    sides = [(one.width, one.height) for one in found.sizes]
    if before.machine != found.machine or [(one.width, one.height) for one in before.sizes] != sides:
        return found
    fresh = {one.name for one in found.models}
    return replace(found, models=(*found.models, *(one for one in before.models if one.name not in fresh)))


def _parsed(values: dict[str, Any]) -> Rates:
    values = dict(values)
    if values.pop("format") != FORMAT:
        raise ValueError("another format")
    sizes = tuple(SizeRates(**one) for one in values.pop("sizes"))
    models = tuple(ModelRates(**{**one, "prepare": tuple(one["prepare"])}) for one in values.pop("models"))
    if not sizes or not models or any(len(one.prepare) != len(sizes) for one in models):
        raise ValueError("no sizes, no models, or not a cost for each size")
    return Rates(sizes=sizes, models=models, **values)
