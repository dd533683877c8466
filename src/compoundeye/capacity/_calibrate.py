"""Figures of this machine instead of those of a data sheet: measured, and written where plans look first."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from compoundeye.capacity._bench import EFFORTS, Device, HardwareEffort, Measured
from compoundeye.capacity._calibrated import accelerator_tables, network_table, node_table
from compoundeye.capacity._cluster import Accelerator, Network
from compoundeye.capacity._hardware import OURS, accelerator, file_of, network, users_folder
from compoundeye.capacity._hardware_file import HardwareFile, kind_of, read
from compoundeye.capacity._hardware_write import write
from compoundeye.capacity._measure_device import devices, measure
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
    check_name(name)
    began, there, cores = time.monotonic(), devices(device), available_cores()
    count = (there or min(2, cores)) if processes is None else processes
    if count < 1 or (device == "cuda" and count > there):
        raise EyeError(f"{count} processes cannot be measured on {there or cores} {'GPUs' if there else 'cores'}")
    found = measure(device, count, max(1, cores // count), effort or EFFORTS[device], tell or (lambda _text: None))
    base = _base(name, device, found)
    command = f"calibrate({name!r}, device={device!r}, processes={count})"
    source = source_of(command, found.device, found.versions)
    path, within = users_folder() / f"{name}.toml", f"{name}-within" if count > 1 else None
    sources = {"here": source}
    if within is not None:
        known = network(base.node.within) if base.node else None
        tables = {"network": network_table(found.messages, count, known, source)}
        write(users_folder() / f"{within}.toml", {"name": within}, sources, tables)
    heading = {"name": name, "about": f"{found.device}, as measured here", "device": base.device}
    share = count if device == "cpu" else 1
    node = node_table(base, count, cores, within, path, source)
    write(path, heading, sources, accelerator_tables(found, base, device, share, source) | node)
    taken, link = time.monotonic() - began, network(within) if within else None
    return Calibration(name, found.device, count, path, accelerator(name), link, taken)


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a file.

    Raises:
        EyeError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise EyeError(f"hardware cannot be called {name!r}: use small letters, digits and hyphens")


def source_of(command: str, device: str, versions: str) -> str:
    """The source of a figure that was measured now."""
    return f"measured: {datetime.date.today().isoformat()}, {command}, {device}, {versions}"


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
