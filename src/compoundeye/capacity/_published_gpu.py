"""What GPUs look at in a second by published tables: an alternative to one's own rates, before there is a GPU."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from compoundeye.records import EyeError


@dataclass(frozen=True, slots=True)
class GpuRate:
    """One row of a published table."""

    gpu: str
    model: str
    """Of our catalogue."""
    pictures_per_second: float
    """Of the network alone, on one GPU, on pixels that are ready."""
    source: str
    """Table, its address, and the row."""


@cache
def gpu_rates() -> tuple[GpuRate, ...]:
    """Every published rate that is known."""
    found = tomllib.loads((files("compoundeye.capacity") / "data" / "published_gpu_rates.toml").read_text("utf-8"))
    sources = {one["key"]: one for one in found["source"]}
    return tuple(
        GpuRate(
            sources[one["source"]]["gpu"],
            one["model"],
            float(one["pictures_per_second"]),
            f"{sources[one['source']]['text']}, row {one['row']}",
        )
        for one in found["rate"]
    )


def gpu_rate(gpu: str, model: str) -> GpuRate:
    """The published rate of a model on a GPU.

    Raises:
        EyeError: there is none.
    """
    for one in gpu_rates():
        if (one.gpu, one.model) == (gpu, model):
            return one
    known = ", ".join(f"{one.model} on {one.gpu}" for one in gpu_rates())
    raise EyeError(
        f"no published rate of {model} on {gpu}; there are {known}; or give pictures a second and GPU yourself"
    )
