"""What categorising an archive will take: hours, cores or GPUs, and room for what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log
from typing import Literal

from compoundeye.capacity._published_gpu import gpu_rate
from compoundeye.capacity._rates import ModelRates, Rates
from compoundeye.capacity._term import Kind, Term
from compoundeye.records import EyeError

Bound = Literal["cores", "disk", "gpus"]

_LARGEST_FRAGMENT, _SMALLEST_FRAGMENT, _FRAGMENTS = 32_768, 1_024, 16
_FRAGMENT_BYTES = 256 << 20
_LAYOUT = (
    "src/compoundeye/corpus/_ingest.py: fragments of 1,024 to 32,768 rows, a sixteenth of the corpus in between, and "
    "of 256 MiB of pictures at most"
)
_CODE_OVERHEAD = 16
_CODES = (
    "IVF_RQ: one bit a dimension (Gao and Long, RaBitQ, SIGMOD 2024, arXiv:2405.12497), and 16 bytes of factors and "
    "row number: 32 bytes measured at 128 dimensions (docs/scale.md)"
)
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
    """Bytes by what they hold: originals, thumbnails, metadata (and ledger), embeddings, index (of vectors), results."""
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
        given = self.made_of
        rows = [
            ("hours", self.categorise.hours, "h", "max(core-seconds / cores, bytes / disk, pictures / GPUs) + start"),
            ("core_hours", self.categorise.core_hours, "h", "pictures x (prepare + run + around) / 3,600"),
            ("ingest.hours", self.ingest.hours, "h", "max(core-seconds / cores, bytes / reading + bytes / writing)"),
            (
                "ingest.core_hours",
                self.ingest.core_hours,
                "h",
                "pictures x ingest / 3,600",
            ),
            ("fragments", float(self.fragments), "1", "pictures / rows of a fragment, fewer rows in the first"),
            *(
                (f"storage.{name}", value, "bytes", "pictures x bytes a picture")
                for name, value in self.storage.items()
            ),
        ]
        return *(
            Term(f"categorise.{key}", value, unit, formula, "computed", "") for key, value, unit, formula in rows
        ), *given


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
    all_cores = machines * cores
    speed = (disk or rates.disk) * machines
    fragments = fragments or fragments_of(pictures, size)
    per_picture = rates.prepare(found, size) + found.run + found.around
    storage = _storage(pictures, size, rates, found)
    kept = sum(storage[name] for name in ("originals", "thumbnails", "metadata"))
    moved = pictures * size / speed + kept / (rates.disk_write * machines)
    ingest = _way(pictures, rates.ingest(size), all_cores, moved, 0.0, core_hour_price)
    notes = [f"rates are documented ones, of {rates.machine}: run `eye benchmark` here"] * (rates.kind == "published")
    gpu_terms: tuple[Term, ...] = ()
    cores_per_gpu = None
    if gpus:
        rate, gpu_terms = _gpu(gpu, gpu_pictures_per_second, found)
        per_picture -= found.run
        cores_per_gpu = rate * per_picture
        chosen = _way(pictures, per_picture, all_cores, pictures * size / speed, pictures / rate / gpus, None)
        gpu_hours = chosen.hours * gpus
        cost = None if gpu_hour_price is None else gpu_hours * gpu_hour_price
        chosen = Way(chosen.hours, chosen.bound, chosen.pictures_per_second, chosen.core_hours, gpu_hours, cost)
        notes.append(_GPU_NOTE)
    else:
        start = found.start * (1 if cores == 1 else 2)
        chosen = _way(pictures, per_picture, all_cores, pictures * size / speed, 0.0, core_hour_price, fragments, start)
    if rates.disk_cached and disk is None:
        notes.append("the disk was not measured past the system's cache: give the bytes/s it reads")
    if machines > 1:
        notes.append(
            "several machines share a corpus on common storage; the engine for that is not part of this version"
        )
    if fragments > 92_000:
        notes.append("more fragments than a manifest should list (docs/scale.md): larger fragments come first")
    total = sum(storage.values())
    return CategorisingPlan(
        pictures=pictures,
        picture_bytes=size,
        model=found.name,
        machines=machines,
        cores=all_cores,
        gpus=gpus,
        ingest=ingest,
        categorise=chosen,
        cores_for_deadline=None if deadline_hours is None else ceil(chosen.core_hours / deadline_hours),
        cores_per_gpu=cores_per_gpu,
        storage=storage,
        fragments=fragments,
        storage_cost=None if gigabyte_month_price is None else total / 1e9 * gigabyte_month_price,
        notes=tuple(notes),
        made_of=(*_given(rates, found, size, speed), *gpu_terms),
    )


def fragments_of(rows: int, picture_bytes: float) -> int:
    """Fragments of a corpus of so many rows that one ingest made (`_LAYOUT`)."""
    most = max(1, min(_LARGEST_FRAGMENT, int(_FRAGMENT_BYTES / picture_bytes)))
    least = min(_SMALLEST_FRAGMENT, most)
    if rows <= _FRAGMENTS * least:
        return ceil(rows / least)
    # Each fragment adds a sixteenth to the rows, until fragments are as large as they get.
    grown = min(rows, _FRAGMENTS * most)
    growing = log(grown / (_FRAGMENTS * least)) / log(1 + 1 / _FRAGMENTS)
    return ceil(_FRAGMENTS + growing + (rows - grown) / most)


def _way(
    pictures: int,
    core_seconds: float,
    cores: int,
    disk_seconds: float,
    gpu_seconds: float,
    price: float | None,
    fragments: int | None = None,
    start: float = 0.0,
) -> Way:
    """Reading, computing and looking overlap: the slowest decides. A core does whole fragments."""
    work = pictures * core_seconds
    core_time = work / cores if fragments is None else work / fragments * ceil(fragments / cores)
    parts: dict[Bound, float] = {"cores": core_time, "disk": disk_seconds, "gpus": gpu_seconds}
    bound = max(parts, key=lambda name: parts[name])
    seconds = parts[bound] + start
    hours = work / 3600
    cost = None if price is None else max(hours, seconds * cores / 3600) * price
    return Way(seconds / 3600, bound, pictures / seconds, hours, 0.0, cost)


def _gpu(name: str | None, rate: float | None, model: ModelRates) -> tuple[float, tuple[Term, ...]]:
    if rate is not None:
        return rate, (Term("categorise.gpu_rate", rate, "1/s", "", "measured", "given by the user, one GPU"),)
    assert name is not None  # checked above
    found = gpu_rate(name, model.name)
    term = Term("categorise.gpu_rate", found.pictures_per_second, "1/s", "", "published", found.source)
    return found.pictures_per_second, (term,)


def _storage(pictures: int, size: float, rates: Rates, model: ModelRates) -> dict[str, float]:
    return {
        "originals": pictures * size,
        "thumbnails": pictures * min(rates.thumbnail_bytes, size),
        "metadata": pictures * rates.row_bytes,
        "embeddings": pictures * 2.0 * model.embedding_dim,
        "index": pictures * (model.embedding_dim / 8 + _CODE_OVERHEAD),
        "results": pictures * rates.result_bytes,
    }


def _given(rates: Rates, model: ModelRates, size: float, disk: float) -> tuple[Term, ...]:
    def term(key: str, value: float, unit: str, formula: str, kind: Kind, source: str) -> Term:
        return Term(f"categorise.given.{key}", value, unit, formula, kind, source)

    between = "linear in bytes between the sizes that were measured"
    return (
        term("prepare", rates.prepare(model, size), "s", between, rates.kind, rates.source),
        term("run", model.run, "s", "", rates.kind, rates.source),
        term("around", model.around, "s", "whole of categorise - prepare - run", rates.kind, rates.source),
        term("start", model.start, "s", "", rates.kind, rates.source),
        term("ingest", rates.ingest(size), "s", between, rates.kind, rates.source),
        term("disk", disk, "bytes/s", "machines x bytes/s of one", rates.kind, rates.source),
        term("disk_write", rates.disk_write, "bytes/s", "of one machine", rates.kind, rates.source),
        term("thumbnail", rates.thumbnail_bytes, "bytes", "", rates.kind, rates.source),
        term("row", rates.row_bytes, "bytes", "", rates.kind, rates.source),
        term("result", rates.result_bytes, "bytes", "", rates.kind, rates.source),
        term(
            "embedding", 2.0 * model.embedding_dim, "bytes", "2 x dimensions (float16)", "computed", "the model's card"
        ),
        term("code", model.embedding_dim / 8 + _CODE_OVERHEAD, "bytes", "dimensions / 8 + 16", "published", _CODES),
        term("fragment", min(_LARGEST_FRAGMENT, _FRAGMENT_BYTES / size), "rows", "", "published", _LAYOUT),
    )
