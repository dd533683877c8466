"""ONNX Runtime: the runtime of GPUs, and the second opinion on processors."""

from __future__ import annotations

from typing import Any

from compoundeye.models._card import Precision
from compoundeye.models._runtime import Array, Arrays
from compoundeye.records import EyeError

_GPU_PROVIDERS = ("TensorrtExecutionProvider", "CUDAExecutionProvider")
_ERRORS_ONLY = 3


class OnnxRuntime:
    """A network in ONNX Runtime, in fp32."""

    precision: Precision = "fp32"

    def __init__(self, graph: bytes, device: str, threads: int) -> None:
        ort = _import()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        self._session = ort.InferenceSession(graph, options, providers=_providers(ort, device))
        active = self._session.get_providers()
        if device == "cuda" and not set(active) & set(_GPU_PROVIDERS):
            raise EyeError("the GPU could not be used (ONNX Runtime fell back to the CPU): check driver and CUDA")
        self.name = f"ONNX Runtime {ort.__version__} ({active[0].removesuffix('ExecutionProvider')})"
        self.batch = 64 if device == "cuda" else 16
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, batch: Array) -> Arrays:
        return dict(zip(self._outputs, self._session.run(self._outputs, {self._input: batch}), strict=True))


def _import() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise EyeError(
            "this needs ONNX Runtime, which is not installed: pip install 'compoundeye[gpu]' for a GPU, "
            "or pip install onnxruntime for a CPU"
        ) from None
    return onnxruntime


def _providers(ort: Any, device: str) -> list[str]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    found = [provider for provider in _GPU_PROVIDERS if provider in ort.get_available_providers()]
    if not found:
        raise EyeError("the installed ONNX Runtime has no GPU support: pip install 'compoundeye[gpu]'")
    return [*found, "CPUExecutionProvider"]
