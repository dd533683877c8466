"""`eye benchmark`: what this machine does in a second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from compoundeye.capacity import (
    FULL,
    QUICK,
    Feed,
    Rates,
    calibrate,
    calibrate_between,
    keep_rates,
    measure,
)
from compoundeye.cli._output import note, print_json, print_table
from compoundeye.cli._progress import progress
from compoundeye.corpus import Corpus, training_order

BUSY = 0.9
"""Share of the cores below which other work is worth a word."""

LOADED_SIDE, LOADED_BATCH, LOADED_EPOCHS = 224, 64, 3


class Device(StrEnum):
    """What accelerators are."""

    cpu = "cpu"
    cuda = "cuda"


def benchmark(
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model of `eye models`; may be given again."),
    ] = None,
    pictures: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Measure with pictures of yours, not with made JPEGs of 50 KB.")
    ] = None,
    place: Annotated[str | None, typer.Option(metavar="FOLDER", help="On the disk where your corpora will be.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one a core if not given.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A first look, in a sixth of the time.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Keep the rates there, not in COMPOUNDEYE_HOME."),
    ] = None,
    hardware: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Measure the accelerators instead: `eye plan --gpu NAME` then knows them."),
    ] = None,
    device: Annotated[
        Device | None, typer.Option(help="With --hardware: cuda, or cpu (which is what `cpu` is measured on).")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Measure the network between nodes instead, in every process of torchrun."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Measure this machine: decoding, models, ingest, reading, training's loader, the disk. Plans then use its rates.

    All cores work at once, on the real code; what is measured is processor time, so other work disturbs little.

    Example:
      eye benchmark --quick
      eye benchmark --pictures ~/Pictures --place /data
      eye benchmark --model clip-vit-base-patch32 --json
      eye benchmark --hardware my-h100
    """
    if hardware is not None:
        _hardware(hardware, device or (Device.cpu if hardware == "cpu" else Device.cuda), json)
        return
    if network is not None:
        _network(network, json)
        return
    with progress("benchmark", unit="measurements") as tell:
        found = measure(
            models=model or ["efficientnet-lite0"],
            pictures=pictures,
            place=place,
            workers=workers,
            extent=QUICK if quick else FULL,
            feed=_feed(),
            progress=tell,
        )
    kept = keep_rates(found, output)
    if json:
        print_json(found)
    else:
        _show(found)
        note(f"Kept in {kept}: `eye plan` uses it.")


def _hardware(name: str, device: Device, json: bool) -> None:
    found = calibrate(name, device=device.value, tell=note)
    if json:
        print_json(found)
        return
    print_table(
        ("figure", "value", "unit", "source"), [(one.key, one.value, one.unit, one.source) for one in found.terms()]
    )
    note(f"{found.device}: kept in {found.path}; `eye plan --gpu {name}` uses it.")


def _network(name: str, json: bool) -> None:
    found = calibrate_between(name, tell=note)
    if os.environ.get("RANK") != "0":
        return
    if json:
        print_json(found)
        return
    rows = [("bandwidth, GB/s of one accelerator", found.bandwidth / 1e9), ("latency, us", 1e6 * found.latency)]
    rows += [(f"reached of it with {size:,.0f} bytes", share) for size, share in found.achieved.points]
    print_table((name, "value"), rows)
    note(f"Kept on every node; `eye plan --network {name}` uses it.")


def _feed() -> Feed | None:
    """The training loader, where training is installed."""
    if find_spec("torch") is None or find_spec("pydantic") is None:
        return None
    from compoundeye.train import Loader, View

    def feed(corpus: Corpus, threads: int) -> Iterator[int]:
        order, view = training_order(corpus), View(size=LOADED_SIDE)
        for epoch in range(LOADED_EPOCHS):
            start = epoch * corpus.rows
            with Loader(order, [corpus], None, view, batch=LOADED_BATCH, threads=threads, start=start) as loader:
                yield from (len(batch.pixels) for batch in loader)

    return feed


def _show(found: Rates) -> None:
    rows: list[tuple[Any, ...]] = []

    def row(what: str, seconds: float, pictures: str) -> None:
        rows.append((what, 1e3 * seconds, round(1 / seconds), round(found.cores / seconds), pictures))

    for place, size in enumerate(found.sizes):
        pictures = f"{size.width}x{size.height}, {size.bytes / 1e3:,.0f} KB"
        for model in found.models:
            row(f"decode to {model.input_size} px", model.prepare[place], pictures)
        row("decode to keep", size.keep, pictures)
        row("decode to train", size.crop, pictures)
        row("ingest", size.ingest, pictures)
    first = f"{found.sizes[0].width}x{found.sizes[0].height}"
    for model in found.models:
        row(f"{model.name}, {model.precision}", model.run, f"{model.input_size}x{model.input_size}, ready")
        row(f"categorise with {model.name}", model.prepare[0] + model.run + model.around, first)
    if found.loader is not None:
        row("training's loader", found.loader, first)
    row("read in order, cached", found.scan, first)
    row("read at random, cached", found.random, first)
    print_table(("work", "core-ms each", "per core and s", f"per s, {found.cores} cores", "pictures"), rows)
    print_table(
        ("disk", "value"),
        [
            ("reads in sequence, MB/s", found.disk / 1e6),
            ("writes in sequence, MB/s", found.disk_write / 1e6),
            (f"reads of {found.sizes[0].bytes / 1e3:.0f} KB at random, per s", found.disk_pictures),
        ],
    )
    note(f"{found.machine}; {found.sizes[0].origin}.")
    if found.disk_cached:
        note("The file may have stayed in the system's cache: the disk's rates may be those of memory.")
    if found.share < BUSY:
        note(
            f"Other work took {1 - found.share:.0%} of the cores: costs of a picture hold within some percent, rates a "
            "second only once the job has the cores to itself."
        )
    if found.loader is None:
        note("Training's loader was not measured: training is not installed.")
