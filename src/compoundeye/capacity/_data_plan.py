"""Whether decoders, disks and network feed so many accelerators, and what that asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf
from typing import Literal

from compoundeye.capacity._cluster import Cluster
from compoundeye.capacity._rates import Rates, documented_rates
from compoundeye.capacity._storage import fragments_of
from compoundeye.capacity._term import Kind, Term
from compoundeye.records import EyeError

Store = Literal["disk", "object"]

_LOADER_SIDE = 224
_ROWS_A_CALL = 64
_OPENING = 3.0
_COUNTED = (
    "benchmarks/plan_requests.py, GET requests counted at an emulated S3: calls for 16 and 32 rows took 17 and 32 in 2 "
    "fragments, 28 and 53 in 32; opening a fragment took 3 more, once a process"
)
_IN_FLIGHT = 64
_IN_FLIGHT_SOURCE = (
    "Lance, rust/lance-io/src/object_store.rs: DEFAULT_CLOUD_IO_PARALLELISM, https://github.com/lance-format/lance"
)
_OWN_CORES = 1.0
_OWN_CORES_SOURCE = "assumed: one core for each accelerator launches its kernels and runs its collectives"


@dataclass(frozen=True, slots=True)
class DataPlan:
    """What feeding a training takes; pictures/s and bytes are of the whole cluster unless they say otherwise."""

    pictures_per_second: float
    """That the accelerators want."""
    limits: Mapping[str, float]
    """Pictures/s that each part can give: decoders, and disk, or network and requests."""
    bound: str
    """The part that gives least."""
    input_bound: float
    """Share of the time that the accelerators wait for pictures: 0 if everything keeps up."""
    cores_per_gpu: float
    """Needed for decoding and the accelerator's own process."""
    cores_per_gpu_given: float
    threads_per_gpu: int
    """That decode for one accelerator: ``data.threads`` of a training, at least."""
    bytes_per_second: float
    bytes_per_second_node: float
    corpus_bytes: float
    """Encoded pictures: each epoch takes every node to another part of them, so a node that shall read nothing from
    afar twice keeps all."""
    cache_fits: bool
    """Whether that fits on a node's disks."""
    copy_seconds: float
    """Until every node has all of it, over the storage network."""
    memory_node: float
    """Bytes of main memory that the loaders of a node hold: batches made ahead, and what is being fetched for them."""
    requests: float
    """To the object store over all epochs; 0 from disks."""
    transferred_bytes: float
    """From the object store over all epochs, or for the one copy to every node."""
    cost: float | None
    """Of requests and transfer, by the prices that were given; None without prices."""
    notes: tuple[str, ...]
    made_of: tuple[Term, ...]

    def terms(self) -> tuple[Term, ...]:
        """Every figure with its formula; what it was made of comes last."""
        rows = [
            *((f"limit.{name}", value, "pictures/s", _LIMITS[name]) for name, value in self.limits.items()),
            ("input_bound", self.input_bound, "1", "1 - least limit / pictures wanted, at least 0"),
            ("cores_per_gpu", self.cores_per_gpu, "cores", "pictures/s of one x core-seconds a picture + its own"),
            ("bytes_per_second", self.bytes_per_second, "bytes/s", "pictures/s x bytes a picture"),
            ("corpus_bytes", self.corpus_bytes, "bytes", "pictures x bytes a picture"),
            ("memory_node", self.memory_node, "bytes", "accelerators x (ahead + 1) x batch x (3 x side^2 + bytes)"),
            ("requests", self.requests, "1", "pictures x epochs x requests a picture + opening"),
            ("transferred", self.transferred_bytes, "bytes", "pictures x epochs x bytes; from disks: one copy a node"),
        ]
        computed = (Term(f"data.{key}", value, unit, formula, "computed", "") for key, value, unit, formula in rows)
        return *computed, *self.made_of


_LIMITS = {
    "decoders": "(cores - own cores) of all nodes / core-seconds a picture",
    "disk": "bytes/s of all nodes' disks / bytes a picture",
    "network": "nodes x bandwidth to storage x fraction reached / bytes a picture",
    "requests": "accelerators x requests in flight / (latency x requests a picture)",
}


