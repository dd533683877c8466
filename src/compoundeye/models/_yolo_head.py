"""What YOLO's second to fourth versions put out, and how boxes are read from it.

Redmon and Farhadi, 2018 (arXiv:1804.02767), section 2.1; with the wider sigmoid of Bochkovskiy et al., 2020
(arXiv:2004.10934), section 3.3. The network's last maps become a list of places in the graph; boxes are worked out
afterwards, for the few places that have something, in single precision whatever the network ran in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compoundeye.models._detect_heads import Decode, Float32, Places

BOX, OBJECT = 4, 1
"""Numbers of a place before those of its classes."""


@dataclass(frozen=True, slots=True)
class YoloMap:
    """One of the last maps of a network."""

    tensor: str
    """Its name in the graph: [N, anchors * (5 + K), rows, columns]."""
    rows: int
    columns: int
    anchors: tuple[tuple[float, float], ...]
    """Width and height of each anchor in pixels of the input."""
    spread: float = 1.0
    """Width of the sigmoid of a centre, in cells (``scale_x_y``): above 1 it reaches the edges of its cell."""


def add_head(graph: onnx.GraphProto, maps: Sequence[YoloMap], classes: int) -> None:
    """Append to a graph, in place, its outputs: ``raw`` [N, A, 4] and ``scores`` [N, A, K], objectness times class."""

    def integers(name: str, *values: int) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def node(operator: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        graph.node.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def part(name: str, begin: int, end: int) -> str:
        ends = (integers(f"{name}_begin", begin), integers(f"{name}_end", end), integers(f"{name}_axis", 2))
        return node("Slice", ["places", *ends], name)

    lists = []
    for number, one in enumerate(maps):
        depth, cells = len(one.anchors), one.rows * one.columns
        shape = integers(f"map_{number}_shape", 0, depth, BOX + OBJECT + classes, cells)
        split = node("Reshape", [one.tensor, shape], f"map_{number}_split")
        last = node("Transpose", [split], f"map_{number}_last", perm=[0, 1, 3, 2])
        flat = integers(f"map_{number}_flat", 0, depth * cells, BOX + OBJECT + classes)
        lists.append(node("Reshape", [last, flat], f"map_{number}_places"))
    node("Concat", lists, "places", axis=1)
    part("raw", 0, BOX)
    some = node("Sigmoid", [part("object_logit", BOX, BOX + OBJECT)], "object")
    which = node("Sigmoid", [part("class_logits", BOX + OBJECT, BOX + OBJECT + classes)], "class")
    node("Mul", [some, which], "scores")
    del graph.output[:]
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("raw", "scores"))


def yolo_decode(maps: Sequence[YoloMap], size: tuple[int, int]) -> Decode:
    """What turns ``raw`` at chosen places into boxes in pixels of an input of ``size`` (width, height)."""
    cells = np.concatenate([_cells(one) for one in maps])
    step = np.concatenate([_each(one, (size[0] / one.columns, size[1] / one.rows)) for one in maps])
    spread = np.concatenate([_each(one, (one.spread, one.spread)) for one in maps])
    anchors = np.concatenate([np.repeat(np.array(one.anchors, np.float32), one.rows * one.columns, 0) for one in maps])

    def decode(raw: Float32, places: Places) -> Float32:
        inside = 1 / (1 + np.exp(-raw[:, :2]))
        wide = spread[places]
        centre = (cells[places] + inside * wide - (wide - 1) / 2) * step[places]
        half = np.exp(raw[:, 2:]) * anchors[places] / 2
        return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)

    return decode


def _cells(one: YoloMap) -> Float32:
    """[anchors * rows * columns, 2] column and row of each place."""
    row, column = np.mgrid[: one.rows, : one.columns]
    grid = np.stack([column.ravel(), row.ravel()], axis=1).astype(np.float32)
    return np.tile(grid, (len(one.anchors), 1))


def _each(one: YoloMap, pair: tuple[float, float]) -> Float32:
    return np.tile(np.array(pair, np.float32), (len(one.anchors) * one.rows * one.columns, 1))
