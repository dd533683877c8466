"""Which arithmetic a model runs in: the fastest whose measured loss is within bounds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

from compoundeye.models._card import Card, DetectionLoss, FaceLoss, Loss, Precision
from compoundeye.records import EyeError

Wanted = Literal["auto"] | Precision

# "auto" leaves fp32 only when labels that the model is sure of stay and embeddings stay all but parallel. Labels it is
# not sure of are no measure: another resampling filter in the pre-processing changes more of them.
_MIN_SURE_AGREEMENT = 0.995
_MIN_EMBEDDING_COSINE = 0.998
# For a detector, when no more than one box in two hundred comes or goes and the others stay where they are: nobody who
# draws boxes by hand draws them twice the same within two hundredths.
_MAX_CHANGED_BOXES = 0.005
_MIN_OVERLAP = 0.98


def choose_precision(card: Card, wanted: str, supported: Collection[Precision]) -> Precision:
    """The precision to load a model in.

    Args:
        card: the model; its ``losses`` are what was measured.
        wanted: "fp32", "bf16" or "auto".
        supported: what the processor has instructions for. Emulated bfloat16 is slower than fp32, so where it is
            missing the answer is fp32, whatever is wanted.

    Raises:
        EyeError: no such precision.
    """
    names = ("auto", *get_args(Precision))
    if wanted not in names:
        raise EyeError(f"there is no precision {wanted!r}: choose one of {', '.join(names)}")
    if wanted == "fp32" or "bf16" not in supported:
        return "fp32"
    if wanted == "bf16" or any(loss.precision == "bf16" and _acceptable(loss) for loss in card.losses):
        return "bf16"
    return "fp32"


def _acceptable(loss: Loss | DetectionLoss | FaceLoss) -> bool:
    if isinstance(loss, FaceLoss):
        return loss.embedding_cosine >= _MIN_EMBEDDING_COSINE
    if isinstance(loss, DetectionLoss):
        return loss.missed + loss.extra <= _MAX_CHANGED_BOXES * loss.boxes and loss.overlap >= _MIN_OVERLAP
    return loss.sure_agreement >= _MIN_SURE_AGREEMENT and loss.embedding_cosine >= _MIN_EMBEDDING_COSINE
