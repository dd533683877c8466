"""Accelerators, networks and clusters by name: from the files of this package, or the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from compoundeye.capacity._cluster import Accelerator, Cluster, Network, Node
from compoundeye.capacity._hardware_file import HardwareFile, NodeFigures, kind_of, read
from compoundeye.capacity._term import Term
from compoundeye.models import home
from compoundeye.records import EyeError

OURS = Path(__file__).parent / "data" / "hardware"


def users_folder() -> Path:
    """Where a user's own files lie; one of the same name goes before ours: ``$COMPOUNDEYE_HOME/hardware``."""
    return home() / "hardware"


@dataclass(frozen=True, slots=True)
class HardwareNames:
    """What there is to plan with."""

    accelerators: tuple[str, ...]
    networks: tuple[str, ...]


def hardware_names() -> HardwareNames:
    """Names of all accelerators and networks, ours and the user's, sorted.

    Raises:
        EyeError: a file of the user's makes no sense.
    """
    files = [described(name) for name in sorted(_paths())]
    return HardwareNames(
        tuple(file.name for file in files if file.accelerator), tuple(file.name for file in files if file.network)
    )


def accelerator(name: str) -> Accelerator:
    """An accelerator by name, or by the path of a TOML file that describes it.

    Raises:
        EyeError: there is none of this name, or its file makes no sense.
    """
    return _accelerator_file(name)[1]


def network(name: str) -> Network:
    """A network by name, or by the path of a TOML file that describes it.

    Bandwidth is that of one accelerator; of one node for those that the accelerators of a node share (Ethernet and
    storage): ``cluster`` divides it.

    Raises:
        EyeError: there is none of this name, or its file makes no sense.
    """
    return _network_file(name)[1]


def accelerator_of(device: str) -> Accelerator | None:
    """The accelerator that a driver calls by this name (``torch.cuda.get_device_name``); None for one not known.

    The file that names the most words of it wins: ``H100 PCIe`` before ``H100``.
    """
    file = file_of(device, [OURS, users_folder()])
    return file.accelerator if file else None


def file_of(device: str, folders: Sequence[Path]) -> HardwareFile | None:
    """The file in these folders that names the most of the words by which a driver calls a device, if any does."""
    said, found = set(device.replace("-", " ").lower().split()), list[tuple[int, str, HardwareFile]]()
    for name, path in _paths(folders).items():
        file = _read(path, path.stat().st_mtime_ns)
        words = set(file.device.lower().split())
        if file.accelerator and words and words <= said:
            found.append((len(words), name, file))
    return max(found, key=lambda one: one[:2])[2] if found else None


def cluster(gpu: str, gpus: int, network: str | None = None, *, storage: str | None = None) -> Cluster:
    """So many accelerators of one kind in nodes of the kind that they come in.

    ``network``: between the nodes; that which such nodes usually have if None. ``storage``: to the object store, per
    node; None: the same as between nodes. Fewer accelerators than a node has get their share of it.

    Raises:
        EyeError: a name is not known, the accelerators are not whole nodes, or the file of the accelerator describes
            no node.
    """
    file, chosen = _accelerator_file(gpu)
    if file.node is None:
        raise EyeError(f"{file.path} describes no node: add the table [node] to plan clusters of {file.name}")
    figures = file.node
    if gpus < 1:
        raise EyeError(f"a cluster needs at least one accelerator, not {gpus}")
    if gpus > figures.accelerators and gpus % figures.accelerators:
        raise EyeError(f"{gpus} are not whole nodes: {file.name} comes {figures.accelerators} to a node")
    between = _network_file(network or figures.between)
    stored = _network_file(storage)[1] if storage else None
    node = _node(figures, chosen, min(gpus, figures.accelerators))
    return Cluster(node, gpus, _for_one(*between, node.accelerators), stored)


