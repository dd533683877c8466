"""Surgery on networks leaves what they compute as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compoundeye.models import WeightsError, open_onnx
from compoundeye.models._detect_graph import Pixels, cut, free_batch, take_bytes


def network(
    shape: list[Any], nodes: list[onnx.NodeProto], kind: int = TensorProto.FLOAT, **tensors: Any
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("in", kind, shape)],
        [helper.make_tensor_value_info("out", kind, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def ran(model: onnx.ModelProto, batch: Any) -> dict[str, Any]:
    return dict(open_onnx(model.SerializeToString(), runtime="onnxruntime")(batch))


PIXELS = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "pixels",
    [
        Pixels(),
        Pixels(bgr=True),
        Pixels(scale=255.0),
        Pixels(bgr=True, scale=255.0, mean=(0.5, 0.25, 0.125), deviation=(0.5, 1.0, 0.25)),
        Pixels(scale=2.0, channels_first=False),
    ],
    ids=["as they are", "blue first", "shares", "normalised", "colours last"],
)
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_bytes_become_what_the_network_wants(pixels: Pixels, runtime: str) -> None:
    shape = ["N", 3, 4, 5] if pixels.channels_first else ["N", 4, 5, 3]
    model = network(shape, [helper.make_node("Neg", ["in"], ["out"])])
    take_bytes(model, (5, 4), pixels)
    wanted = PIXELS.astype(np.float64)[..., ::-1] if pixels.bgr else PIXELS.astype(np.float64)
    wanted = (wanted / pixels.scale - np.array(pixels.mean)) / np.array(pixels.deviation)
    found = open_onnx(model.SerializeToString(), runtime=runtime)(PIXELS)["out"]
    wanted = wanted.transpose(0, 3, 1, 2) if pixels.channels_first else wanted
    np.testing.assert_allclose(found, -wanted, rtol=1e-5, atol=1e-5)


def test_a_network_of_one_picture_gets_one() -> None:
    model = network([3, 4, 5], [helper.make_node("Neg", ["in"], ["out"])])
    take_bytes(model, (5, 4), Pixels(), 1)
    np.testing.assert_array_equal(ran(model, PIXELS[:1])["out"], -PIXELS[0].transpose(2, 0, 1).astype(np.float32))


def test_a_network_in_half_precision_gets_that() -> None:
    model = network(["N", 3, 4, 5], [helper.make_node("Neg", ["in"], ["out"])], TensorProto.FLOAT16)
    take_bytes(model, (5, 4), Pixels())
    assert ran(model, PIXELS)["out"].dtype == np.float16


def test_a_cut_network_says_what_its_inner_tensors_hold() -> None:
    nodes = [
        helper.make_node("Neg", ["in"], ["inner"]),
        helper.make_node("Mul", ["inner", "two"], ["double"]),
        helper.make_node("Add", ["double", "five"], ["out"]),
    ]
    model = network(["N", 2], nodes, two=np.float32(2), five=np.float32(5))
    part = cut(model, {"double": "twice", "inner": "once"})
    x = np.array([[1, 2], [3, 4]], np.float32)
    found = ran(part, x)
    assert set(found) == {"once", "twice"}
    np.testing.assert_array_equal(found["once"], -x)
    np.testing.assert_array_equal(found["twice"], -2 * x)
    assert [tensor.name for tensor in part.graph.initializer] == ["two"]
    assert len(model.graph.node) == 3  # the network itself is as it was


def test_a_tensor_that_is_not_there_is_another_file() -> None:
    model = network(["N", 2], [helper.make_node("Neg", ["in"], ["out"])])
    with pytest.raises(WeightsError, match="no tensor 1122: not the file of the catalogue"):
        cut(model, {"1122": "raw"})


def test_a_network_for_one_picture_takes_more() -> None:
    model = network([1, 6], [helper.make_node("Reshape", ["in", "form"], ["out"])], form=np.array([1, 2, -1]))
    free_batch(model)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    x = np.arange(18, dtype=np.float32).reshape(3, 6)
    np.testing.assert_array_equal(ran(model, x)["out"], x.reshape(3, 2, 3))
