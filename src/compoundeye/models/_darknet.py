"""Darknet's networks as ONNX graphs: the ``.cfg`` that describes one and the ``.weights`` that fill it.

Formats: ``parser.c`` of github.com/AlexeyAB/darknet (public domain). Only the layers of the small detectors are read;
any other is an error, not a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from compoundeye.models._detect_graph import Pixels, take_bytes
from compoundeye.models._error import WeightsError
from compoundeye.models._yolo_head import YoloMap, add_head

Float32 = npt.NDArray[np.float32]
Section = Mapping[str, str]

# batchnorm_layer.c and convolutional_layer.c (fuse_conv_batchnorm): sqrt(variance + 0.00001); activations.h: LEAKY.
_EPSILON = 1e-5
_LEAK = 0.1
_OPSET = 13
_IR_VERSION = 7


@dataclass(frozen=True, slots=True)
class Darknet:
    """A network that was read."""

    graph: bytes
    """Input ``pixels`` uint8 [N, height, width, 3]; outputs as ``add_head`` says."""
    maps: tuple[YoloMap, ...]
    size: tuple[int, int]
    """Width and height of the input in pixels."""


@dataclass(frozen=True, slots=True)
class _Layer:
    tensor: str
    channels: int
    rows: int
    columns: int


def read_darknet(cfg: str, weights: bytes) -> Darknet:
    """Build a network.

    Args:
        cfg: text of the ``.cfg``.
        weights: the ``.weights``.

    Raises:
        WeightsError: a layer that is not supported, or the two do not belong together.
    """
    return _Reader(_sections(cfg), weights).read()


def _sections(cfg: str) -> list[tuple[str, Section]]:
    """Kind and settings of each section, in order."""
    found: list[tuple[str, dict[str, str]]] = []
    for line in (line.partition("#")[0].strip() for line in cfg.splitlines()):
        if line.startswith("["):
            found.append((line.strip("[]"), {}))
        elif line:
            key, _, value = line.partition("=")
            found[-1][1][key.strip()] = value.strip()
    return [(kind, settings) for kind, settings in found]


class _Reader:
    def __init__(self, sections: list[tuple[str, Section]], weights: bytes) -> None:
        (_, net), *self._sections = sections
        self._size = int(net["width"]), int(net["height"])
        self._input = _Layer("network", int(net["channels"]), self._size[1], self._size[0])
        self._values = _values(weights)
        self._at = 0
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: list[TensorProto] = []
        self._layers: list[_Layer] = []
        self._maps: list[YoloMap] = []
        self._classes = 0

    def read(self) -> Darknet:
        makers = {
            "convolutional": self._convolutional,
            "maxpool": self._maxpool,
            "route": self._route,
            "upsample": self._upsample,
            "yolo": self._yolo,
        }
        for kind, settings in self._sections:
            if kind not in makers:
                raise WeightsError(f"this reader knows no Darknet layer [{kind}]")
            self._layers.append(makers[kind](settings, self._layers[-1] if self._layers else self._input))
        if self._at != len(self._values):
            raise WeightsError(f"the weights hold {len(self._values)} numbers where the .cfg has {self._at}")
        source = helper.make_tensor_value_info("network", TensorProto.FLOAT, None)
        graph = helper.make_graph(self._nodes, "darknet", [source], [], self._tensors)
        add_head(graph, self._maps, self._classes)
        opset = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION, producer_name="compoundeye")
        # data.c, load_image: pixels of 0 to 255 are divided by 255, red first.
        take_bytes(model, self._size, Pixels(scale=255.0))
        return Darknet(bytes(model.SerializeToString(deterministic=True)), tuple(self._maps), self._size)

    def _convolutional(self, settings: Section, before: _Layer) -> _Layer:
        filters, kernel, stride = (int(settings.get(key, "1")) for key in ("filters", "size", "stride"))
        pad = kernel // 2 if settings.get("pad") == "1" else int(settings.get("padding", "0"))
        # The order in the file (load_convolutional_weights): bias, then scale, mean and variance, then the kernels.
        bias = self._take(filters)
        norm = [self._take(filters) for _ in range(3)] if settings.get("batch_normalize") == "1" else None
        weight = self._take(filters, before.channels, kernel, kernel)
        if norm is not None:
            scale, mean, variance = norm
            factor = scale / np.sqrt(variance + _EPSILON)
            weight, bias = weight * factor[:, None, None, None], bias - mean * factor
        sizes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        out = self._node("Conv", before.tensor, self._constant(weight), self._constant(bias), **sizes)
        rows, columns = ((side + 2 * pad - kernel) // stride + 1 for side in (before.rows, before.columns))
        return _Layer(self._activation(settings.get("activation", "linear"), out), filters, rows, columns)

    def _activation(self, kind: str, tensor: str) -> str:
        match kind:
            case "linear":
                return tensor
            case "leaky":
                return self._node("LeakyRelu", tensor, alpha=_LEAK)
        raise WeightsError(f"this reader knows no Darknet activation {kind!r}")

    def _maxpool(self, settings: Section, before: _Layer) -> _Layer:
        kernel, stride = int(settings["size"]), int(settings["stride"])
        # maxpool_layer.c: padding = size - 1, of which the smaller half lies before.
        total = kernel - 1
        pads = [total // 2, total // 2, total - total // 2, total - total // 2]
        out = self._node("MaxPool", before.tensor, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads)
        rows, columns = ((side + total - kernel) // stride + 1 for side in (before.rows, before.columns))
        return _Layer(out, before.channels, rows, columns)

    def _route(self, settings: Section, _: _Layer) -> _Layer:
        places = [int(place) for place in settings["layers"].split(",")]
        sources = [self._layers[place] for place in places]
        groups, group = int(settings.get("groups", "1")), int(settings.get("group_id", "0"))
        parts = [self._share(source, groups, group) for source in sources]
        out = parts[0] if len(parts) == 1 else self._node("Concat", *parts, axis=1)
        return _Layer(out, sum(source.channels // groups for source in sources), sources[0].rows, sources[0].columns)

    def _share(self, source: _Layer, groups: int, group: int) -> str:
        if groups == 1:
            return source.tensor
        width = source.channels // groups
        ends = [self._constant(np.array([value], np.int64)) for value in (group * width, (group + 1) * width, 1)]
        return self._node("Slice", source.tensor, *ends)

    def _upsample(self, settings: Section, before: _Layer) -> _Layer:
        factor = int(settings["stride"])
        scales = self._constant(np.array([1, 1, factor, factor], np.float32))
        attributes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        out = self._node("Resize", before.tensor, "", scales, **attributes)
        return _Layer(out, before.channels, before.rows * factor, before.columns * factor)

    def _yolo(self, settings: Section, before: _Layer) -> _Layer:
        numbers = [float(number) for number in settings["anchors"].split(",")]
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        anchors = tuple(pairs[int(place)] for place in settings["mask"].split(","))
        self._classes = int(settings["classes"])
        spread = float(settings.get("scale_x_y", "1"))
        self._maps.append(YoloMap(before.tensor, before.rows, before.columns, anchors, spread))
        return before

    def _take(self, *shape: int) -> Float32:
        count = int(np.prod(shape))
        if self._at + count > len(self._values):
            raise WeightsError("the weights hold fewer numbers than the .cfg asks for")
        self._at += count
        return self._values[self._at - count : self._at].reshape(shape)

    def _constant(self, value: npt.NDArray[np.float32] | npt.NDArray[np.int64]) -> str:
        name = f"c{len(self._tensors)}"
        self._tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _node(self, operator: str, *inputs: str, **attributes: object) -> str:
        name = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name


def _values(weights: bytes) -> Float32:
    """The numbers after the header: version (three int32) and pictures seen (int64 from version 0.2 on, else int32)."""
    if len(weights) < 20:
        raise WeightsError("a file of Darknet weights is longer than this")
    major, minor, _ = np.frombuffer(weights, "<i4", 3)
    header = 12 + (8 if major * 10 + minor >= 2 else 4)
    if (len(weights) - header) % 4:
        raise WeightsError("a file of Darknet weights holds whole numbers of four bytes each: this one is cut off")
    return np.frombuffer(weights, "<f4", offset=header)
