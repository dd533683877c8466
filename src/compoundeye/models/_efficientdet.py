"""EfficientDet-Lite (Tan et al., 2020, arXiv:1911.09070) in LiteRT: the published files up to what they say of a place.

The files end with an operator that suppresses boxes itself and gives 25 at most, fewer than a crowd has. It is cut off,
and so is the step that turns all scores into floating-point numbers when a handful is read.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.models._class_names import COCO_80, coco_ids
from compoundeye.models._detect_heads import Allowed, Candidates, Float32, best_of_place
from compoundeye.models._error import WeightsError
from compoundeye.models._runtime import Array, Arrays
from compoundeye.records import EyeError

_SUPPRESSION = b"TFLite_Detection_PostProcess"
_IDENTIFIER = b"TFL3"
_PLACES = 90
"""Classes of a place: COCO's ids 1 to 90, ten of them without a meaning."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of a file."""

    network: bytes
    """A ``.tflite`` with outputs ``raw`` [1, A, 4] and ``scores`` [1, A, 90], quantised."""
    anchors: Float32
    """[A, 4] centre y, centre x, height, width as shares of the input."""


def cut_tflite(data: bytes) -> Cut:
    """Take the last steps off a published file.

    Raises:
        WeightsError: not a file that ends as these do.
        EyeError: LiteRT is not installed.
    """
    schema, flatbuffers, _ = _litert()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    graph = model.subgraphs[0]
    last = graph.operators[-1]
    if model.operatorCodes[last.opcodeIndex].customCode != _SUPPRESSION:
        raise WeightsError("not an EfficientDet-Lite: the file does not end with the suppression of boxes")
    anchors = graph.tensors[last.inputs[2]]
    values = np.frombuffer(bytes(model.buffers[anchors.buffer].data), np.float32).reshape(-1, 4)
    floats = {op.outputs[0]: op for op in graph.operators[:-1] if len(op.outputs) == 1}
    steps = [floats[wanted] for wanted in last.inputs[:2]]
    if any(model.operatorCodes[op.opcodeIndex].builtinCode != schema.BuiltinOperator.DEQUANTIZE for op in steps):
        raise WeightsError("not an EfficientDet-Lite: its outputs are not quantised")
    graph.operators = [op for op in graph.operators[:-1] if all(op is not step for step in steps)]
    graph.outputs = np.array([op.inputs[0] for op in steps], np.int32)
    model.signatureDefs = model.metadata = None  # they describe what was cut off
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return Cut(bytes(builder.Output()), values)


class TfliteNetwork:
    """The network in LiteRT, a picture at a time. Safe to call from several threads."""

    precision = "int8"
    batch = 1

    def __init__(self, network: bytes, threads: int) -> None:
        _, _, litert = _litert()
        try:
            with _silence():
                self._interpreter = litert.Interpreter(model_content=network, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise WeightsError(f"LiteRT cannot read this network: {error}") from error
        self._lock = threading.Lock()
        source = self._interpreter.get_input_details()[0]
        self._input = source["index"]
        self._outputs = dict(zip(("raw", "scores"), self._interpreter.get_output_details(), strict=True))
        self.name = "LiteRT"

    def quantisation(self, output: str) -> tuple[float, int]:
        """Scale and zero of an output: a number is (stored - zero) * scale."""
        scale, zero = self._outputs[output]["quantization"]
        return float(scale), int(zero)

    def __call__(self, batch: Array) -> Arrays:
        with self._lock:
            rows = [self._one(picture) for picture in batch]
        return {name: np.concatenate([row[name] for row in rows]) for name in self._outputs}

    def _one(self, picture: Array) -> Arrays:
        self._interpreter.set_tensor(self._input, picture[None])
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(detail["index"]) for name, detail in self._outputs.items()}


class EfficientDetHead:
    """Reads quantised ``raw`` and ``scores``."""

    def __init__(self, network: TfliteNetwork, anchors: Float32, size: int) -> None:
        self._scores, self._raw = network.quantisation("scores"), network.quantisation("raw")
        self._anchors = anchors * np.float32(size)
        self._class = np.full(_PLACES, -1, np.int32)
        self._class[np.array(coco_ids()) - 1] = np.arange(len(COCO_80))

    def __call__(self, outputs: Arrays, min_score: float, allowed: Allowed) -> list[Candidates]:
        return [self._one(*pair, min_score, allowed) for pair in zip(outputs["raw"], outputs["scores"], strict=True)]

    def _one(self, raw: npt.NDArray[Any], scores: npt.NDArray[Any], min_score: float, allowed: Allowed) -> Candidates:
        scale, zero = self._scores
        places, places_of_classes = best_of_place(scores, np.ceil(min_score / scale + zero))
        classes = self._class[places_of_classes]
        wanted = (classes >= 0) & allowed[classes]
        places, classes = places[wanted], classes[wanted]
        sure = (scores[places, places_of_classes[wanted]].astype(np.float32) - zero) * np.float32(scale)
        return Candidates(self._boxes(raw[places], self._anchors[places]), sure, classes)

    def _boxes(self, raw: npt.NDArray[Any], anchors: Float32) -> Float32:
        """Offsets from anchors: centres in sides, sides as logarithms (Faster R-CNN, arXiv:1506.01497, equation 2)."""
        scale, zero = self._raw
        y, x, height, width = ((raw.astype(np.float32) - zero) * np.float32(scale)).T
        centre_y, centre_x = y * anchors[:, 2] + anchors[:, 0], x * anchors[:, 3] + anchors[:, 1]
        half_high, half_wide = np.exp(height) * anchors[:, 2] / 2, np.exp(width) * anchors[:, 3] / 2
        sides = (centre_x - half_wide, centre_y - half_high, centre_x + half_wide, centre_y + half_high)
        return np.stack(sides, axis=1).astype(np.float32)


_talk = threading.Lock()


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing on the error output of the process: LiteRT writes there, in C and unasked, that it is at work."""
    with _talk:
        sys.stderr.flush()
        try:
            kept = os.dup(2)
        except OSError:  # there is no such output
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def _litert() -> tuple[Any, Any, Any]:
    try:
        import flatbuffers
        from ai_edge_litert import interpreter, schema_py_generated
    except ImportError:
        raise EyeError("this model needs LiteRT, which is not installed: pip install 'compoundeye[litert]'") from None
    return schema_py_generated, flatbuffers, interpreter
