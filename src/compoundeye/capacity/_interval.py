"""The interval between checkpoints that the simulation likes best."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, inf, sqrt
from statistics import fmean

import numpy as np

from compoundeye.capacity._failures import MICRO, Job, micro, simulated
from compoundeye.capacity._young_daly import daly

Tried = tuple[tuple[float, float], ...]
"""Seconds between checkpoints, and the goodput with them."""

SPREAD = 4.0
"""The search looks from a fourth of Daly's optimum to four times it."""
POINTS = 9
LONGEST = 4 * 3600.0
"""Seconds between checkpoints where failures ask for none: what a person still accepts to lose (assumed)."""


def whole_steps(seconds: float, step: float, write: float = 0.0) -> float:
    """An interval between checkpoints as whole steps: at least one, and no shorter than writing takes."""
    return max(1, round(min(seconds, LONGEST * SPREAD) / step), ceil(write / step)) * step


def best_interval(job: Job, step: float, *, seed: int = 0, runs: int = 8) -> tuple[float, Tried]:
    """The best interval in seconds, and what was tried.

    Simulates intervals around Daly's optimum under the same failures each. What is lost by an interval has the form
    ``a + b / interval + c interval`` (Young 1974): that is fitted to the simulated losses, for chance moves the best
    of single points far along so flat a curve. Its lowest point is taken, within what was tried; where chance hides
    the form (hardly a failure in the time), Daly's optimum is.
    """
    save, write = job.cadence.save / MICRO, job.cadence.write / MICRO
    optimum = daly(save, job.reliability.mttf(job.gpus))
    start = whole_steps(min(optimum, LONGEST), step, write)
    if not 0.0 < optimum < inf:
        return start, ()
    centre = max(optimum, whole_steps(0.0, step, write))
    tried = sorted({whole_steps(centre * SPREAD ** (2.0 * i / (POINTS - 1) - 1.0), step, write) for i in range(POINTS)})
    curve = tuple((interval, _fraction(job, interval, seed, runs)) for interval in tried)
    best = _lowest(curve) if len(curve) > 3 else max(curve, key=lambda point: point[1])[0]
    return whole_steps(min(max(best or start, tried[0]), tried[-1]), step, write), curve


def _fraction(job: Job, interval: float, seed: int, runs: int) -> float:
    tried = replace(job, cadence=replace(job.cadence, work=micro(interval)))
    return fmean(simulated(tried, seed + i).useful / job.horizon for i in range(runs))


def _lowest(curve: Tried) -> float | None:
    """Where ``a + b / interval + c interval`` is lowest, or None if it has no lowest point."""
    intervals, fractions = (np.array(values) for values in zip(*curve, strict=True))
    terms = np.stack([np.ones_like(intervals), 1.0 / intervals, intervals], axis=1)
    _, saving, again = np.linalg.lstsq(terms, 1.0 - fractions, rcond=None)[0]
    return sqrt(saving / again) if saving > 0.0 and again > 0.0 else None
