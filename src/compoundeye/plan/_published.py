"""Tables of training speed that others published, as data, and the runs that they are of."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from typing import Any

from compoundeye.capacity import Accelerator, Cluster, cluster
from compoundeye.plan._constants import generation
from compoundeye.plan._language import Habits, LanguageModel, LanguageRun

HABITS = {
    "eager-2023": Habits(fused=False, flash=True, loss_bytes=12, gradient_bytes=4),
    "eager-2024": Habits(fused=False, flash=True, loss_bytes=28, gradient_bytes=4),
    "compiled-2024": Habits(fused=True, flash=True, loss_bytes=12, gradient_bytes=4),
    "eager-2026": Habits(fused=False, flash=True, loss_bytes=28, gradient_bytes=4),
    "compiled-2026": Habits(fused=True, flash=True, loss_bytes=12, gradient_bytes=4),
    "megatron-2022": Habits(
        fused=True, flash=False, loss_bytes=28, gradient_bytes=4, data_overlap=False, pipeline_overlap=False
    ),
    "megatron-2024": Habits(fused=True, flash=True, loss_bytes=12, gradient_bytes=2, tensor_overlap=True),
    "llama3": Habits(fused=True, flash=True, loss_bytes=12, gradient_bytes=4),
}
"""By the ``software`` of a table: llm-foundry's FSDP with its fused loss; PyTorch without and with torch.compile;
Megatron-LM before flash attention and overlap, and NeMo 24.09 with both; Meta's own."""
RUN = {field.name for field in fields(LanguageRun)} - {"model", "habits"}
HABIT = {field.name for field in fields(Habits)}


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """A row of a published table."""

    source: str
    """Title, year and address."""
    table: str
    group: str
    """Source, hardware and model: rows of a group go to the same half of the split."""
    model: str
    constants: str
    """Name of the set that belongs to it: software and generation of hardware."""
    run: LanguageRun
    seconds: float
    """Of a step, measured by whoever published it."""
    machine: Cluster
    excluded: str
    """Why the row is not judged, a reason that has nothing to do with its error; empty: it is judged."""

    @property
    def flops(self) -> float:
        """Model FLOPs of a step, attention not halved."""
        tokens = self.run.batch * self.run.sequence
        return self.run.model.flops(tokens, self.run.sequence, causal=False)

    @property
    def mfu(self) -> float:
        """Measured, of the peak that the data sheet of the accelerator prints for the run's precision."""
        gpu = self.machine.node.accelerator
        return self.flops / (self.seconds * self.run.gpus * _sheet(gpu, self.run.precision))


def published_files() -> tuple[str, ...]:
    """Names of the files of tables."""
    folder = files("compoundeye.plan").joinpath("data", "published")
    return tuple(sorted(path.name for path in folder.iterdir() if path.name.endswith(".toml")))


@cache
def published_runs() -> tuple[PublishedRun, ...]:
    """All rows of all tables, in the order of the files."""
    found = list[PublishedRun]()
    for name in published_files():
        text = files("compoundeye.plan").joinpath("data", "published", name).read_text()
        found.extend(_rows(name.removesuffix(".toml"), tomllib.loads(text)))
    return tuple(found)


def fitted_half(runs: Sequence[PublishedRun]) -> frozenset[str]:
    """Groups whose rows constants are fitted to: the models of each table in order of size, every second one.

    Whole models, so that no row of the judged half has a sister with another batch or number of GPUs in the fitted one.
    """
    size = {run.group: run.run.model.layers * run.run.model.block for run in runs}
    tables = defaultdict[str, list[str]](list)
    for group in sorted(size, key=lambda group: (size[group], group)):
        tables[group.rsplit("/", 1)[0]].append(group)
    return frozenset(group for groups in tables.values() for group in groups[::2])


def _rows(file: str, data: dict[str, Any]) -> Iterator[PublishedRun]:
    models = {name: LanguageModel(**sizes) for name, sizes in data["models"].items()}
    source = f"{data['title']}, {data['year']}, {data['address']}"
    for table in data["tables"]:
        for values in table["rows"]:
            row = {key: value for key, value in table.items() if key not in {"rows", "columns"}}
            row |= dict(zip(table["columns"], values, strict=True))
            habits = replace(HABITS[row["software"]], **{key: row[key] for key in HABIT & row.keys()})
            model = models[row["model"]]
            run = LanguageRun(model=model, habits=habits, **{key: row[key] for key in RUN & row.keys()})
            machine = _machine(row, run)
            yield PublishedRun(
                row.get("source", source),
                row["name"],
                f"{file}/{row['software']}/{row['gpu']}/{run.precision}/{row['model']}",
                row["model"],
                f"{row['software']}/{generation(row['gpu'])}",
                run,
                _seconds(row, run, data["mfu"] == "causal", _sheet(machine.node.accelerator, run.precision)),
                machine,
                row.get("excluded", ""),
            )


def _seconds(row: dict[str, Any], run: LanguageRun, causal: bool, peak: float) -> float:
    """Of a step, whichever way the table says it."""
    tokens = run.batch * run.sequence
    flops = run.model.flops(tokens, run.sequence, causal=causal)
    if "step_seconds" in row:
        return float(row["step_seconds"])
    if "tokens_per_second" in row:
        return float(tokens / row["tokens_per_second"])
    if "tokens_per_second_each" in row:
        return float(tokens / (row["tokens_per_second_each"] * run.gpus))
    if "teraflops" in row:
        return flops / (row["teraflops"] * 1e12 * run.gpus)
    return flops / (row["mfu"] * peak * run.gpus)


def _machine(row: dict[str, Any], run: LanguageRun) -> Cluster:
    """The cluster of a row: data sheet's figures, but for those that the table gives."""
    machine = cluster(row["gpu"], run.gpus)
    gpu = machine.node.accelerator
    if "bandwidth" in row:
        gpu = replace(gpu, bandwidth=row["bandwidth"])
    if "watts" in row:
        # power of a clocked circuit grows with the cube of its clock: Mudge, Power: a first-class architectural
        # design constraint, IEEE Computer 34(4), 2001
        slower = (row["watts"] / gpu.watts) ** (1 / 3)
        gpu = replace(gpu, watts=row["watts"], peak={key: value * slower for key, value in gpu.peak.items()})
    node = replace(machine.node, accelerator=gpu, accelerators=run.per_node)
    between = replace(machine.between, bandwidth=row["gigabits"] * 1e9 / 8)
    return replace(machine, node=node, between=between)


@cache
def _peaks(name: str) -> dict[str, float]:
    return dict(cluster(name, 8).node.accelerator.peak)


def _sheet(gpu: Accelerator, precision: str) -> float:
    return _peaks(gpu.name)[precision]
