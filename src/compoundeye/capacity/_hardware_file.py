"""One TOML file of hardware: figures with their sources, to an accelerator with its node, or to a network.

Each figure is ``{ value = ..., source = "..." }``. A source is text, or the name of one in the file's ``[sources]``. It
begins with ``data sheet:``, ``measured:`` or ``assumed:`` and the reason; what begins otherwise was published. Figures
are in SI units: bytes, bytes/s, FLOP/s, seconds, watts. A curve has one of three forms:

- ``value = [[size, fraction], ...]``
- ``floor = seconds, limit = fraction``: nothing takes less than the floor, the limit is reached at last;
- ``table = [[bytes of the message, bytes/s of bus bandwidth], ...], ranks = n`` for a network, as nccl-tests measures
  an all-reduce; with ``limit`` the largest message is put there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compoundeye.capacity._cluster import Accelerator, Curve, Network
from compoundeye.capacity._curves import from_all_reduce, from_floor, rising
from compoundeye.capacity._term import Kind
from compoundeye.records import EyeError

_KINDS: dict[str, Kind] = {"data sheet": "datasheet", "measured": "measured", "assumed": "assumed"}


def kind_of(source: str) -> Kind:
    """Which kind of figure a source makes: it says so before its first colon; published if it does not."""
    return _KINDS.get(source.split(":", 1)[0], "published")


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """What a file says of the machine around its accelerators; networks by name."""

    accelerators: int
    within: str
    between: str
    cores: int
    memory: float
    disk: float
    disk_size: float
    watts: float
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HardwareFile:
    """What one file describes: an accelerator with its node, or a network."""

    path: Path
    name: str
    about: str
    device: str
    """Words that are all in the name by which the driver calls this accelerator; empty: not to be found by it."""
    accelerator: Accelerator | None
    node: NodeFigures | None
    network: Network | None
    shared: bool
    """Whether the network's bandwidth is that of a node, which its accelerators share."""


def read(path: Path) -> HardwareFile:
    """What a file describes.

    Raises:
        EyeError: the file cannot be read, or a figure in it is missing or makes no sense.
    """
    try:
        return _parsed(path, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EyeError(f"hardware file {path} cannot be read: {error}") from None
    except _FigureError as error:
        raise EyeError(f"hardware file {path}: {error}") from None


class _FigureError(Exception):
    """What is wrong with a file, without its path."""


def _parsed(path: Path, data: Mapping[str, Any]) -> HardwareFile:
    _known(data, ["name", "about", "device", "shared", "sources", "accelerator", "node", "network"], "the file")
    name, texts = data.get("name", path.stem), data.get("sources", {})
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in [name, *texts.values()]):
        raise _FigureError("`name` and everything in [sources] must be text")
    if ("accelerator" in data) == ("network" in data):
        raise _FigureError("it must have one of the tables [accelerator] and [network]")
    accelerator = node = network = None
    if "network" in data:
        network = _network(name, _Table("network", data["network"], texts))
    else:
        accelerator = _accelerator(name, _Table("accelerator", data["accelerator"], texts))
        if "node" in data:
            node = _node(_Table("node", data["node"], texts))
    about, device = str(data.get("about", "")), str(data.get("device", ""))
    return HardwareFile(path, name, about, device, accelerator, node, network, bool(data.get("shared", False)))


class _Table:
    """A table of figures; notes the source of each that is asked for."""

    def __init__(self, name: str, data: Any, texts: Mapping[str, str]) -> None:
        if not isinstance(data, dict):
            raise _FigureError(f"[{name}] must be a table")
        self.name, self.data, self.texts = name, data, texts
        self.sources: dict[str, str] = {}

    def entry(self, key: str) -> dict[str, Any]:
        """A figure's table, with a source."""
        entry = self.data.get(key)
        if not isinstance(entry, dict):
            raise _FigureError(f"[{self.name}] needs {key} = {{ value = ..., source = ... }}")
        source = entry.get("source")
        if not isinstance(source, str) or not source:
            raise _FigureError(f"{key} of [{self.name}] needs a source: where is the figure from?")
        self.sources[key] = self.texts.get(source, source)
        return entry

    def number(self, key: str, default: tuple[float, str] | None = None) -> float:
        """A figure of 0 or more; the default with its source where the file has none."""
        if default is not None and key not in self.data:
            self.sources[key] = default[1]
            return default[0]
        return _number(self.entry(key).get("value"), f"{key} of [{self.name}]")

    def positive(self, key: str) -> float:
        """A figure above 0."""
        if (value := self.number(key)) <= 0:
            raise _FigureError(f"{key} of [{self.name}] must be above 0")
        return value

    def text(self, key: str) -> str:
        """A name."""
        value = self.data.get(key)
        if not isinstance(value, str):
            raise _FigureError(f"[{self.name}] needs {key} = the name of a network")
        return value

    def only(self, keys: Iterable[str]) -> None:
        """No other keys than these: a misspelt one would be a figure that nobody reads."""
        _known(self.data, keys, f"[{self.name}]")


