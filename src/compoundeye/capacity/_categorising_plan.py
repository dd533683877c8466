"""What categorising an archive will take: hours, cores or GPUs, and room for what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

from compoundeye.capacity._published_gpu import gpu_rate
from compoundeye.capacity._rates import ModelRates, Rates
from compoundeye.capacity._storage import fragments_of, storage, storage_terms
from compoundeye.capacity._term import Term
from compoundeye.records import EyeError

Bound = Literal["cores", "disk", "gpus"]

_MOST_FRAGMENTS = 92_000
_GPU_NOTE = (
    "`eye categorise` runs models on processors today: the way by GPUs tells what such machines would have to do"
)


@dataclass(frozen=True, slots=True)
class Way:
    """Categorising by one kind of machine."""

    hours: float
    """From start to end, on all machines together."""
    bound: Bound
    """What the hours hang on."""
    pictures_per_second: float
    core_hours: float
    gpu_hours: float
    cost: float | None
    """In the currency of the prices that were given; None without prices."""


@dataclass(frozen=True, slots=True)
class CategorisingPlan:
    """What N pictures take."""

    pictures: int
    picture_bytes: float
    model: str
    machines: int
    cores: int
    """Of all machines."""
    gpus: int
    ingest: Way
    categorise: Way
    """On cores, or on GPUs fed by cores if GPUs were asked for."""
    cores_for_deadline: int | None
    """That categorise within the hours that were asked for; None if none were."""
    cores_per_gpu: float | None
    """That keep one GPU busy with decoding, reading and writing."""
    storage: Mapping[str, float]
    """Bytes of originals, thumbnails, metadata (and ledger), embeddings, index (of vectors) and results."""
    fragments: int
    storage_cost: float | None
    """A month, by the price that was given."""
    notes: tuple[str, ...]
    made_of: tuple[Term, ...]

    @property
    def total_bytes(self) -> float:
        """Everything on disk."""
        return sum(self.storage.values())

    def terms(self) -> tuple[Term, ...]:
        """Every figure with its formula and source; what it was made of comes last."""
        rows = [
            ("hours", self.categorise.hours, "h", "max(core-seconds / cores, bytes / disk, pictures / GPUs) + start"),
            ("core_hours", self.categorise.core_hours, "h", "pictures x (prepare + run + around) / 3,600"),
            ("ingest.hours", self.ingest.hours, "h", "max(core-seconds / cores, bytes / reading + bytes / writing)"),
            ("ingest.core_hours", self.ingest.core_hours, "h", "pictures x ingest / 3,600"),
            ("fragments", float(self.fragments), "1", "pictures / rows of a fragment, fewer rows in the first"),
            *(
                (f"storage.{name}", value, "bytes", "pictures x bytes a picture")
                for name, value in self.storage.items()
            ),
        ]
        terms = (Term(f"categorise.{key}", value, unit, words, "computed", "") for key, value, unit, words in rows)
        return *terms, *self.made_of


def categorising_plan(
    pictures: int,
    rates: Rates,
    *,
    model: str | None = None,
    picture_bytes: float | None = None,
    machines: int = 1,
    cores: int | None = None,
    gpus: int = 0,
    gpu: str | None = None,
    gpu_pictures_per_second: float | None = None,
    disk: float | None = None,
    deadline_hours: float | None = None,
    fragments: int | None = None,
    core_hour_price: float | None = None,
    gpu_hour_price: float | None = None,
    gigabyte_month_price: float | None = None,
) -> CategorisingPlan:
    """Plan `eye ingest` and `eye categorise` of so many pictures.

    Args:
        pictures: how many, duplicates taken off.
        rates: of a machine like those that will do it: see `rates`.
        model: one that was measured; the first of ``rates`` if not given.
        picture_bytes: of one encoded picture; those that were measured with if not given.
        machines: equal machines.
        cores: of one machine; as many as were measured if not given.
        gpus: of all machines together; 0 runs models on the cores.
        gpu: name, to take the published rate of the model on it.
        gpu_pictures_per_second: of one GPU, measured by the user; instead of ``gpu``.
        disk: bytes/s that one machine reads from where the corpus will be; the rates' disk if not given.
        deadline_hours: how many cores would categorise within so many hours.
        fragments: of the corpus, if it is there already.
        core_hour_price: of one core.
        gpu_hour_price: of one GPU, its machine included: cores cost nothing beside it.
        gigabyte_month_price: of 10^9 bytes for a month.

    Raises:
        EyeError: a number is out of its range, the model was not measured, or nothing is known of the GPU.
    """
    cores = rates.cores if cores is None else cores
    numbers = {"pictures": pictures, "machines": machines, "cores": cores, "picture_bytes": picture_bytes, "disk": disk}
    for name, number in (numbers | {"deadline_hours": deadline_hours, "fragments": fragments}).items():
        if number is not None and number <= 0:
            raise EyeError(f"{name} must be above 0, not {number}")
    if gpus < 0 or (gpus > 0 and gpu is None and gpu_pictures_per_second is None):
        raise EyeError("GPUs need a rate: name the GPU, or give the pictures that one looks at in a second")
    found = rates.model(model)
    size = picture_bytes or rates.sizes[0].bytes
    job = _Job(pictures, machines * cores, pictures * size / ((disk or rates.disk) * machines))
    fragments = fragments or fragments_of(pictures, size)
    around = rates.prepare(found, size) + found.around
    room = storage(pictures, size, rates, found)
    written = sum(room[name] for name in ("originals", "thumbnails", "metadata")) / (rates.disk_write * machines)
    rate, gpu_terms = _gpu(gpu, gpu_pictures_per_second, found) if gpus else (None, ())
    if rate is None:
        start = found.start * (1 if cores == 1 else 2)  # the coordinator's, then those of all workers at once
        chosen = job.on_cores(around + found.run, core_hour_price, fragments, start)
    else:
        chosen = job.on_gpus(around, gpus, rate, gpu_hour_price)
    return CategorisingPlan(
        pictures=pictures,
        picture_bytes=size,
        model=found.name,
        machines=machines,
        cores=job.cores,
        gpus=gpus,
        ingest=replace(job, disk_seconds=job.disk_seconds + written).on_cores(rates.ingest(size), core_hour_price),
        categorise=chosen,
        cores_for_deadline=None if deadline_hours is None else ceil(chosen.core_hours / deadline_hours),
        cores_per_gpu=None if rate is None else rate * around,
        storage=room,
        fragments=fragments,
        storage_cost=None if gigabyte_month_price is None else sum(room.values()) / 1e9 * gigabyte_month_price,
        notes=tuple(_notes(rates, job, fragments, machines, gpus, disk, deadline_hours)),
        made_of=(*_given(rates, found, size, disk), *gpu_terms, *storage_terms(size, rates, found)),
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """Reading, computing and looking overlap: the slowest decides."""

    pictures: int
    cores: int
    disk_seconds: float

    def on_cores(self, each: float, price: float | None, fragments: int | None = None, start: float = 0.0) -> Way:
        """``each``: core-seconds a picture. A core does whole fragments, if there are any."""
        work = self.pictures * each
        shared = work / self.cores if fragments is None else work / fragments * ceil(fragments / self.cores)
        seconds = max(shared, self.disk_seconds) + start
        bound: Bound = "cores" if shared >= self.disk_seconds else "disk"
        cost = None if price is None else max(work, seconds * self.cores) / 3600 * price
        return Way(seconds / 3600, bound, self.pictures / seconds, work / 3600, 0.0, cost)

    def on_gpus(self, each: float, gpus: int, rate: float, price: float | None) -> Way:
        """``each``: core-seconds beside the model; ``rate``: pictures/s of one GPU."""
        work = self.pictures * each
        parts: dict[Bound, float] = {
            "gpus": self.pictures / rate / gpus,
            "cores": work / self.cores,
            "disk": self.disk_seconds,
        }
        bound = max(parts, key=lambda name: parts[name])
        hours = parts[bound] / 3600
        cost = None if price is None else hours * gpus * price
        return Way(hours, bound, self.pictures / parts[bound], work / 3600, hours * gpus, cost)


def _notes(
    rates: Rates, job: _Job, fragments: int, machines: int, gpus: int, disk: float | None, deadline: float | None
) -> Iterator[str]:
    if rates.kind == "published":
        yield f"rates are documented ones, of {rates.machine}: run `eye benchmark` here"
    if rates.disk_cached and disk is None:
        yield "the disk was not measured past the system's cache: give the bytes/s it reads"
    if deadline is not None and job.disk_seconds > 3600 * deadline:
        yield f"reading alone takes {job.disk_seconds / 3600:,.1f} hours: no number of cores meets the deadline"
    if gpus:
        yield _GPU_NOTE
    if machines > 1:
        yield "several machines share a corpus on common storage; the engine for that is not part of this version"
    if fragments > _MOST_FRAGMENTS:
        yield "more fragments than a manifest should list (docs/scale.md): larger fragments come first"


def _gpu(name: str | None, rate: float | None, model: ModelRates) -> tuple[float, tuple[Term, ...]]:
    if rate is not None:
        return rate, (Term("categorise.given.gpu", rate, "1/s", "", "measured", "given by the user, of one GPU"),)
    assert name is not None  # checked above
    found = gpu_rate(name, model.name)
    return found.pictures_per_second, (
        Term("categorise.given.gpu", found.pictures_per_second, "1/s", "", "published", found.source),
    )


def _given(rates: Rates, model: ModelRates, size: float, disk: float | None) -> tuple[Term, ...]:
    between = "linear in bytes between the sizes that were measured"
    rows = [
        ("prepare", rates.prepare(model, size), "s", between),
        ("run", model.run, "s", ""),
        ("around", model.around, "s", "whole of categorise - prepare - run"),
        ("start", model.start, "s", ""),
        ("ingest", rates.ingest(size), "s", between),
        ("disk_write", rates.disk_write, "bytes/s", "of one machine"),
    ]
    if disk is None:
        rows.append(("disk", rates.disk, "bytes/s", "of one machine"))
    terms = tuple(
        Term(f"categorise.given.{key}", value, unit, words, rates.kind, rates.source)
        for key, value, unit, words in rows
    )
    if disk is None:
        return terms
    return *terms, Term("categorise.given.disk", disk, "bytes/s", "of one machine", "measured", "given by the user")