def hardware_terms(cluster: Cluster) -> tuple[Term, ...]:
    """Each figure of a cluster with its source, for ``--explain``."""
    gpu, node = cluster.node.accelerator, cluster.node
    units = {"memory": "bytes", "reserved": "bytes", "bandwidth": "bytes/s", "watts": "W", "launch": "s"}
    terms = [_term(f"accelerator.{key}", getattr(gpu, key), unit, gpu.sources[key]) for key, unit in units.items()]
    for precision, peak in gpu.peak.items():
        terms.append(_term(f"accelerator.peak.{precision}", peak, "FLOP/s", gpu.sources[f"peak.{precision}"]))
    for key, curve in (("products", gpu.products), ("streams", gpu.streams)):
        terms.append(_term(f"accelerator.{key}.limit", curve.points[-1][1], "1", gpu.sources[key]))
    units = {"accelerators": "1", "cores": "1", "memory": "bytes", "disk": "bytes/s", "disk_size": "bytes"}
    for key, unit in (units | {"watts": "W"}).items():
        terms.append(_term(f"node.{key}", getattr(node, key), unit, node.sources[key]))
    joined = {"within": node.within, "between": cluster.between, "storage": cluster.storage}
    for key, one in joined.items():
        if one is not None:
            terms.append(_term(f"{key}.bandwidth", one.bandwidth, "bytes/s", one.sources["bandwidth"]))
            terms.append(_term(f"{key}.latency", one.latency, "s", one.sources["latency"]))
            terms.append(_term(f"{key}.achieved.limit", one.achieved.points[-1][1], "1", one.sources["achieved"]))
    return tuple(terms)


def _term(key: str, value: float, unit: str, source: str) -> Term:
    return Term(key, float(value), unit, "", kind_of(source), source)


def _node(figures: NodeFigures, chosen: Accelerator, accelerators: int) -> Node:
    """A node, or the share of one that so many of its accelerators have."""
    share, sources = accelerators / figures.accelerators, dict(figures.sources)
    if share < 1:
        sources["accelerators"] += f"; {accelerators} of them, with their share of the node"
    return Node(
        accelerator=chosen,
        accelerators=accelerators,
        within=_for_one(*_network_file(figures.within), accelerators),
        cores=max(1, int(figures.cores * share)),
        memory=figures.memory * share,
        disk=figures.disk * share,
        disk_size=figures.disk_size * share,
        watts=figures.watts * share,
        sources=sources,
    )


def _for_one(file: HardwareFile, chosen: Network, accelerators: int) -> Network:
    """A network as one accelerator of a node has it."""
    if not file.shared or accelerators == 1:
        return chosen
    source = f"{chosen.sources['bandwidth']}; shared by the {accelerators} accelerators of a node"
    return replace(chosen, bandwidth=chosen.bandwidth / accelerators, sources={**chosen.sources, "bandwidth": source})


def _accelerator_file(name: str) -> tuple[HardwareFile, Accelerator]:
    file = described(name, "accelerator")
    if file.accelerator is None:
        raise EyeError(f"{name} is a network; {_known('accelerator')}")
    return file, file.accelerator


def _network_file(name: str) -> tuple[HardwareFile, Network]:
    file = described(name, "network")
    if file.network is None:
        raise EyeError(f"{name} is an accelerator; {_known('network')}")
    return file, file.network


def described(name: str, what: str = "hardware") -> HardwareFile:
    """What is known by a name, or what the file at a path describes.

    Raises:
        EyeError: there is nothing of this name, or its file makes no sense.
    """
    if name.endswith(".toml"):
        path = Path(name).expanduser()
    elif (known := _paths().get(name.lower())) is not None:
        path = known
    else:
        near = get_close_matches(name.lower(), _paths(), n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise EyeError(f"no {what} is called {name}; {hint}{_known(what)}; yours go to {users_folder()}/NAME.toml")
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        raise EyeError(f"there is no hardware file {path}") from None
    return _read(path, changed)


def _known(what: str) -> str:
    names = list[str]()
    for path in _paths().values():
        try:
            file = read(path)
        except EyeError:  # the one that makes no sense is told of when it is asked for
            continue
        if what == "hardware" or (file.accelerator if what == "accelerator" else file.network):
            names.append(file.name)
    return f"known are {', '.join(sorted(names))}"


@cache
def _read(path: Path, changed: int) -> HardwareFile:  # noqa: ARG001  # a file that has changed is read again
    file = read(path)
    if file.name != path.stem:
        raise EyeError(f"hardware file {path} calls itself {file.name}: its name and that of the file must be the same")
    return file


def _paths(folders: Sequence[Path] | None = None) -> dict[str, Path]:
    """Files by name; the user's go before ours."""
    every = [OURS, users_folder()] if folders is None else folders
    return {path.stem: path for folder in every for path in sorted(folder.glob("*.toml"))}
