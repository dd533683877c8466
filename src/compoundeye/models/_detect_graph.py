"""Surgery on published ONNX detectors: bytes in, raw boxes out, any number of pictures at a time.

Published files differ in how they want pixels and often carry a suppression of boxes that works for one picture only.
What all of them become here takes pixels as they are and stops before that suppression, which is ours for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compoundeye.models._error import WeightsError

PIXELS = "bytes_of_rgb"
"""Name of the input: uint8 [N, height, width, 3], RGB."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """What a network wants in place of bytes of RGB: (value / scale - mean) / deviation."""

    bgr: bool = False
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """In the network's order of colours."""
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channels_first: bool = True


def cut(model: onnx.ModelProto, outputs: Mapping[str, str]) -> onnx.ModelProto:
    """The part of a network that leads to some inner tensors.

    Args:
        model: the network; not changed.
        outputs: new names of outputs by the inner tensor's name.

    Raises:
        WeightsError: the network has no such tensor.
    """
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    wanted, open_ = set(outputs), list(outputs)
    while open_:
        name = open_.pop()
        if name not in made_by:
            if name in outputs:
                raise WeightsError(f"the network has no tensor {name}: not the file of the catalogue")
            continue
        fresh = set(made_by[name].input) - wanted
        wanted |= fresh
        open_ += fresh
    nodes = [_renamed(node, outputs) for node in graph.node if set(node.output) & wanted]
    kept = helper.make_graph(
        nodes,
        graph.name or "detector",
        [value for value in graph.input if value.name in wanted],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs.values()],
        [tensor for tensor in graph.initializer if tensor.name in wanted],
    )
    return helper.make_model(kept, opset_imports=model.opset_import, ir_version=model.ir_version)


def _renamed(node: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    """A copy with other names of tensors."""
    out = onnx.NodeProto()
    out.CopyFrom(node)
    out.input[:] = [names.get(name, name) for name in node.input]
    out.output[:] = [names.get(name, name) for name in node.output]
    return out


def free_batch(model: onnx.ModelProto) -> None:
    """Let a network that was written for one picture take any number, in place.

    A reshape to a fixed form that begins with 1 takes that dimension from what comes in.
    """
    targets = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for tensor in model.graph.initializer:
        if tensor.name in targets:
            shape = numpy_helper.to_array(tensor).copy()
            if shape.size > 1 and shape[0] == 1:
                shape[0] = 0
                tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))


def take_bytes(model: onnx.ModelProto, size: tuple[int, int], pixels: Pixels, batch: int | str = "N") -> None:
    """Put in front of a network, in place, what turns bytes into what it wants.

    Args:
        model: its first input is the picture.
        size: width and height of the input in pixels.
        pixels: what it wants.
        batch: the input's first dimension: "N" for any number.
    """
    graph, source = model.graph, model.graph.input[0]
    kind = source.type.tensor_type.elem_type or TensorProto.FLOAT
    nodes, value = [helper.make_node("Cast", [PIXELS], ["pixels_float"], to=TensorProto.FLOAT)], "pixels_float"

    def step(operator: str, constant: Sequence[float] | None, **attributes: object) -> None:
        nonlocal value
        inputs, out = [value], f"pixels_{len(nodes)}"
        if constant is not None:
            inputs.append(out + "_constant")
            graph.initializer.append(numpy_helper.from_array(np.array(constant, np.float32), inputs[1]))
        nodes.append(helper.make_node(operator, inputs, [out], **attributes))
        value = out

    if pixels.bgr:
        graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0], np.int64), "pixels_order"))
        nodes.append(helper.make_node("Gather", [value, "pixels_order"], ["pixels_bgr"], axis=3))
        value = "pixels_bgr"
    if any(pixels.mean):
        step("Sub", [mean * pixels.scale for mean in pixels.mean])
    divisor = [deviation * pixels.scale for deviation in pixels.deviation]
    if any(one != 1 for one in divisor):
        step("Div", divisor)
    if pixels.channels_first:
        step("Transpose", None, perm=[0, 3, 1, 2])
    if len(source.type.tensor_type.shape.dim) == 3:  # a network of one picture, without a dimension for others
        graph.initializer.append(numpy_helper.from_array(np.array(0, np.int64), "pixels_first"))
        nodes.append(helper.make_node("Gather", [value, "pixels_first"], ["pixels_one"], axis=0))
        value = "pixels_one"
    nodes.append(helper.make_node("Cast", [value], [source.name], to=kind))
    body = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *body])
    graph.input[0].CopyFrom(helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, [batch, size[1], size[0], 3]))
