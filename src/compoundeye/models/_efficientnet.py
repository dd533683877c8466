"""EfficientNet-Lite as an ONNX graph, straight from its weights.

Architecture: Tan and Le, 2019 (arXiv:1905.11946), in the Lite form of the authors' release (no squeeze-and-excite,
ReLU6, stem and head not scaled): ``models/official/efficientnet/lite/efficientnet_lite_builder.py`` in
github.com/tensorflow/tpu. Channels, kernels and depth are read off the weights; only strides are not in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from compoundeye.models._error import WeightsError
from compoundeye.models._onnx import Graph

State = Mapping[str, npt.NDArray[Any]]

# efficientnet_lite_builder.py: _DEFAULT_BLOCKS_ARGS (the second number of each "s"), batch_norm_epsilon, MEAN_RGB and
# STDDEV_RGB.
_STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_EPSILON = 1e-3
_MEAN = 127.0
_DEVIATION = 128.0


def efficientnet_graph(state: State, size: int) -> onnx.ModelProto:
    """Build the network.

    Args:
        state: weights under the names of the PyTorch port (``_conv_stem``, ``_blocks.0._depthwise_conv``, ...).
        size: side of the square input in pixels; padding depends on it.

    Returns:
        Input ``pixels`` uint8 [N, size, size, 3] (RGB); outputs ``embedding`` float32 [N, D], the pooled features
        before the classifier, and ``logits`` float32 [N, K].

    Raises:
        WeightsError: the weights are not of an EfficientNet-Lite.
    """
    try:
        return _Builder(state, size).build()
    except KeyError as error:
        raise WeightsError(f"weights without {error}: not an EfficientNet-Lite") from None


class _Builder:
    def __init__(self, state: State, size: int) -> None:
        self.state = state
        self.size = size
        self.side = size
        """Side of the feature map so far."""
        self.graph = Graph()
        self.zero = self.scalar(0)
        self.six = self.scalar(6)

    def build(self) -> onnx.ModelProto:
        graph, state = self.graph, self.state
        x = graph.node("Cast", "pixels", to=TensorProto.FLOAT)
        # Division by 128 only changes exponents, so it goes into the stem's weights without loss.
        x = graph.node("Sub", x, self.scalar(_MEAN))
        x = graph.node("Transpose", x, perm=[0, 3, 1, 2])
        x = self.relu6(self.convolve(x, "_conv_stem", "_bn0", stride=2, divisor=_DEVIATION))
        for number, stride in enumerate(self.strides()):
            x = self.block(x, f"_blocks.{number}.", stride)
        x = self.relu6(self.convolve(x, "_conv_head", "_bn1"))
        x = graph.node("GlobalAveragePool", x)
        x = graph.node("Flatten", x, output="embedding")
        weight, bias = state["_fc.weight"], state["_fc.bias"]
        graph.node("Gemm", x, graph.constant(weight), graph.constant(bias), output="logits", transB=1)
        model = graph.finish(
            ("pixels", TensorProto.UINT8, ["N", self.size, self.size, 3]),
            ("embedding", ["N", weight.shape[1]]),
            "efficientnet-lite",
        )
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", weight.shape[0]])
        model.graph.output.append(logits)
        return model

    def strides(self) -> list[int]:
        """Stride of every block: the stage's for its first block, then 1. A stage begins where the width changes."""
        widths: list[int] = []
        while (name := f"_blocks.{len(widths)}._project_conv.weight") in self.state:
            widths.append(self.state[name].shape[0])
        begins = [i == 0 or widths[i] != widths[i - 1] for i in range(len(widths))]
        if sum(begins) != len(_STAGE_STRIDES):
            raise WeightsError(f"{sum(begins)} stages where an EfficientNet-Lite has {len(_STAGE_STRIDES)}")
        of_stage = iter(_STAGE_STRIDES)
        return [next(of_stage) if begin else 1 for begin in begins]

    def block(self, x: str, prefix: str, stride: int) -> str:
        """Inverted residual: widen, filter each channel, narrow; add the input where the shapes allow."""
        y = x
        width = self.state[prefix + "_depthwise_conv.weight"].shape[0]
        if prefix + "_expand_conv.weight" in self.state:
            width = self.state[prefix + "_expand_conv.weight"].shape[1]
            y = self.relu6(self.convolve(y, prefix + "_expand_conv", prefix + "_bn0"))
        y = self.relu6(self.convolve(y, prefix + "_depthwise_conv", prefix + "_bn1", stride))
        y = self.convolve(y, prefix + "_project_conv", prefix + "_bn2")
        same = stride == 1 and width == self.state[prefix + "_project_conv.weight"].shape[0]
        return self.graph.node("Add", y, x) if same else y

    def convolve(self, x: str, name: str, norm: str, stride: int = 1, divisor: float = 1.0) -> str:
        """Convolution without bias, then batch normalisation (Ioffe and Szegedy, 2015), as one convolution."""
        weight = self.state[name + ".weight"].astype(np.float64)
        scale = self.state[norm + ".weight"] / np.sqrt(self.state[norm + ".running_var"].astype(np.float64) + _EPSILON)
        bias = self.state[norm + ".bias"] - self.state[norm + ".running_mean"] * scale
        weight = weight * scale[:, None, None, None] / divisor
        kernel = weight.shape[-1]
        before, after = self.padding(kernel, stride)
        return self.graph.node(
            "Conv",
            x,
            self.graph.constant(weight.astype(np.float32)),
            self.graph.constant(bias.astype(np.float32)),
            strides=[stride, stride],
            pads=[before, before, after, after],
            kernel_shape=[kernel, kernel],
            # One input channel per filter beyond the stem means a filter per channel.
            group=weight.shape[0] if weight.shape[1] == 1 else 1,
        )

    def padding(self, kernel: int, stride: int) -> tuple[int, int]:
        """Zeros before and after, as TensorFlow's SAME puts them: the odd one after. Moves ``side`` on."""
        side = -(-self.side // stride)
        total = max((side - 1) * stride + kernel - self.side, 0)
        self.side = side
        return total // 2, total - total // 2

    def scalar(self, value: float) -> str:
        return self.graph.constant(np.array(value, np.float32))

    def relu6(self, x: str) -> str:
        return self.graph.node("Clip", x, self.zero, self.six)
