"""Many vectors kept as bytes, multiplied with a few, with a bound of the error that holds always.

A row x is kept as whole numbers of -127 to 127 and one scale, x' = scale * bytes. By Cauchy and Schwarz a product with
a probe q differs by at most |q| |x - x'|, and |x - x'| is measured, not estimated, when a row is taken. What float32
arithmetic adds is bounded by N. Higham, "Accuracy and Stability of Numerical Algorithms" (2nd edition, 2002), section
3.1. So who wants the largest products finds a few rows here that must contain them, and multiplies only those exactly:
128 MB are read for a million rows of 128, not 512.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_LARGEST = 127
_UNIT = 2.0**-24
"""Rounding of float32 (IEEE 754), half a unit in the last place of 1."""
_PROVED_ROWS, _PROVED_PROBES = 512, 4


def rounding(dimension: int) -> float:
    """How far a float32 product of two vectors of length 1 can be off, in whatever order it is summed (Higham, 3.5).

    Eight more steps than numbers: scaling, and sums that are joined.
    """
    steps = (dimension + 8) * _UNIT
    return steps / (1 - steps)


class ByteRows:
    """Vectors [N, D] as bytes; N of some ten thousands is best. Safe to call from several threads, one at a time."""

    def __init__(self, rows: Float32, *, threads: int = 1) -> None:
        """Keeps nothing of ``rows`` but its bytes.

        Raises:
            UnprovenError: this processor's arithmetic is coarser than asked for, so the bound would not hold.
        """
        scale = np.abs(rows).max(axis=1, keepdims=True) / np.float32(_LARGEST)
        scale[scale == 0] = 1
        levels = np.rint(rows / scale).astype(np.int8)
        kept = levels * scale
        miss = np.sqrt(np.square(rows - kept, dtype=np.float64).sum(axis=1).max(initial=0))
        longest = np.sqrt(np.square(kept, dtype=np.float64).sum(axis=1).max(initial=0))
        # kept and the difference are rounded too: a unit of the longest row more.
        self.error = float(miss + longest * (rounding(rows.shape[1]) + 4 * _UNIT))
        """A product with a probe of length 1 is at most so far from the true one."""
        self._request = _compiled(levels, scale, threads).create_infer_request()
        self._lock = threading.Lock()
        self._count = len(rows)
        self._prove(rows)

    def products(self, probes: Float32, out: Float32 | None = None) -> Float32:
        """[M, N] about what ``probes`` [M, D] times the rows is: each within ``error`` times the probe's length.

        Args:
            out: [M, N] contiguous, to be written to and returned: new memory costs as much as the product.
        """
        import openvino

        found = np.empty((len(probes), self._count), np.float32) if out is None else out
        with self._lock:
            self._request.set_output_tensor(openvino.Tensor(found, shared_memory=True))
            self._request.infer([np.ascontiguousarray(probes, np.float32)], share_inputs=True)
        return found

    def _prove(self, rows: Float32) -> None:
        """Multiply some rows and see: a runtime could choose a coarser arithmetic than it was asked for."""
        some = np.linspace(0, len(rows) - 1, min(_PROVED_ROWS, len(rows))).astype(np.intp)
        probes = np.random.default_rng(0).standard_normal((_PROVED_PROBES, rows.shape[1])).astype(np.float32)
        probes /= np.linalg.norm(probes, axis=1, keepdims=True)
        true = probes.astype(np.float64) @ rows[some].T.astype(np.float64)
        if np.abs(self.products(probes)[:, some] - true).max(initial=0) > self.error * (1 + 1e-6):
            raise UnprovenError("products of bytes are coarser than their bound here")


class UnprovenError(ArithmeticError):
    """The bound does not hold on this machine; multiply plainly instead."""


def _compiled(levels: npt.NDArray[np.int8], scale: Float32, threads: int) -> Any:
    """A network of one layer whose weights are the rows: what language models do for each word, so runtimes do it well.

    Bytes stay bytes in memory and become float32 in registers. Without dynamic quantisation: it would round probes too.
    """
    from compoundeye.models._openvino import core

    compiler = core()  # before the next imports: its module silences the runtime's telemetry
    import openvino
    from openvino import opset13 as ops

    probes = ops.parameter([-1, levels.shape[1]], np.float32)
    weights = ops.multiply(ops.convert(ops.constant(levels), np.float32), ops.constant(scale))
    model = openvino.Model([ops.matmul(probes, weights, False, True)], [probes])
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
    }
    return compiler.compile_model(model, "CPU", settings)
