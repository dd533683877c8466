"""A writer of ONNX graphs: the handful of blocks that transformers are made of.

Operators are of opset 20, which both OpenVINO and ONNX Runtime read. Attention is written out (MatMul, Softmax,
MatMul): both runtimes recognise that pattern and fuse it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from compoundeye.models._error import WeightsError

OPSET = 20
_IR_VERSION = 10
"""The oldest file version that carries opset 20 (onnx/docs/Versioning.md), so that older runtimes read it too."""

_MAX_BYTES = 2_000_000_000
"""A protocol buffer cannot exceed 2 GiB; the tensors must leave room for the graph."""

Array = npt.NDArray[Any]


class Graph:
    """Writes nodes in order; every method returns the name of the tensor that it made."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: list[TensorProto] = []
        self._bytes = 0

    def constant(self, value: Array) -> str:
        """Store an array in the graph.

        Raises:
            WeightsError: the graph would exceed what one ONNX file can hold.
        """
        self._bytes += value.nbytes
        if self._bytes > _MAX_BYTES:
            raise WeightsError("the model is larger than 2 GB, more than one ONNX graph can hold: use a smaller one")
        name = f"c{len(self._tensors)}"
        self._tensors.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def integers(self, *values: int) -> str:
        """Store a vector of int64."""
        return self.constant(np.array(values, np.int64))

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Append one node with one output."""
        name = output or f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def linear(self, x: str, weight: Array, bias: Array | None) -> str:
        """``x @ weight.T + bias``: weight [out, in], bias [out]."""
        product = self.node("MatMul", x, self.constant(weight.T))
        return product if bias is None else self.node("Add", product, self.constant(bias))

    def layer_norm(self, x: str, weight: Array, bias: Array, epsilon: float) -> str:
        """Layer normalisation over the last axis (Ba et al., 2016, arXiv:1607.06450)."""
        return self.node("LayerNormalization", x, self.constant(weight), self.constant(bias), axis=-1, epsilon=epsilon)

    def activation(self, x: str, kind: str) -> str:
        """One of the activations of the supported models, by the name that config.json uses.

        ``gelu`` is exact and ``gelu_pytorch_tanh`` its tanh approximation (Hendrycks and Gimpel, 2016,
        arXiv:1606.08415); ``quick_gelu`` is CLIP's x * sigmoid(1.702 x).

        Raises:
            WeightsError: the name is none of these.
        """
        match kind:
            case "gelu":
                return self.node("Gelu", x, approximate="none")
            case "gelu_pytorch_tanh" | "gelu_new":
                return self.node("Gelu", x, approximate="tanh")
            case "quick_gelu":
                gate = self.node("Sigmoid", self.node("Mul", x, self.constant(np.float32(1.702).reshape(1))))
                return self.node("Mul", x, gate)
        raise WeightsError(f"config.json asks for the activation {kind!r}, which is not supported")

    def heads(self, x: str, count: int, width: int) -> str:
        """[N, L, count * width] to [N, count, L, width]."""
        split = self.node("Reshape", x, self.integers(0, 0, count, width))
        return self.node("Transpose", split, perm=[0, 2, 1, 3])

    def attention(self, query: str, key: str, value: str, width: int, mask: str | None = None) -> str:
        """Scaled dot-product attention (Vaswani et al., 2017, arXiv:1706.03762) over heads that are already split.

        Shapes: [N, H, L, width] each; the result is [N, L, H * width]. ``mask`` is added to the scores [L, L].
        """
        scale = self.constant(np.float32(1 / math.sqrt(width)).reshape(1))
        scores = self.node("MatMul", self.node("Mul", query, scale), self.node("Transpose", key, perm=[0, 1, 3, 2]))
        if mask is not None:
            scores = self.node("Add", scores, mask)
        mixed = self.node("MatMul", self.node("Softmax", scores, axis=-1), value)
        joined = self.node("Transpose", mixed, perm=[0, 2, 1, 3])
        return self.node("Reshape", joined, self.integers(0, 0, -1))

    def finish(
        self, input_: tuple[str, int, Sequence[int | str]], output: tuple[str, Sequence[int | str]], name: str
    ) -> onnx.ModelProto:
        """The model: ``input_`` is (name, ONNX element type, shape), ``output`` is (name, shape) in float32.

        A string in a shape is a free dimension.
        """
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(input_[0], input_[1], input_[2])],
            [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
            self._tensors,
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
            producer_name="compoundeye",
        )
