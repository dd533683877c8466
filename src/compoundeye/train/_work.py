"""Forward and backward through a learner, whole in each process or cut into the stages of a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from compoundeye.nets import share_router_losses
from compoundeye.train._experts import split_experts
from compoundeye.train._layout import Layout
from compoundeye.train._learner import Classifier, Learner, Sums
from compoundeye.train._parallel import parallelise
from compoundeye.train._pipeline import Pipelined


class Work(Protocol):
    """What a step needs of a learner."""

    def step(self, pixels: Tensor, *targets: Tensor, factor: float, share: float) -> tuple[Tensor, Sums]:
        """Forward, and backward from the loss times ``factor``; returns this data rank's sums of loss and figures.

        Args:
            targets: what the learner's ``forward`` takes besides.
            share: of these pictures in the step.
        """

    def predict(self, pixels: Tensor, answer: Callable[[Tensor], Tensor]) -> Tensor:
        """What ``answer`` makes of the features [N, D]."""


class Whole:
    """Every process computes all layers (its part of each, if tensors are split)."""

    def __init__(self, learner: Learner, layout: Layout) -> None:
        self._learner = learner
        self._layout = layout
        split_experts(learner, layout)
        parallelise(learner, layout)

    def step(self, pixels: Tensor, *targets: Tensor, factor: float, share: float) -> tuple[Tensor, Sums]:
        """See `Work`."""
        share_router_losses(self._learner, share)
        with self._layout.autocast():
            loss, figures = self._learner(pixels, *targets)
        (loss * factor).backward()
        return loss.detach(), figures

    def predict(self, pixels: Tensor, answer: Callable[[Tensor], Tensor]) -> Tensor:
        """See `Work`; a whole learner gives its own answer."""
        del answer
        with self._layout.autocast():
            _, logits = self._learner.predict(pixels)
        assert logits is not None  # asked of learners with classes
        return logits


def shared(learner: Learner, layout: Layout) -> Work:
    """Give this process its part of a learner, in place.

    Raises:
        EyeError: the learner cannot be shared as the plan says.
    """
    plan = layout.plan
    if plan.pipeline == 1:
        return Whole(learner, layout)
    assert isinstance(learner, Classifier)  # the settings see to it

    def loss(features: Tensor, targets: Tensor, valid: Tensor) -> tuple[Tensor, Sums]:
        return learner.judged(features, targets, valid)

    return Pipelined(
        learner, layout, max(plan.microbatches, plan.pipeline), loss, chunks=plan.chunks, figures=["accuracy"]
    )


def answer_of(learner: Learner) -> Callable[[Tensor], Tensor]:
    """Features to logits, on the process that has the head."""

    def answer(features: Tensor) -> Tensor:
        logits: Tensor = learner.head(features)
        return logits.float()

    return answer
