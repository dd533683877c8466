"""A learner as ONNX: the same answers, or a refusal."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import Tensor, nn

from compoundeye.nets import Linear, build
from compoundeye.records import EyeError
from compoundeye.train._learner import Classifier
from compoundeye.train._onnx import export_onnx
from compoundeye.train._settings import Settings


@pytest.fixture
def settings() -> Settings:
    """Of a network for pixels from 0 to 255 as they are customarily scaled."""
    return Settings.model_validate({"data": {"corpora": [{"path": "none.lance"}]}})


def classifier(name: str, settings: Settings, **options: Any) -> Classifier:
    torch.manual_seed(0)
    backbone = build(name, **options)
    head = Linear(backbone.features, 5)  # type: ignore[arg-type]
    for parameter in (*backbone.parameters(), *head.parameters()):
        nn.init.normal_(parameter, std=0.2)  # where norms start at one and heads at zero nothing would be seen
    return Classifier(backbone, head, settings, 5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vit-ti/4", {"image": 16, "depth": 2, "width": 32, "heads": 2, "registers": 2, "qk_norm": True}),
        ("vit-ti/4", {"image": 16, "depth": 2, "width": 32, "heads": 2, "pool": "attention"}),
        ("resnet-w8", {"image": 16}),
    ],
    ids=["vision transformer", "with pooling by attention", "residual network"],
)
def test_the_graph_answers_as_the_network_does(name: str, options: dict[str, Any], settings: Settings) -> None:
    learner = classifier(name, settings, **options)
    found = export_onnx(learner, 16)
    assert found.labels == 5
    assert found.pictures == 9
    assert 0 <= found.embedding_difference < 1e-4
    assert found.logits_difference is not None
    assert 0 <= found.logits_difference < 1e-4

    model = onnx.load(io.BytesIO(found.onnx))
    assert [one.name for one in model.graph.input] == ["pixels"]
    assert [one.name for one in model.graph.output] == ["embedding", "logits"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param  # any number of pictures
    assert str(Path(__file__).parents[2]).encode() not in found.onnx


class _Odd(Classifier):
    def predict(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        features, logits = super().predict(pixels)
        assert logits is not None
        # Under the tracer another function, as a wrong operator would be.
        return features, logits * (2 if torch.compiler.is_compiling() or torch.compiler.is_exporting() else 1)


class _Routed(Classifier):
    def predict(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        features, logits = super().predict(pixels)
        return features, logits if float(features.sum()) > 0 else None


@pytest.mark.parametrize(
    ("kind", "message"), [(_Odd, "answers otherwise: logits"), (_Routed, "cannot be written as ONNX")]
)
def test_a_graph_that_would_answer_otherwise_is_refused(
    kind: type[Classifier], message: str, settings: Settings
) -> None:
    learner = classifier("resnet-w8", settings, image=16)
    learner.__class__ = kind
    with pytest.raises(EyeError, match=message):
        export_onnx(learner, 16)
