"""Many vectors kept as bytes, multiplied with a few, with a bound of the error that holds always.

A row x is kept as whole numbers of -127 to 127 and one scale, x' = scale * bytes, and a probe q is rounded to q' in the
same way, so that processors multiply whole numbers. By Cauchy and Schwarz the product differs from the true one by at
most |q| |x - x'| + |q - q'| |x'|: both differences are measured, not estimated. What float32 arithmetic adds is bounded
by N. Higham, "Accuracy and Stability of Numerical Algorithms" (2nd edition, 2002), section 3.1. So who wants the
largest products finds a few rows here that must contain them, and multiplies only those exactly: 128 MB are read for a
million rows of 128, not 512.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

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


class Rounded(NamedTuple):
    """Probes that are whole numbers but for a scale each."""

    vectors: Float32
    """[M, D]"""
    off: Float64
    """[M] how far each is from the probe that it was made of."""


def rounded(probes: Float32) -> Rounded:
    """Probes [M, D] as ``ByteRows`` multiplies them: 255 levels, the largest number of each is the last of them."""
    levels, scale = _levels(probes)
    kept = levels * scale
    return Rounded(kept, np.linalg.norm(np.subtract(probes, kept, dtype=np.float64), axis=1))


class ByteRows:
    """Vectors [N, D] as bytes; N of some ten thousands is best. Safe to call from several threads, one at a time."""

    def __init__(self, rows: Float32, *, threads: int = 1) -> None:
        """Keeps nothing of ``rows`` but its bytes.

        Raises:
            UnprovenError: this processor's arithmetic is coarser than asked for, so the bound would not hold.
        """
        levels, scale = _levels(rows)
        kept = levels * scale
        # A unit of the longest row more: what is kept was rounded when it was multiplied.
        self._longest = float(np.sqrt(np.square(kept, dtype=np.float64).sum(axis=1).max(initial=0))) * (1 + 4 * _UNIT)
        miss = np.sqrt(np.square(np.subtract(rows, kept, dtype=np.float64)).sum(axis=1).max(initial=0))
        self._miss = float(miss) + self._longest * 4 * _UNIT
        self._rounding = rounding(rows.shape[1]) * self._longest
        self._request = _compiled(levels, scale, threads).create_infer_request()
        self._lock = threading.Lock()
        self._count = len(rows)
        self._prove(kept)

    def error(self, probes: Rounded) -> Float64:
        """[M] what a product with each of ``probes`` is off at most from that with the probe as it was."""
        length = np.linalg.norm(probes.vectors.astype(np.float64), axis=1)
        error: Float64 = (length + probes.off) * self._miss + probes.off * self._longest + length * self._rounding
        return error

    def products(self, probes: Rounded, out: Float32 | None = None) -> Float32:
        """[M, N] about what probes times the rows is: each within ``error``.

        Args:
            out: [M, N] contiguous, to be written to and returned: new memory costs as much as the product.
        """
        import openvino

        found = np.empty((len(probes.vectors), self._count), np.float32) if out is None else out
        with self._lock:
            self._request.set_output_tensor(openvino.Tensor(found, shared_memory=True))
            self._request.infer([probes.vectors], share_inputs=True)
        return found

    def _prove(self, kept: Float32) -> None:
        """Multiply some rows and see that the runtime rounds no more than this: it could choose coarser arithmetic."""
        some = np.linspace(0, len(kept) - 1, min(_PROVED_ROWS, len(kept))).astype(np.intp)
        probes = np.random.default_rng(0).standard_normal((_PROVED_PROBES, kept.shape[1])).astype(np.float32)
        for asked in (probes[:1], probes):  # one is multiplied in another way than several
            given = rounded(asked / np.linalg.norm(asked, axis=1, keepdims=True))
            true = given.vectors.astype(np.float64) @ kept[some].T.astype(np.float64)
            off = np.abs(self.products(given)[:, some] - true).max(initial=0)
            if off > (self._rounding + self._longest * 4 * _UNIT) * (1 + 2 * float(given.off.max())):
                raise UnprovenError("products of bytes are coarser than their bound here")


class UnprovenError(ArithmeticError):
    """The bound does not hold on this machine; multiply plainly instead."""


def _levels(vectors: Float32) -> tuple[npt.NDArray[np.int8], Float32]:
    """Whole numbers [N, D] and a scale [N, 1]: the largest of a vector is 127 or -127, but of zeros."""
    scale = np.abs(vectors).max(axis=1, keepdims=True) / np.float32(_LARGEST)
    scale[scale == 0] = 1
    return np.rint(vectors / scale).astype(np.int8), scale


def _compiled(levels: npt.NDArray[np.int8], scale: Float32, threads: int) -> Any:
    """A network of one layer whose weights are the rows: what language models do for each word, so runtimes do it well.

    Bytes stay bytes in memory. Dynamic quantisation, one scale a probe, loses nothing of probes that are ``rounded``.
    Where the processor has no instructions for it, bytes become float32 in registers, which loses nothing either.
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
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": levels.shape[1],
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
    }
    return compiler.compile_model(model, "CPU", settings)
