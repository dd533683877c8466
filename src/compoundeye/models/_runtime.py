"""What runs a network: one small interface, and the choice of who implements it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from compoundeye.models._card import Precision
from compoundeye.records import EyeError

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


class Runtime(Protocol):
    """A loaded network with one input, batched along its first axis. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """Engine and version, for reports."""

    @property
    def precision(self) -> Precision: ...

    @property
    def batch(self) -> int:
        """Pictures at a time that cost least each."""

    def __call__(self, batch: Array) -> Arrays:
        """Run [N, ...], N at least 1, and return every output [N, ...] by name."""


def open_onnx(
    graph: bytes,
    *,
    device: str = "cpu",
    precision: Precision = "fp32",
    threads: int = 1,
    runtime: str | None = None,
    sizes: Sequence[int] | None = None,
) -> Runtime:
    """Load an ONNX graph.

    Args:
        graph: the serialised model.
        device: "cpu" (OpenVINO) or "cuda" (ONNX Runtime with TensorRT where it is, else CUDA).
        precision: arithmetic on a CPU; a GPU runs in fp32.
        threads: of one call, on a CPU.
        runtime: "openvino" or "onnxruntime" instead of the device's own.
        sizes: OpenVINO: pictures in one run, largest first, the last being 1; its own choice if not given.

    Raises:
        EyeError: no such device or runtime, or its package is not installed.
    """
    if device not in ("cpu", "cuda"):
        raise EyeError(f"there is no device {device!r}: choose cpu or cuda")
    if threads < 1:
        raise EyeError(f"a model cannot run on {threads} threads: choose 1 or more")
    match runtime or ("openvino" if device == "cpu" else "onnxruntime"):
        case "openvino" if device == "cpu":
            from compoundeye.models._openvino import SIZES, OpenVINO

            return OpenVINO(graph, precision, threads, sizes or SIZES)
        case "onnxruntime":
            from compoundeye.models._onnxruntime import OnnxRuntime

            return OnnxRuntime(graph, device, threads)
        case other:
            raise EyeError(f"there is no runtime {other!r} for {device}: choose openvino (cpu) or onnxruntime")


def in_parts(batch: Array, sizes: Sequence[int], run: Callable[[Array], Arrays]) -> Arrays:
    """Run a batch in parts of given sizes and put the outputs together.

    Args:
        batch: [N, ...], N at least 1.
        sizes: allowed sizes, largest first, the last being 1; each part takes the largest that fits.
        run: runs one part.
    """
    parts = []
    at = 0
    while at < len(batch):
        size = next(size for size in sizes if size <= len(batch) - at)
        parts.append(run(batch[at : at + size]))
        at += size
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
