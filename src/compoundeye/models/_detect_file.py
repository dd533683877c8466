"""Detectors that a user brings as an ONNX file: which family it is, told by what goes in and comes out.

Known are, as their own exporters write them: YOLOX (``tools/export_onnx.py`` of Megvii-BaseDetection/YOLOX, decoded or
not), RT-DETR and D-FINE (``export_onnx.py`` of lyuwenyu/RT-DETR and Peterande/D-FINE; or ``logits`` and ``pred_boxes``
as Hugging Face's Optimum writes them), RF-DETR (``dets`` and ``labels``), and torchvision's detection models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import onnx
from onnx import TensorProto

from compoundeye.models._detect_graph import Pixels
from compoundeye.models._error import WeightsError
from compoundeye.models._letterbox import Fit

Family = Literal["yolox", "yolox-decoded", "detr", "detr-final", "torchvision"]

_FREE_SIZE = (640, 640)
"""Width and height for files that take any size: what all of these exporters begin with."""

# Mean and deviation of ImageNet's colours, on which these networks' backbones were trained; RF-DETR's own transform.
_IMAGENET = Pixels(scale=255.0, mean=(0.485, 0.456, 0.406), deviation=(0.229, 0.224, 0.225))
_SHARES = Pixels(scale=255.0)


@dataclass(frozen=True, slots=True)
class Traits:
    """What a file's family says of it, unless its owner says otherwise."""

    family: Family
    size: tuple[int, int]
    """Width and height of the input in pixels."""
    batch: int
    """Pictures at a time; 0 for any number."""
    pixels: Pixels
    fit: Fit
    outputs: dict[str, str]
    """Names of the outputs that are read, by what they are."""
    classes: int | None
    """How many classes it has, where its outputs say so."""
    first_label: int = 0
    """The number by which a file calls its first class."""
    sizes_input: str | None = None
    """An input that asks for the pictures' sizes."""
    iou: float | None = None
    """Overlap from which two boxes are one; None where the network itself gives one box a thing."""


def recognise(model: onnx.ModelProto) -> Traits:
    """Tell the family of a network.

    Raises:
        WeightsError: it is none of those that are known; the message lists what it takes and gives.
    """
    graph = model.graph
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    outputs = {value.name: _shape(value) for value in graph.output}
    if not inputs:
        raise WeightsError("this network takes nothing: not a detector")
    size, batch, channels_first = _picture(inputs[0])
    family = _family(model, inputs, outputs, size)
    if family is None:
        raise WeightsError(
            f"this network takes {_listed(inputs)} and gives {_listed(graph.output)}, which is no detector that is "
            "known: YOLOX, RT-DETR, D-FINE, RF-DETR or torchvision, as their own exporters write them"
        )
    if batch > 1:
        raise WeightsError(f"this network was exported for {batch} pictures at a time: export it for 1 or any number")
    if not channels_first:
        raise WeightsError("this network takes colours last, which none of the known exporters writes")
    return _traits(family, inputs, outputs, size, batch)


def _family(
    model: onnx.ModelProto,
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: dict[str, list[int]],
    size: tuple[int, int],
) -> Family | None:
    if {"boxes", "labels", "scores"} <= set(outputs):
        return "detr-final" if len(inputs) == 2 else "torchvision"
    if {"logits", "pred_boxes"} <= set(outputs) or {"dets", "labels"} <= set(outputs):
        boxes = outputs.get("pred_boxes", outputs.get("dets", []))
        return "detr" if boxes[-1:] == [4] else None
    shapes = list(outputs.values())
    if len(inputs) == 1 and len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] > 5:
        places = sum((size[0] // stride) * (size[1] // stride) for stride in (8, 16, 32))
        if shapes[0][1] in (0, places):
            # Sides are e to a power: whoever wrote an Exp into the file has worked out the boxes already.
            return "yolox-decoded" if any(node.op_type == "Exp" for node in model.graph.node) else "yolox"
    return None


def _traits(
    family: Family,
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: dict[str, list[int]],
    size: tuple[int, int],
    batch: int,
) -> Traits:
    match family:
        case "yolox" | "yolox-decoded":
            ((name, shape),) = outputs.items()
            # preproc of yolox/data/data_augment.py: bytes in the order of OpenCV, 114 around; tools/demo.py: nms 0.45.
            pixels = Pixels(bgr=True)
            return Traits(family, size, batch, pixels, "corner", {"all": name}, shape[2] - 5, iou=0.45)
        case "detr":
            optimum = "logits" in outputs
            logits, boxes = ("logits", "pred_boxes") if optimum else ("labels", "dets")
            pixels = _SHARES if optimum else _IMAGENET
            named = {"logits": logits, "boxes": boxes}
            return Traits(family, size, batch, pixels, "stretch", named, outputs[logits][-1] or None)
        case "detr-final":
            named = {name: name for name in ("boxes", "labels", "scores")}
            sizes_input = inputs[1].name
            return Traits(family, size, batch, _SHARES, "stretch", named, None, sizes_input=sizes_input)
        case "torchvision":
            named = {name: name for name in ("boxes", "labels", "scores")}
            # Labels of torchvision begin with 1; 0 is the background. Suppression and normalisation are inside.
            return Traits(family, size, 1, _SHARES, "corner", named, None, first_label=1)


def _picture(value: onnx.ValueInfoProto) -> tuple[tuple[int, int], int, bool]:
    """Size, pictures at a time (0: any) and whether colours come first."""
    shape = _shape(value)
    kind = value.type.tensor_type.elem_type
    if len(shape) not in (3, 4) or kind not in (TensorProto.FLOAT, TensorProto.FLOAT16):
        raise WeightsError(f"this network does not take a picture as floating-point numbers but {_listed([value])}")
    batch = 1 if len(shape) == 3 else shape[0]
    colours_last = shape[-1] == 3 and shape[-3] != 3
    height, width = shape[-3:-1] if colours_last else shape[-2:]
    return (width or _FREE_SIZE[0], height or _FREE_SIZE[1]), batch, not colours_last


def _shape(value: onnx.ValueInfoProto) -> list[int]:
    """Dimensions; 0 for one that is free."""
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


def _listed(values: Sequence[onnx.ValueInfoProto]) -> str:
    return ", ".join(f"{value.name} {['any' if side == 0 else side for side in _shape(value)]}" for value in values)
