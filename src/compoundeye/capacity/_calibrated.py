"""What was measured, as the tables of a hardware file: pure functions."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compoundeye.capacity._bench import Device, Measured, Messages, machine_memory
from compoundeye.capacity._cluster import Accelerator, Curve, Network
from compoundeye.capacity._curves import from_calls, rising
from compoundeye.capacity._hardware_file import HardwareFile, kind_of
from compoundeye.capacity._hardware_write import Figure


def _figure(value: float, source: str) -> Figure:
    return {"value": value, "source": source}


def _points(curve: Curve, source: str) -> Figure:
    return {"value": [list(point) for point in curve.points], "source": source}


def accelerator_tables(
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


def network_table(found: Messages, ranks: int, known: Network | None, source: str) -> dict[str, Figure]:
    """The table of a network; of one that a data sheet is known of, the bandwidth stays."""
    gathers = [(size * (ranks - 1) / ranks, ranks - 1, taken) for size, taken in found.gathers]
    reductions = [(size * 2 * (ranks - 1) / ranks, 2 * (ranks - 1), taken) for size, taken in found.reductions]
    # Switches help with reductions alone: where there is no gather as large, they say nothing of other calls.
    calls = gathers + [call for call in reductions if call[0] <= gathers[-1][0]]
    latency = _latency(found.reductions, found.gathers, ranks)
    bandwidth, said = from_calls(calls, 1.0, latency).points[-1][1], source
    if known is not None and kind_of(known.sources["bandwidth"]) == "datasheet":
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


def node_table(
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
