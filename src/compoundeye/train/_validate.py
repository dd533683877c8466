"""What a learner answers on pictures that it does not learn from."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch import distributed as dist
from torch.nn import functional as F

from compoundeye.cluster import available_cores
from compoundeye.records import EyeError
from compoundeye.train._average import Average
from compoundeye.train._data import Material
from compoundeye.train._feed import Feed
from compoundeye.train._fsdp import let_go
from compoundeye.train._layout import Layout
from compoundeye.train._learner import Learner
from compoundeye.train._loader import Batch, Loader
from compoundeye.train._settings import Settings
from compoundeye.train._step import seed_everything, summed
from compoundeye.train._work import Work, answer_of

_NAMED = 20_000
"""Classes up to which every answer is written down; of more, say identities, only how good the answers are."""


@dataclass(frozen=True, slots=True)
class Validated:
    """Figures over all pictures, and the answer to each (none for tasks without classes)."""

    figures: dict[str, float]
    parts: list[pa.Table]

    def table(self) -> pa.Table:
        """One row a picture: id, source, target, predicted, confidence, loss."""
        return pa.concat_tables(self.parts)


def validate(
    learner: Learner, work: Work, average: Average | None, settings: Settings, held: Material, layout: Layout
) -> Validated:
    """Judge every picture once, each process its share; the averaged weights are judged where there are any.

    Raises:
        EyeError: not one of the pictures has a known class.
    """
    feed = Feed(settings, layout, settings.validation.batch)
    answers = 0 < len(held.names) <= _NAMED
    tables: list[pa.Table] = []
    sums = np.zeros(4)  # pictures, loss, right, unread
    with average.applied() if average else nullcontext(), torch.no_grad(), _loader(settings, held, layout) as loader:
        learner.eval()
        for number, batch in enumerate(loader):
            if isinstance(batch.targets, np.ndarray):
                batch.targets = held.renumbered(batch.targets, batch.sources)
            tensors = feed(batch)
            seed_everything(settings.seed, number, layout.data_rank)  # what a masked learner hides is always the same
            if answers:
                logits = work.predict(tensors[0], answer_of(learner))
                counted, table = _answers(logits, *tensors[1:], batch, held.names)
                tables.append(table)
            else:
                with layout.autocast():
                    loss, found = learner(*tensors)
                counted = [float(tensors[2].sum()), float(loss), float(found.get("accuracy", 0.0))]
            sums += [*counted, float((~batch.valid).sum())]
        let_go(learner)
    pictures, loss_sum, right, unread = summed(sums.tolist(), layout)
    if not pictures:
        raise EyeError("no picture of the validation has a class that training knows: check validation.where")
    figures = {"loss": loss_sum / pictures, "pictures": pictures, "unread": unread}
    if held.names:
        figures["accuracy"] = right / pictures
    return Validated(figures, _gathered(tables, layout))


def _answers(
    logits: Tensor, targets: Tensor, valid: Tensor, batch: Batch, names: tuple[str, ...]
) -> tuple[list[float], pa.Table]:
    """Pictures of known class, the sum of their losses, how many are right; and a row for each of them."""
    log_shares = F.log_softmax(logits.float(), 1)
    known = valid & (targets >= 0)
    losses = F.nll_loss(log_shares, targets.clamp_min(0), reduction="none")
    confidence, predicted = log_shares.max(1)
    right = (predicted == targets) & known
    keep = known.cpu().numpy()[: len(batch.valid)]
    answers = [x.cpu().numpy()[: len(keep)][keep] for x in (targets, predicted, confidence.exp(), losses)]
    counted = [float(known.sum()), float(losses[known].sum()), float(right.sum())]
    return counted, _table(batch, keep, answers, names)


def _loader(settings: Settings, held: Material, layout: Layout) -> Loader:
    return Loader(
        held.order,
        held.corpora,
        held.targets,
        settings.validation.view or settings.data.view.evaluation(),
        batch=settings.validation.batch,
        rank=layout.data_rank,
        world=layout.data_size,
        stop=held.order.rows,
        threads=settings.data.threads or available_cores(),
    )


def _table(batch: Batch, keep: NDArray[np.bool_], answers: list[NDArray[Any]], names: tuple[str, ...]) -> pa.Table:
    targets, predicted, confidence, losses = answers
    words = np.array(names, object)
    return pa.table(
        {
            "id": pa.array([one for one, kept in zip(batch.ids, keep, strict=True) if kept], pa.binary(16)),
            "source": pa.array(batch.sources[keep], pa.int16()),
            "target": pa.array(words[targets], pa.string()),
            "predicted": pa.array(words[predicted], pa.string()),
            "confidence": pa.array(confidence, pa.float32()),
            "loss": pa.array(losses, pa.float32()),
        }
    )


def _gathered(tables: list[pa.Table], layout: Layout) -> list[pa.Table]:
    """Everybody's answers, in every process."""
    if not dist.is_initialized() or layout.data_size == 1:
        return tables
    found: list[list[pa.Table] | None] = [None] * layout.data_size
    dist.all_gather_object(found, tables, group=layout.data_group)
    return [table for part in found if part for table in part]
