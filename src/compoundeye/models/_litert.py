"""LiteRT: runs ``.tflite`` files as they are, quantised ones too."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from compoundeye.models._card import Precision
from compoundeye.models._error import WeightsError
from compoundeye.models._runtime import Array, Arrays
from compoundeye.records import EyeError


class LiteRT:
    """A ``.tflite`` network with one picture input, one picture at a time.

    The outputs are inner tensors of the file, as numbers: quantised values are turned back. To keep inner tensors
    LiteRT runs its own kernels without a delegate, which is slower; this is for cross-checking, not for bulk.

    Args:
        path: the file.
        tensors: names in the file of the tensors that become "embedding" and "logits".
        mean, deviation: normalisation that the network was trained with, (pixel - mean) / deviation.
        threads: of one call.

    Raises:
        WeightsError: the file has no such tensors, or is not a ``.tflite``.
        EyeError: LiteRT is not installed.
    """

    precision: Precision = "fp32"
    batch = 1

    def __init__(self, path: Path, tensors: tuple[str, str], mean: float, deviation: float, threads: int) -> None:
        interpreter, version = _open(path, threads)
        self.name = f"LiteRT {version}"
        self._interpreter = interpreter
        self._lock = threading.Lock()
        details = {detail["name"]: detail for detail in interpreter.get_tensor_details()}
        missing = [name for name in tensors if name not in details]
        if missing:
            raise WeightsError(f"{path} has no tensor {missing[0]}: not the model of the catalogue")
        self._outputs = {key: details[name] for key, name in zip(("embedding", "logits"), tensors, strict=True)}
        source = interpreter.get_input_details()[0]
        self._input = source["index"]
        self._lookup = _input_values(source, mean, deviation)

    def __call__(self, batch: Array) -> Arrays:
        with self._lock:
            rows = [self._one(picture) for picture in batch]
        return {key: np.stack([row[key] for row in rows]) for key in self._outputs}

    def _one(self, picture: Array) -> Arrays:
        self._interpreter.set_tensor(self._input, self._lookup[picture][None])
        self._interpreter.invoke()
        return {key: self._read(detail).reshape(-1) for key, detail in self._outputs.items()}

    def _read(self, detail: dict[str, Any]) -> Array:
        stored: Array = self._interpreter.get_tensor(detail["index"]).astype(np.float32)
        scale, zero = detail["quantization"]
        return np.asarray((stored - zero) * np.float32(scale) if scale else stored)


def _input_values(source: dict[str, Any], mean: float, deviation: float) -> Array:
    """[256] what the input tensor holds for each value of a pixel.

    A quantised input stands for real numbers, (stored - zero) * scale, and it is the normalised pixel that they must
    stand for. Feeding raw bytes instead looks right only where scale and zero happen to encode the normalisation.
    """
    real = (np.arange(256, dtype=np.float64) - mean) / deviation
    scale, zero = source["quantization"]
    if not scale:
        return np.asarray(real, source["dtype"])
    limits = np.iinfo(source["dtype"])
    return np.asarray(np.clip(np.rint(real / scale + zero), limits.min, limits.max), source["dtype"])


def _open(path: Path, threads: int) -> tuple[Any, str]:
    try:
        import ai_edge_litert
        from ai_edge_litert import interpreter as litert
    except ImportError:
        raise EyeError("this model needs LiteRT, which is not installed: pip install 'compoundeye[litert]'") from None
    plain = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        opened = litert.Interpreter(
            str(path), num_threads=threads, experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True
        )
        opened.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise WeightsError(f"{path} is not a readable .tflite file: {error}") from error
    return opened, str(getattr(ai_edge_litert, "__version__", ""))
