"""Tiny YOLOv3 (Redmon and Farhadi, 2018, arXiv:1804.02767) of the ONNX Model Zoo: its graph up to its two last maps."""

from __future__ import annotations

import onnx

from compoundeye.models._detect_graph import Pixels, cut, take_bytes
from compoundeye.models._yolo_head import YoloMap, add_head

# Constants of the published file. The finer map takes anchors 1 to 3 of its six, as in yolov3-tiny.cfg.
_COARSE = ((81.0, 82.0), (135.0, 169.0), (344.0, 319.0))
_FINE = ((23.0, 27.0), (37.0, 58.0), (81.0, 82.0))


def tiny_yolov3_maps(size: tuple[int, int]) -> tuple[YoloMap, ...]:
    """The two last maps, for an input of ``size`` (width, height)."""
    coarse = YoloMap("coarse", size[1] // 32, size[0] // 32, _COARSE)
    return coarse, YoloMap("fine", size[1] // 16, size[0] // 16, _FINE)


def tiny_yolov3_graph(data: bytes, size: tuple[int, int], classes: int) -> bytes:
    """Build the network.

    Args:
        data: the published file.
        size: width and height of the input in pixels.
        classes: K, how many classes it has.

    Returns:
        Input ``pixels`` uint8 [N, height, width, 3]; outputs as ``add_head`` says.

    Raises:
        WeightsError: not the published file.
    """
    model = cut(onnx.load_model_from_string(data), {"convolution_output1": "coarse", "convolution_output": "fine"})
    add_head(model.graph, tiny_yolov3_maps(size), classes)
    take_bytes(model, size, Pixels(scale=255.0))
    return bytes(model.SerializeToString(deterministic=True))
