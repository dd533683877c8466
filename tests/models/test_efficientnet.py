"""The graph that is built equals the published network, run independently in PyTorch straight from its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
import torch.nn.functional as functional

from compoundeye.models import WeightsError, card, load, weights
from compoundeye.models._efficientnet import efficientnet_graph
from compoundeye.models._onnxruntime import OnnxRuntime
from compoundeye.models._openvino import OpenVINO
from compoundeye.models._torch_archive import read_state

# Blocks whose depthwise convolution has stride 2, by the number of blocks: the first of stages 2, 3, 4 and 6 of
# Table 1 in Tan and Le, 2019, at depths 1.0 (lite0) and 1.1 or 1.2 (lite1, lite2).
STRIDE_TWO = {16: {1, 3, 5, 11}, 21: {1, 4, 7, 15}}
Array = npt.NDArray[Any]


def reference(state: Mapping[str, Array], batch: Array) -> tuple[Array, Array]:
    """Embedding and logits, with batch normalisation as its own step and padding worked out from TensorFlow's rule."""
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
    blocks = sum(name.endswith("_project_conv.weight") for name in state)

    def convolve(x: torch.Tensor, name: str, norm: str, stride: int = 1) -> torch.Tensor:
        weight = tensors[name + ".weight"]
        groups = weight.shape[0] if "depthwise" in name else 1
        padding = []
        for side, kernel in zip(reversed(x.shape[2:]), reversed(weight.shape[2:]), strict=True):
            total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            padding += [total // 2, total - total // 2]
        x = functional.conv2d(functional.pad(x, padding), weight, stride=stride, groups=groups)
        mean, var, scale, bias = (
            tensors[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(x, mean, var, scale, bias, eps=1e-3)

    x = (torch.from_numpy(batch).permute(0, 3, 1, 2).float() - 127) / 128
    x = functional.relu6(convolve(x, "_conv_stem", "_bn0", 2))
    for number in range(blocks):
        prefix, y = f"_blocks.{number}.", x
        if number:
            y = functional.relu6(convolve(y, prefix + "_expand_conv", prefix + "_bn0"))
        stride = 2 if number in STRIDE_TWO[blocks] else 1
        y = functional.relu6(convolve(y, prefix + "_depthwise_conv", prefix + "_bn1", stride))
        y = convolve(y, prefix + "_project_conv", prefix + "_bn2")
        x = x + y if x.shape == y.shape else y
    embedding = functional.relu6(convolve(x, "_conv_head", "_bn1")).mean((2, 3))
    logits = functional.linear(embedding, tensors["_fc.weight"], tensors["_fc.bias"])
    return embedding.numpy(), logits.numpy()


def noise(size: int, count: int = 3) -> Array:
    return np.random.default_rng(size).integers(0, 256, (count, size, size, 3), np.uint8)


@pytest.mark.parametrize("size", [32, 33, 37, 50, 64])
def test_any_side_is_padded_as_the_reference_pads_it(tiny_lite: dict[str, Array], size: int) -> None:
    graph = efficientnet_graph(tiny_lite, size).SerializeToString()
    embedding, logits = reference(tiny_lite, noise(size))
    for runtime in (OpenVINO(graph, "fp32", 1), OnnxRuntime(graph, "cpu", 1)):
        found = runtime(noise(size))
        np.testing.assert_allclose(found["embedding"], embedding, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found["logits"], logits, rtol=1e-4, atol=1e-4)


def test_the_graph_is_valid_and_says_what_goes_in_and_out(tiny_lite: dict[str, Array]) -> None:
    model = efficientnet_graph(tiny_lite, 32)
    onnx.checker.check_model(model, full_check=True)
    (source,) = model.graph.input
    assert [d.dim_param or d.dim_value for d in source.type.tensor_type.shape.dim] == ["N", 32, 32, 3]
    assert source.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    shapes = {
        out.name: [d.dim_param or d.dim_value for d in out.type.tensor_type.shape.dim] for out in model.graph.output
    }
    assert shapes == {"embedding": ["N", 20], "logits": ["N", 7]}


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"])
def test_published_weights_on_photographs_equal_the_reference_in_both_runtimes(
    name: str, photographs: dict[str, bytes]
) -> None:
    openvino = load(name, precision="fp32")
    batch = np.stack([openvino.prepare(photographs[file]) for file in ("chelsea.png", "china.jpg", "rocket.jpg")])
    embedding, logits = reference(read_state(weights(card(name))), batch)
    for vision in (openvino, load(name, runtime="onnxruntime")):
        found = vision(batch)
        np.testing.assert_allclose(found.embedding, embedding, rtol=0, atol=1e-4)
        assert found.logits is not None
        np.testing.assert_allclose(found.logits, logits, rtol=0, atol=1e-4)


def test_the_normalisation_is_the_one_it_was_trained_with(photographs: dict[str, bytes]) -> None:
    """(x - 127) / 128 makes the network surer of photographs than the mean and deviation of ImageNet do."""
    vision = load(precision="fp32")
    batch = np.stack([vision.prepare(data) for data in photographs.values()]).astype(np.float32)
    # ImageNet's, in pixels; the reference then subtracts 127 and divides by 128.
    mean, deviation = np.array([[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]], np.float32)
    other = (batch - mean) / deviation * 128 + 127
    state = read_state(weights(vision.card))

    def surety(pictures: Array) -> float:
        logits = torch.from_numpy(reference(state, pictures)[1])
        return float(logits.softmax(1).amax(1).mean())

    assert surety(batch) > surety(other) + 0.1


@pytest.mark.parametrize("missing", ["_conv_stem.weight", "_blocks.3._bn1.running_var", "_fc.bias"])
def test_weights_without_a_part_are_refused_by_its_name(tiny_lite: dict[str, Array], missing: str) -> None:
    state = {name: value for name, value in tiny_lite.items() if name != missing}
    with pytest.raises(WeightsError, match=f"without '{missing}': not an EfficientNet-Lite"):
        efficientnet_graph(state, 32)


def test_weights_of_another_depth_are_refused(tiny_lite: dict[str, Array]) -> None:
    state = {name: value for name, value in tiny_lite.items() if not name.startswith("_blocks.15.")}
    with pytest.raises(WeightsError, match="6 stages where an EfficientNet-Lite has 7"):
        efficientnet_graph(state, 32)
