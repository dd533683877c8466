"""YOLOX (Ge et al., 2021, arXiv:2107.08430) as MMDeploy wrote it: its graph up to what it says of every place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from compoundeye.models._detect_graph import Pixels, cut, free_batch, take_bytes
from compoundeye.models._detect_heads import Decode, Float32, Places

STRIDES = (8, 16, 32)
"""Pixels of the input from place to place, map after map (section 2.2 of the paper: a decoupled head on three maps)."""

# Inner tensors of the published file: offsets [1, A, 4] in strides, and objectness times class [1, A, K].
_TENSORS = {"1122": "raw", "1191": "scores"}
# The file has COCO's 80 outputs but was trained on people alone: on pictures of streets no other output reaches 0.01.
_CLASS_WEIGHTS = "bbox_head.multi_level_conv_cls."
_CLASS_SHAPE = "1058"
# The first layers sort pixels by their place in squares of two (section 2.1, "Focus"): two reshapes to fixed sizes.
_PIXEL_SHAPE, _SORTED_SHAPE = "493", "508"


def yolox_graph(data: bytes, size: tuple[int, int], classes: int) -> bytes:
    """Build the network.

    Args:
        data: the published file.
        size: width and height of the input in pixels, multiples of 32.
        classes: K, how many classes from the first on are kept.

    Returns:
        Input ``pixels`` uint8 [N, height, width, 3]; outputs ``raw`` float32 [N, A, 4] for ``yolox_decode`` and
        ``scores`` float32 [N, A, K].

    Raises:
        WeightsError: not the published file.
    """
    model = cut(onnx.load_model_from_string(data), _TENSORS)
    _shape(model, size, classes)
    free_batch(model)
    # The data_preprocessor of MMDetection's YOLOX has no mean and no deviation: bytes in the order of OpenCV.
    take_bytes(model, size, Pixels(bgr=True))
    return bytes(model.SerializeToString(deterministic=True))


def yolox_decode(size: tuple[int, int], strides: Sequence[int] = STRIDES) -> Decode:
    """What turns ``raw`` at chosen places into boxes in pixels of an input of ``size`` (width, height).

    A centre is so many strides from its place, a side e to the power of so many.
    """
    grids = []
    for stride in strides:
        row, column = np.mgrid[: size[1] // stride, : size[0] // stride]
        grids.append(np.stack([column.ravel(), row.ravel(), np.full(row.size, stride)], axis=1))
    grid = np.concatenate(grids).astype(np.float32)

    def decode(raw: Float32, places: Places) -> Float32:
        cell, stride = grid[places, :2], grid[places, 2:]
        centre = (raw[:, :2] + cell) * stride
        half = np.exp(raw[:, 2:]) * stride / 2
        return np.concatenate([centre - half, centre + half], axis=1)

    return decode


def _shape(model: onnx.ModelProto, size: tuple[int, int], classes: int) -> None:
    width, height = size
    shapes = {
        _CLASS_SHAPE: (1, -1, classes),
        _PIXEL_SHAPE: (1, 3, height // 2, 2, width // 2, 2),
        _SORTED_SHAPE: (1, 12, height // 2, width // 2),
    }
    for tensor in model.graph.initializer:
        if tensor.name.startswith(_CLASS_WEIGHTS):
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[:classes].copy(), tensor.name))
        elif tensor.name in shapes:
            tensor.CopyFrom(numpy_helper.from_array(np.array(shapes[tensor.name], np.int64), tensor.name))
