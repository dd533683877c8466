"""Figures of this machine instead of those of a data sheet: measured, and written where plans look first."""

from __future__ import annotations

import datetime
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compoundeye.capacity._cluster import Accelerator, Curve, Network
from compoundeye.capacity._curves import from_calls, rising
from compoundeye.capacity._hardware import OURS, accelerator, file_of, network, users_folder
from compoundeye.capacity._hardware_file import HardwareFile, kind_of, read
from compoundeye.capacity._hardware_write import Figure, write
from compoundeye.capacity._measure_device import (
    EFFORTS,
    Device,
    HardwareEffort,
    Measured,
    devices,
    machine_memory,
    measure,
)
from compoundeye.capacity._term import Term
from compoundeye.cluster import available_cores
from compoundeye.records import EyeError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured, and where it was written."""

    name: str
    device: str
    """What the driver or the system calls it."""
    processes: int
    path: Path
    """Of the accelerator's file; that of the network within the node lies beside it."""
    accelerator: Accelerator
    network: Network | None
    """Between accelerators of this machine; None with one process."""
    seconds: float
    """That measuring took."""

    def terms(self) -> tuple[Term, ...]:
        """Each figure that was measured, with the source that was written beside it."""
        gpu, link = self.accelerator, self.network
        found = [(f"peak.{precision}", peak, "FLOP/s") for precision, peak in gpu.peak.items()]
        found += [("bandwidth", gpu.bandwidth, "bytes/s"), ("memory", gpu.memory, "bytes"), ("launch", gpu.launch, "s")]
        found += [("products", gpu.products.points[-1][1], "1"), ("streams", gpu.streams.points[-1][1], "1")]
        terms = [_term(f"accelerator.{key}", value, unit, gpu.sources[key]) for key, value, unit in found]
        if link is not None:
            found = [("bandwidth", link.bandwidth, "bytes/s"), ("latency", link.latency, "s")]
            found.append(("achieved", link.achieved.points[-1][1], "1"))
            terms += [_term(f"within.{key}", value, unit, link.sources[key]) for key, value, unit in found]
        return tuple(terms)


