"""The learning rate of each step, as a function of the step."""

from __future__ import annotations

from math import cos, pi

from compoundeye.train._settings import Optimiser


def rate(settings: Optimiser, step: int, steps: int) -> float:
    """Share of the highest learning rate in ``step`` (from 0) of ``steps``: linear warm-up, then down to ``final``.

    Cosine: Loshchilov and Hutter, 2016 (arXiv:1608.03983), without restarts.
    """
    warmup = round(settings.warmup * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if settings.schedule == "constant":
        return 1.0
    done = (step - warmup) / max(steps - warmup, 1)
    shape = 1 - done if settings.schedule == "linear" else (1 + cos(pi * done)) / 2
    return settings.final + (1 - settings.final) * shape
