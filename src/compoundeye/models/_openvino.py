"""OpenVINO: the runtime of processors."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from compoundeye.models._card import Precision
from compoundeye.models._runtime import Array, Arrays, in_parts
from compoundeye.records import EyeError

# OpenVINO's Python package tells its makers of its use, from a fork of this process. Nobody's pictures are their
# business, and a fork harms Lance's threads; without this module it works in silence.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino  # noqa: E402

SIZES = (8, 1)
"""A network compiled for one batch size is about a fifth faster than one for any size, and eight pictures at a time
cost least each (``benchmarks/precision.py``); what is left of a batch runs singly. Answers do not depend on it."""

_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16"}


@cache
def core() -> Any:
    """OpenVINO's entry point; one a process."""
    return openvino.Core()


def supported_precisions() -> frozenset[Precision]:
    """What this processor has instructions for (bf16: AVX512_BF16 or AMX)."""
    able = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return frozenset({"fp32", "bf16"} if "BF16" in able else {"fp32"})


class OpenVINO:
    """A network compiled by OpenVINO for a CPU, once for each of ``sizes`` that is needed.

    ``sizes`` are the pictures in one run, largest first; the last is 1.
    """

    def __init__(self, graph: bytes, precision: Precision, threads: int, sizes: Sequence[int] = SIZES) -> None:
        self.name = f"OpenVINO {openvino.__version__.split('-')[0]}"
        self.precision = precision
        self.batch = sizes[0]
        self._sizes = sizes
        try:
            self._model = core().read_model(graph)
        except RuntimeError as error:
            raise EyeError(f"OpenVINO cannot read this network: {error}") from error
        # An output has the names of all tensors that are one with it. A compiled network has still others for it.
        self._outputs = [sorted(output.get_names()) for output in self._model.outputs]
        self._settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            # Workers share the machine with each other and with decoding: the system places threads better.
            "ENABLE_CPU_PINNING": False,
        }
        self._requests: dict[int, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, batch: Array) -> Arrays:
        with self._lock:
            return in_parts(batch, self._sizes, self._run)

    def _run(self, part: Array) -> Arrays:
        request = self._request(len(part))
        request.infer([np.ascontiguousarray(part)], share_inputs=True)
        ports = zip(self._outputs, request.model_outputs, strict=True)
        return {name: request.get_tensor(port).data.copy() for names, port in ports for name in names}

    def _request(self, size: int) -> Any:
        if size not in self._requests:
            model = self._model.clone()
            shape = model.input(0).partial_shape
            shape[0] = size
            model.reshape(shape)
            self._requests[size] = core().compile_model(model, "CPU", self._settings).create_infer_request()
        return self._requests[size]
