"""From an ONNX file that a user brings to a detector that runs."""

from __future__ import annotations

import ast
import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, numpy_helper

from compoundeye.models._card import Card, Precision
from compoundeye.models._class_names import COCO_80, coco_ids
from compoundeye.models._detect import Detector
from compoundeye.models._detect_file import Traits, recognise
from compoundeye.models._detect_file_heads import DetrHead, FinalHead, YoloxHead, label_classes
from compoundeye.models._detect_graph import take_bytes
from compoundeye.models._detect_heads import Head
from compoundeye.models._detect_views import OneView, View
from compoundeye.models._error import WeightsError
from compoundeye.models._letterbox import Fit, Letterbox
from compoundeye.models._runtime import open_onnx
from compoundeye.models._yolox import yolox_decode
from compoundeye.records import EyeError, ModelIdentity

_SETTINGS = ("names", "first_label", "size", "bgr", "scale", "mean", "deviation", "fit", "fill", "iou")
"""What the file's owner may say in a .toml beside it."""

_COCO_LABELS = 91
"""Networks with a place for each of COCO's ids, 0 to 90."""

_NO_SUPPRESSION = 1.0
"""No two boxes overlap by more than all of them."""


@dataclass(frozen=True, slots=True)
class _Names:
    names: tuple[str, ...]
    labels: tuple[int, ...]
    """By which number the file calls each."""


def load_detector_file(path: Path, *, device: str, precision: Callable[[Card], Precision], threads: int) -> Detector:
    """Load a detector from a file.

    Names of the classes are those in FILE.toml or FILE.txt beside it (one a line), in the file's own metadata
    ("names"), or COCO's where their number fits. FILE.toml may also say what the family does not: ``size`` (width,
    height), ``first_label``, ``bgr``, ``scale``, ``mean``, ``deviation``, ``fit`` ("corner", "centre", "stretch"),
    ``fill``, ``iou``.

    Args:
        path: the file.
        device: "cpu" or "cuda".
        precision: chooses the arithmetic by a card.
        threads: processor threads of one call.

    Raises:
        WeightsError: it cannot be read, is no detector that is known, or what lies beside it does not fit.
    """
    try:
        data = path.read_bytes()
        model = onnx.load(str(path))
    except (OSError, DecodeError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as an ONNX file: {error}") from None
    try:
        told = _told(path)
        traits = _changed(recognise(model), told)
        names = _names(path, model, traits, told)
        _complete(model, traits)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    except (TypeError, ValueError, KeyError) as error:
        raise WeightsError(f"{path.with_suffix('.toml')} has a value of the wrong kind: {error}") from None
    identity = ModelIdentity(path.stem, "local", hashlib.sha256(data).hexdigest())
    card = _card(path, identity, traits, len(data))
    graph = model.SerializeToString()
    chosen = precision(card)
    letterbox = Letterbox(*traits.size, traits.fit, int(told.get("fill", 114)))
    try:
        runtime = open_onnx(graph, device=device, precision=chosen, threads=threads, sizes=(1,))
        view = OneView(View(letterbox, runtime, _head(traits, names)))
    except (EyeError, RuntimeError) as error:  # it runs once here: better now than at the first frame
        if isinstance(error, EyeError) and not isinstance(error.__cause__, RuntimeError):
            raise
        size = " x ".join(map(str, traits.size))
        raise WeightsError(f"{path}: the network does not run on an input of {size} pixels{_reason(error)}") from None
    iou = _NO_SUPPRESSION if traits.iou is None else traits.iou
    return Detector(card, identity, names.names, view, iou, batch=traits.batch or None)


def _reason(error: Exception) -> str:
    """The last sentence of OpenVINO's report that is about the network, not about OpenVINO."""
    around = ("Exception", "Check", "FrontEnd", "Model wasn't", "--", "While", "Summary", "OpenVINO cannot")
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(around)]
    return f": {said[-1]}" if said else ""