def calibrate(
    name: str,
    *,
    device: Device = "cpu",
    processes: int | None = None,
    tell: Callable[[str], None] | None = None,
    effort: HardwareEffort | None = None,
) -> Calibration:
    """Measure this machine's accelerators and write ``$COMPOUNDEYE_HOME/hardware/NAME.toml``.

    From then on ``accelerator(NAME)`` and ``cluster(NAME, ...)`` have these figures. Square products of normal random
    numbers by side and precision; sums of two vectors by size; all-reduces and all-gathers over gloo or NCCL by size;
    all processes at once, the slowest counts. Curves rise: isotonic regression. Of a card that a data sheet is known
    of the peak and the bandwidth stay, so that MFU means what it does elsewhere; the curves are what was reached of
    them. What cannot be measured here (power, the network between nodes, disks) stays as it was, with its source.

    Args:
        name: of the file and the accelerator: small letters, digits, hyphens. One of ours is replaced for this user.
        device: ``cuda`` (each process takes a GPU) or ``cpu`` (the processes share the cores).
        processes: all GPUs, or two for processors, if None.
        tell: is called with a few words at each step.
        effort: how long and how large; by device if None.

    Raises:
        EyeError: torch or the GPUs are missing, the name cannot be one, or a process failed.
    """
    if not _NAME.fullmatch(name):
        raise EyeError(f"hardware cannot be called {name!r}: use small letters, digits and hyphens")
    began, there, cores = time.monotonic(), devices(device), available_cores()
    count = (there or min(2, cores)) if processes is None else processes
    if count < 1 or (device == "cuda" and count > there):
        raise EyeError(f"{count} processes cannot be measured on {there or cores} {'GPUs' if there else 'cores'}")
    found = measure(device, count, max(1, cores // count), effort or EFFORTS[device], tell or (lambda _text: None))
    base = _base(name, device, found)
    command = f"calibrate({name!r}, device={device!r}, processes={count})"
    source = f"measured: {datetime.date.today().isoformat()}, {command}, {found.device}, {found.versions}"
    path, within = users_folder() / f"{name}.toml", f"{name}-within" if count > 1 else None
    sources = {"here": source}
    if within is not None:
        tables = {"network": _network(found, count, base, source)}
        write(users_folder() / f"{within}.toml", {"name": within}, sources, tables)
    heading = {"name": name, "about": f"{found.device}, as measured here", "device": base.device}
    share = count if device == "cpu" else 1
    node = _node(base, count, cores, within, path, source)
    write(path, heading, sources, _accelerator(found, base, device, share, source) | node)
    taken, link = time.monotonic() - began, network(within) if within else None
    return Calibration(name, found.device, count, path, accelerator(name), link, taken)


def _base(name: str, device: Device, found: Measured) -> HardwareFile:
    """What is known of such hardware without measuring: by its name, by what the driver calls it, or nothing."""
    if device == "cuda":
        known, by_name = file_of(found.device, [OURS]), OURS / f"{name}.toml"
        if by_name.is_file() and (known is None or known.name != name):
            raise EyeError(f"these are {found.device}, not what is known as {name}: choose another name")
        if known is not None:
            return known
    return read(OURS / "cpu.toml")


def _term(key: str, value: float, unit: str, source: str) -> Term:
    return Term(key, float(value), unit, "", kind_of(source), source)


def _figure(value: float, source: str) -> Figure:
    return {"value": value, "source": source}


def _points(curve: Curve, source: str) -> Figure:
    return {"value": [list(point) for point in curve.points], "source": source}


def _accelerator(
    found: Measured, base: HardwareFile, device: Device, share: int, source: str
) -> dict[str, Mapping[str, Figure]]:
    """The tables of an accelerator. ``share``: processes that share the machine's memory."""
    assert base.accelerator is not None
    known, peaks = base.accelerator, dict[str, Figure]()
    rates = {precision: [(flops, flops / taken) for flops, taken in rows] for precision, rows in found.products.items()}
    main = "bf16" if device == "cuda" else "fp32"  # what trainings multiply in there
    best = max(rate for _, rate in rates[main])
    sheet = known.sources[f"peak.{main}"]
    peak, sheet = (known.peak[main], sheet) if kind_of(sheet) == "datasheet" else (best, source)
    products = rising((flops, rate / peak) for flops, rate in rates[main])
    peaks[main] = _figure(peak, sheet)
    for precision in rates.keys() - {main}:  # its largest products come out as measured, by the curve of all
        reached = max(rate for _, rate in rates[precision])
        peaks[precision] = _figure(
            reached / products.points[-1][1], f"{source}; what is reached, over the curve's limit"
        )
    bandwidth, streams, said = _streams(found, known, source)
    figures = {
        "memory": _figure(found.memory / share, source),
        "reserved": _figure(known.reserved, known.sources["reserved"]),
        "bandwidth": _figure(bandwidth, said),
        "products": _points(products, f"{source}; in {main}"),
        "streams": _points(streams, source),
        "watts": _figure(known.watts / share, known.sources["watts"]),
        "launch": _figure(found.launch, source),
    }
    return {
        "accelerator": figures,
        "accelerator.peak": {key: peaks[key] for key in ("fp32", "bf16", "float8") if key in peaks},
    }


def _streams(found: Measured, known: Accelerator, source: str) -> tuple[float, Curve, str]:
    """Bandwidth, which fraction of it is reached, and where the bandwidth is from."""
    rates = [(size, size / taken) for size, taken in found.streams]
    largest = rates[-1][1]
    sheet = known.sources["bandwidth"]
    bandwidth, said = (known.bandwidth, sheet) if kind_of(sheet) == "datasheet" else (largest, source)
    # What fits into a cache streams faster than memory does: that is not counted on.
    return bandwidth, rising((size, min(rate, largest) / bandwidth) for size, rate in rates), said


def _network(found: Measured, ranks: int, base: HardwareFile, source: str) -> dict[str, Figure]:
    """The table of the network between this machine's accelerators."""
    gathers = [(size * (ranks - 1) / ranks, ranks - 1, taken) for size, taken in found.gathers]
    reductions = [(size * 2 * (ranks - 1) / ranks, 2 * (ranks - 1), taken) for size, taken in found.reductions]
    # Switches help with reductions alone: where there is no gather as large, they say nothing of other calls.
    calls = gathers + [call for call in reductions if call[0] <= gathers[-1][0]]
    latency = _latency(found.reductions, found.gathers, ranks)
    bandwidth, said = from_calls(calls, 1.0, latency).points[-1][1], source
    if base.node is not None:
        known = network(base.node.within)
        if kind_of(known.sources["bandwidth"]) == "datasheet":
            bandwidth, said = known.bandwidth, known.sources["bandwidth"]
    return {
        "bandwidth": _figure(bandwidth, said),
        "latency": _figure(latency, f"{source}; smallest all-reduce less smallest all-gather, over their hops"),
        "achieved": _points(from_calls(calls, bandwidth, latency), source),
    }


def _latency(reductions: Sequence[tuple[float, float]], gathers: Sequence[tuple[float, float]], ranks: int) -> float:
    """Seconds of a hop: an all-reduce has ``n-1`` more than an all-gather; at most all that the smaller takes."""
    reduced, gathered, hops = reductions[0][1], gathers[0][1], ranks - 1
    return min(max(reduced - gathered, reduced / 20), reduced / 2, gathered) / hops


def _node(
    base: HardwareFile, count: int, cores: int, within: str | None, path: Path, source: str
) -> dict[str, Mapping[str, Figure | str]]:
    """The table of this machine; what was not measured as it was known."""
    if base.node is None:
        return {}
    node, told = base.node, base.node.sources
    figures: dict[str, Any] = {
        "accelerators": _figure(count, source),
        "within": within or node.within,
        "between": node.between,
        "cores": _figure(cores, source),
        "memory": _figure(machine_memory(), source),
        "disk": _figure(node.disk, told["disk"]),
        "disk_size": _figure(
            shutil.disk_usage(path.parent.parent).total, f"{source}; the disk of {path.parent.parent}"
        ),
        "watts": _figure(node.watts, told["watts"]),
    }
    return {"node": figures}