def data_plan(
    pictures_per_second: float,
    cluster: Cluster,
    *,
    pictures: int,
    picture_bytes: float | None = None,
    side: int = _LOADER_SIDE,
    rates: Rates | None = None,
    epochs: float = 1.0,
    store: Store = "disk",
    batch: int = 64,
    ahead: int = 2,
    price_1000_requests: float | None = None,
    price_gigabyte: float | None = None,
) -> DataPlan:
    """Lay what the accelerators want beside what decoders, disks and network give.

    Args:
        pictures_per_second: that all accelerators together take.
        cluster: see `cluster`.
        pictures: of the corpus.
        picture_bytes: of one encoded picture; those that were measured with if not given.
        side: of the crop, in pixels.
        rates: of a machine with cores like the cluster's; the documented ones if not given.
        epochs: of the training.
        store: where pictures are read from: a copy on each node's disks, or an object store.
        batch: pictures a step of one accelerator.
        ahead: batches made ahead, as `train.Loader` has it.
        price_1000_requests: of reading from the store.
        price_gigabyte: of 10^9 bytes that leave the store.

    Raises:
        EyeError: a number is out of its range.
    """
    for name, value in (
        ("pictures_per_second", pictures_per_second),
        ("pictures", pictures),
        ("picture_bytes", picture_bytes),
        ("side", side),
        ("epochs", epochs),
        ("batch", batch),
    ):
        if value is not None and value <= 0:
            raise EyeError(f"{name} must be above 0, not {value}")
    found = documented_rates() if rates is None else rates
    size = picture_bytes or found.sizes[0].bytes
    node, gpus = cluster.node, cluster.accelerators
    nodes = gpus / node.accelerators
    core_seconds, kind = _core_seconds(found, size)
    fragments = fragments_of(pictures, size)
    each = _requests_a_picture(fragments)
    own = _OWN_CORES * node.accelerators
    storage = cluster.storage or cluster.between
    sharing = 1 if cluster.storage is not None else node.accelerators
    link = storage.bandwidth * sharing * storage.achieved.at(size)
    limits = {"decoders": max(0.0, node.cores - own) * nodes / core_seconds}
    if store == "disk":
        limits["disk"] = nodes * node.disk / size
    else:
        limits["network"] = nodes * link / size
        waiting = storage.latency * each
        limits["requests"] = gpus * _IN_FLIGHT / waiting if waiting > 0 else inf
    bound = min(limits, key=lambda name: limits[name])
    corpus = pictures * size
    remote = store == "object"
    requests = pictures * epochs * each + _opening(pictures * epochs, fragments, gpus) if remote else 0.0
    transferred = corpus * (epochs if remote else nodes)
    notes = list(_notes(found, size, side, corpus, node.disk_size, store))
    if kind == "computed":
        notes.append(
            "the loader was not measured (training is not installed): its cost is that of reading and cropping"
        )
    return DataPlan(
        pictures_per_second=pictures_per_second,
        limits=limits,
        bound=bound,
        input_bound=max(0.0, 1 - limits[bound] / pictures_per_second),
        cores_per_gpu=pictures_per_second / gpus * core_seconds + _OWN_CORES,
        cores_per_gpu_given=node.cores / node.accelerators,
        threads_per_gpu=ceil(pictures_per_second / gpus * core_seconds),
        bytes_per_second=pictures_per_second * size,
        bytes_per_second_node=pictures_per_second * size / nodes,
        corpus_bytes=corpus,
        cache_fits=corpus <= node.disk_size,
        copy_seconds=corpus / link,
        memory_node=node.accelerators * (ahead + 1) * batch * (3.0 * side * side + size),
        requests=requests,
        transferred_bytes=transferred,
        cost=_cost(requests, transferred, price_1000_requests, price_gigabyte),
        notes=tuple(notes),
        made_of=(
            Term("data.given.core_seconds", core_seconds, "s", _LOADER_FORMULA, kind, found.source),
            Term("data.given.own_cores", _OWN_CORES, "cores", "", "assumed", _OWN_CORES_SOURCE),
            Term("data.given.requests_a_picture", each, "1", _EACH_FORMULA, "measured", _COUNTED),
            Term("data.given.fragments", float(fragments), "1", "as ingest makes them", "computed", ""),
            Term("data.given.opening", _OPENING, "1", "a fragment and process, once", "measured", _COUNTED),
            Term("data.given.in_flight", float(_IN_FLIGHT), "1", "", "published", _IN_FLIGHT_SOURCE),
            Term("data.given.link", link, "bytes/s", "of one node", "computed", "; ".join(storage.sources.values())),
        ),
    )


_EACH_FORMULA = "one for the picture, and one for the ids of each fragment that a call for 64 rows meets"


def _requests_a_picture(fragments: int) -> float:
    """Rows of a call lie anywhere: some share a fragment."""
    met = fragments * (1 - (1 - 1 / fragments) ** _ROWS_A_CALL)
    return 1 + met / _ROWS_A_CALL


def _opening(pictures: float, fragments: int, processes: int) -> float:
    """Each process opens the fragments that it meets."""
    return _OPENING * processes * min(pictures / processes, fragments)


_LOADER_FORMULA = "loader + (crop at this size - crop at the loader's); without a loader: crop + reading at random"


def _core_seconds(rates: Rates, size: float) -> tuple[float, Kind]:
    """Of one picture from the store to a batch."""
    if rates.loader is None:
        return rates.crop(size) + rates.random, "computed"
    return rates.loader - rates.crop() + rates.crop(size), rates.kind


def _notes(rates: Rates, size: float, side: int, corpus: float, disk: float, store: Store) -> tuple[str, ...]:
    notes = []
    if rates.kind == "published":
        notes.append(f"decoding is that of {rates.machine}: run `eye benchmark` on a machine like the cluster's")
    if side != _LOADER_SIDE:
        notes.append(f"decoding was measured for crops of {_LOADER_SIDE} pixels; {side} may cost more or less")
    largest = max(one.bytes for one in rates.sizes)
    if size > largest:
        notes.append(f"pictures of {size:,.0f} bytes are larger than any that was measured ({largest:,.0f})")
    if store == "disk" and corpus > disk:
        notes.append(
            f"the corpus ({corpus / 1e12:,.1f} TB) does not fit on a node's disks ({disk / 1e12:,.1f} TB): "
            "read it from an object store, or give nodes a file system they share"
        )
    return tuple(notes)


def _cost(requests: float, transferred: float, a_thousand: float | None, a_gigabyte: float | None) -> float | None:
    if a_thousand is None and a_gigabyte is None:
        return None
    return requests / 1_000 * (a_thousand or 0.0) + transferred / 1e9 * (a_gigabyte or 0.0)