def _told(path: Path) -> Mapping[str, Any]:
    beside = path.with_suffix(".toml")
    if not beside.exists():
        return {}
    try:
        told = tomllib.loads(beside.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WeightsError(f"{beside.name} beside it is not TOML: {error}") from None
    unknown = [key for key in told if key not in _SETTINGS]
    if unknown:
        raise WeightsError(f"{beside.name} beside it has {unknown[0]!r}: it may have {', '.join(_SETTINGS)}")
    if told.get("fit", "corner") not in get_args(Fit):
        raise WeightsError(f"fit in {beside.name} must be one of {', '.join(get_args(Fit))}, not {told['fit']!r}")
    return told


def _changed(traits: Traits, told: Mapping[str, Any]) -> Traits:
    pixels = replace(
        traits.pixels,
        bgr=bool(told.get("bgr", traits.pixels.bgr)),
        scale=float(told.get("scale", traits.pixels.scale)),
        mean=_three(told.get("mean", traits.pixels.mean), "mean"),
        deviation=_three(told.get("deviation", traits.pixels.deviation), "deviation"),
    )
    size = told.get("size", traits.size)
    if len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
        raise WeightsError(f"size must be width and height in pixels, not {size!r}")
    return replace(
        traits,
        pixels=pixels,
        size=(size[0], size[1]),
        fit=told.get("fit", traits.fit),
        first_label=int(told.get("first_label", traits.first_label)),
        iou=told.get("iou", traits.iou),
    )


def _three(values: Sequence[float], name: str) -> tuple[float, float, float]:
    if len(values) != 3:
        raise WeightsError(f"{name} must be three numbers, one a colour, not {values!r}")
    return float(values[0]), float(values[1]), float(values[2])


def _names(path: Path, model: onnx.ModelProto, traits: Traits, told: Mapping[str, Any]) -> _Names:
    found = told.get("names") or _listed(path.with_suffix(".txt")) or _of_metadata(model)
    if found:
        count = traits.classes
        if count is not None and len(found) + traits.first_label > count:
            raise WeightsError(f"{len(found)} names for a network of {count} classes")
        return _Names(tuple(found), tuple(range(traits.first_label, traits.first_label + len(found))))
    # COCO's ids, where the network has a place for each of them or is trained on COCO by torchvision.
    if traits.classes in (_COCO_LABELS, _COCO_LABELS - 1) or traits.family == "torchvision":
        return _Names(COCO_80, tuple(id_ - (traits.classes == _COCO_LABELS - 1) for id_ in coco_ids()))
    if traits.classes in (len(COCO_80), None):
        return _Names(COCO_80, tuple(range(len(COCO_80))))
    raise WeightsError(
        f"the names of its {traits.classes} classes are not known: write them, one a line, into "
        f"{path.with_suffix('.txt').name} beside it"
    )


def _listed(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()] if path.exists() else []


def _of_metadata(model: onnx.ModelProto) -> list[str]:
    """Names in the file: a list, or a dictionary by number, as JSON or as Python writes it."""
    text = next((entry.value for entry in model.metadata_props if entry.key == "names"), None)
    if text is None:
        return []
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, dict):
            return [str(value[key]) for key in sorted(value, key=int)]
        return [str(name) for name in value]
    return []


def _complete(model: onnx.ModelProto, traits: Traits) -> None:
    """In place: bytes in, and boxes in pixels of the input where the network asks for the pictures' sizes."""
    graph = model.graph
    if traits.sizes_input is not None:
        value = next(value for value in graph.input if value.name == traits.sizes_input)
        floating = value.type.tensor_type.elem_type == TensorProto.FLOAT
        sizes = np.array([traits.size], np.float32 if floating else np.int64)
        graph.initializer.append(numpy_helper.from_array(sizes, traits.sizes_input))
        graph.input.remove(value)
    take_bytes(model, traits.size, traits.pixels, traits.batch or "N")


def _head(traits: Traits, names: _Names) -> Head:
    if traits.family in ("yolox", "yolox-decoded"):
        return YoloxHead(traits.outputs["all"], yolox_decode(traits.size) if traits.family == "yolox" else None)
    count = max(traits.classes or 0, max(names.labels) + 1)
    table = label_classes(names.labels, count)
    return DetrHead(traits.outputs, traits.size, table) if traits.family == "detr" else FinalHead(traits.outputs, table)


def _card(path: Path, identity: ModelIdentity, traits: Traits, size_bytes: int) -> Card:
    return Card(
        name=path.stem,
        task="detect",
        version="local",
        architecture=traits.family,
        input_size=max(traits.size),
        crop_fraction=1.0,
        embedding_dim=0,
        labels=None,
        licence="not known",
        metric="not known",
        protocol="",
        source=None,
        sha256=identity.digest,
        size_bytes=size_bytes,
        crop="whole",
        folder=str(path.resolve().parent),
        file_name=path.name,
    )
