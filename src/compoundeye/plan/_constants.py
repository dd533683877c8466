"""The few numbers that no data sheet gives, fitted to published tables by ``benchmarks/plan_published.py``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from compoundeye.records import EyeError


@dataclass(frozen=True, slots=True)
class Constants:
    """How well a kind of software uses a kind of hardware. All are shares of what the hardware's curves promise."""

    products: float
    """Of the fraction of the peak that the accelerator's curve gives for a matrix product."""
    attention: float
    """Of the peak, what fused attention reaches, forward and backward together."""
    streams: float
    """Of the fraction of the memory's bandwidth that the accelerator's curve gives."""
    contention: float
    """Of communication and computation that go on at once: how much of the shorter one is felt all the same."""
    jitter: float
    """How much longer a step takes for each doubling of the number of nodes: the slowest of more is slower."""
    float8: float
    """Of the fraction of the peak that bf16 products reach, what float8 products reach of their own peak."""
    name: str = ""
    """Software and generation of hardware that they were fitted to: ``compiled-2026/hopper``."""


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("compoundeye.plan").joinpath("data", "constants.toml").read_text())


def constants_names() -> tuple[str, ...]:
    """Software and hardware generations that constants were fitted to."""
    return tuple(_data()["fitted"])


@cache
def constants(name: str) -> Constants:
    """Fitted constants by name, ``software/generation``, as ``data/constants.toml`` has them.

    Raises:
        EyeError: nothing was fitted to it.
    """
    data = _data()
    if name not in data["fitted"]:
        near = get_close_matches(name, constants_names(), 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(constants_names())}"
        raise EyeError(f"no constants were fitted to {name!r}; {hint}")
    return Constants(**data["shared"], **data["fitted"][name], name=name)


def generation(gpu: str) -> str:
    """Of the kernels that run on an accelerator: by its name, since no figure of a data sheet tells.

    A100, L40S and the RTX cards multiply by the instructions of Ampere (mma.sync); Hopper brought others (wgmma), which
    less of the peak was reached with (PTX ISA: warp-level and warpgroup-level matrix instructions).
    """
    return "ampere" if gpu.lower().startswith(("a100", "l40", "rtx")) else "hopper"


@cache
def constants_for(gpu: str, *, compiled: bool = True) -> Constants:
    """The constants of the newest PyTorch that was published on an accelerator's generation.

    Limit: tables with their layouts were published of A100, H100 and H200 alone; all others are taken for one of them.
    """
    kind = "compiled" if compiled else "eager"
    newest = max(one for one in constants_names() if one.startswith(kind) and one.endswith("/" + generation(gpu)))
    return constants(newest)
