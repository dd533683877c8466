"""Precision is chosen by what was measured."""

from __future__ import annotations

import dataclasses

import pytest

from compoundeye.models import Card, DetectionLoss, Loss, card
from compoundeye.models._precision import choose_precision
from compoundeye.records import EyeError

BOTH = {"fp32", "bf16"}
SMALL = Loss("bf16", 100, 0.9990, 0.9990, 0.97, 1.0, "a test")

BOXES = DetectionLoss("bf16", 100, 600, 1, 2, 0.99, 0.001, "a test")


def model(*losses: Loss | DetectionLoss) -> Card:
    return dataclasses.replace(card("efficientnet-lite0"), losses=losses)


@pytest.mark.parametrize(
    ("losses", "wanted", "supported", "chosen"),
    [
        ((SMALL,), "auto", BOTH, "bf16"),
        ((SMALL,), "auto", {"fp32"}, "fp32"),
        ((SMALL,), "fp32", BOTH, "fp32"),
        ((SMALL,), "bf16", {"fp32"}, "fp32"),
        ((), "auto", BOTH, "fp32"),  # not measured is not trusted
        ((), "bf16", BOTH, "bf16"),  # but the user decides
        ((dataclasses.replace(SMALL, sure_agreement=0.99),), "auto", BOTH, "fp32"),
        ((dataclasses.replace(SMALL, embedding_cosine=0.85),), "auto", BOTH, "fp32"),
        ((BOXES,), "auto", BOTH, "bf16"),
        ((dataclasses.replace(BOXES, missed=2),), "auto", BOTH, "fp32"),
        ((dataclasses.replace(BOXES, extra=3),), "auto", BOTH, "fp32"),
        ((dataclasses.replace(BOXES, overlap=0.97),), "auto", BOTH, "fp32"),
    ],
)
def test_the_fastest_whose_loss_is_small(
    losses: tuple[Loss | DetectionLoss, ...], wanted: str, supported: set[str], chosen: str
) -> None:
    assert choose_precision(model(*losses), wanted, supported) == chosen  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"])
def test_the_default_models_were_measured(name: str) -> None:
    (loss,) = card(name).losses
    assert isinstance(loss, Loss)
    assert loss.pictures >= 200
    assert "benchmarks/precision.py" in loss.measured
    assert choose_precision(card(name), "auto", {"fp32", "bf16"}) == "bf16"


@pytest.mark.parametrize("name", ["yolox-tiny-humanart", "yolov4-tiny", "tiny-yolov3"])
def test_detectors_were_measured(name: str) -> None:
    (loss,) = card(name).losses
    assert isinstance(loss, DetectionLoss)
    assert loss.boxes >= 400
    assert "benchmarks/detectors.py" in loss.measured


def test_an_unknown_precision_is_a_mistake() -> None:
    with pytest.raises(EyeError, match="no precision 'int4': choose one of auto, fp32, bf16"):
        choose_precision(model(), "int4", {"fp32"})
