"""Batches as tensors on the device, all of one size."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compoundeye.train._layout import Layout
from compoundeye.train._learner import tokenizer
from compoundeye.train._loader import Batch
from compoundeye.train._settings import Settings


class Feed:
    """Pixels uint8 [n, S, S, 3], targets and valid bool [n], n being the same in every step and every process.

    Valid are pictures that could be read and, where classes are learnt, have one. Rows that fill up are not: parallel
    processes need equal shapes, and the last batch of all may be short.
    Targets are int64 [n], -1 where there is none, or tokens of captions, int64 [n, L].
    """

    def __init__(self, settings: Settings, layout: Layout, batch: int) -> None:
        self._device = layout.device
        parts = max(layout.plan.microbatches, layout.plan.pipeline) if layout.plan.pipeline > 1 else 1
        parts *= layout.plan.accumulate
        self._rows = ceil(batch / (layout.data_size * parts)) * parts
        self._classes = settings.task.kind in ("classify", "margin")
        self._tokens = tokenizer(settings) if settings.task.kind == "contrastive" else None

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Copy a batch to the device; on a GPU without waiting for it."""
        more = self._rows - len(batch.valid)
        if self._tokens is not None:
            targets = self._tokens([*(batch.targets or ()), *[""] * more])
        elif isinstance(batch.targets, np.ndarray):
            targets = torch.from_numpy(_longer(batch.targets, more, -1))
        else:
            targets = torch.full((self._rows,), -1)
        pixels = torch.from_numpy(_longer(batch.pixels, more, 0))
        valid = torch.from_numpy(_longer(batch.valid, more, False))
        if self._classes:
            valid = valid & (targets >= 0)
        return self._moved(pixels), self._moved(targets), self._moved(valid)

    def _moved(self, tensor: Tensor) -> Tensor:
        if self._device.type != "cuda":
            return tensor
        return tensor.pin_memory().to(self._device, non_blocking=True)


def _longer(array: NDArray[Any], more: int, value: float) -> NDArray[Any]:
    if more <= 0:
        return array
    return np.concatenate([array, np.full((more, *array.shape[1:]), value, array.dtype)])
