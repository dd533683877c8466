"""YOLOX as MMDeploy wrote it (Ge et al., 2021, arXiv:2107.08430): its graph, up to boxes and scores of every place."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from compoundeye.models._detect_graph import Pixels, cut, free_batch, take_bytes

# Inner tensors of the published file: corners [1, A, 4] in pixels, and objectness times class [1, A, K].
_TENSORS = {"1189": "boxes", "1191": "scores"}


# The file has COCO's 80 outputs but was trained on people alone: on pictures of streets no other output reaches 0.01.
_CLASS_WEIGHTS = "bbox_head.multi_level_conv_cls."
_CLASS_SHAPE = "1058"


def yolox_graph(data: bytes, size: int, classes: int) -> bytes:
    """Build the network.

    Args:
        data: the published file.
        size: side of the square input in pixels.
        classes: K, how many classes from the first on are kept.

    Returns:
        Input ``pixels`` uint8 [N, size, size, 3]; outputs ``boxes`` float32 [N, A, 4] in pixels of the input and
        ``scores`` float32 [N, A, K].

    Raises:
        WeightsError: not the published file.
    """
    model = cut(onnx.load_model_from_string(data), _TENSORS)
    _keep(model, classes)
    free_batch(model)
    # The data_preprocessor of MMDetection's YOLOX has no mean and no deviation: bytes in the order of OpenCV.
    take_bytes(model, (size, size), Pixels(bgr=True))
    return bytes(model.SerializeToString(deterministic=True))


def _keep(model: onnx.ModelProto, classes: int) -> None:
    for tensor in model.graph.initializer:
        if tensor.name.startswith(_CLASS_WEIGHTS):
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[:classes].copy(), tensor.name))
        elif tensor.name == _CLASS_SHAPE:
            tensor.CopyFrom(numpy_helper.from_array(np.array([1, -1, classes], np.int64), tensor.name))