def _known(data: Mapping[str, Any], keys: Iterable[str], where: str) -> None:
    if unknown := sorted(set(data) - set(keys)):
        raise _FigureError(f"{where} has the unknown key {unknown[0]}; known are {', '.join(keys)}")


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise _FigureError(f"{what} must be a number of 0 or more, in SI units")
    return float(value)


def _pairs(value: Any, what: str) -> list[tuple[float, float]]:
    if not isinstance(value, list) or not value:
        raise _FigureError(f"{what} must be a list of pairs of numbers")
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2 or min(_number(one, what) for one in pair) <= 0:
            raise _FigureError(f"{what} must be a list of pairs of numbers above 0")
    return [(float(size), float(figure)) for size, figure in value]


def _curve(table: _Table, key: str, bandwidth: float, latency: float | None = None) -> Curve:
    entry, what = table.entry(key), f"{key} of [{table.name}]"
    limit = _number(entry["limit"], f"limit of {what}") if "limit" in entry else None
    if limit == 0:
        raise _FigureError(f"limit of {what} must be above 0")
    if "value" in entry:
        return rising(_pairs(entry["value"], what))
    if "floor" in entry and limit is not None:
        return from_floor(bandwidth, _number(entry["floor"], f"floor of {what}"), limit)
    if "table" in entry and latency is not None:
        ranks = int(_number(entry.get("ranks"), f"ranks of {what}"))
        if ranks < 2:
            raise _FigureError(f"ranks of {what} must be 2 or more")
        return from_all_reduce(_pairs(entry["table"], what), ranks, bandwidth, latency, limit)
    raise _FigureError(f"{what} needs value = [[size, fraction], ...], or floor and limit")


def _accelerator(name: str, table: _Table) -> Accelerator:
    fields = ("memory", "reserved", "bandwidth", "peak", "products", "streams", "watts", "launch", "price")
    table.only(fields)
    if not isinstance(table.data.get("peak"), dict) or not table.data["peak"]:
        raise _FigureError(
            "[accelerator] needs a table [accelerator.peak] with fp32, and bf16 and float8 where there are"
        )
    peaks = _Table("accelerator.peak", table.data["peak"], table.texts)
    peaks.only(("fp32", "bf16", "float8"))
    peak = {"fp32": peaks.positive("fp32")}
    for precision, instead in (("bf16", "fp32"), ("float8", "bf16")):
        if precision in peaks.data:
            peak[precision] = peaks.positive(precision)
        else:  # products run in the next precision that the hardware has
            peak[precision] = peak[instead]
            peaks.sources[precision] = f"assumed: as {instead}, for no units of its own are known for {precision}"
    bandwidth = table.positive("bandwidth")
    price = table.number("price") if "price" in table.data else None
    return Accelerator(
        name=name,
        memory=table.positive("memory"),
        reserved=table.number("reserved"),
        bandwidth=bandwidth,
        peak=peak,
        products=_curve(table, "products", bandwidth),
        streams=_curve(table, "streams", bandwidth),
        watts=table.number("watts"),
        launch=table.number("launch", (0.0, "assumed: no floor")),
        price=price,
        sources=table.sources | {f"peak.{key}": source for key, source in peaks.sources.items()},
    )


def _node(table: _Table) -> NodeFigures:
    table.only(("accelerators", "within", "between", "cores", "memory", "disk", "disk_size", "watts"))
    accelerators = table.positive("accelerators")
    if accelerators != int(accelerators):
        raise _FigureError("accelerators of [node] must be a whole number")
    return NodeFigures(
        accelerators=int(accelerators),
        within=table.text("within"),
        between=table.text("between"),
        cores=max(1, int(table.positive("cores"))),
        memory=table.positive("memory"),
        disk=table.positive("disk"),
        disk_size=table.positive("disk_size"),
        watts=table.number("watts"),
        sources=table.sources,
    )


def _network(name: str, table: _Table) -> Network:
    table.only(("bandwidth", "latency", "achieved"))
    bandwidth, latency = table.positive("bandwidth"), table.number("latency")
    achieved = _curve(table, "achieved", bandwidth, latency)
    return Network(name, bandwidth, latency, achieved, table.sources)
