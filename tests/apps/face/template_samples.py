"""Templates without faces: directions on a sphere, whose scores have a known law."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


def directions(count: int, dimension: int = 128, seed: int = 0) -> Float32:
    """[N, D] of length 1, independent and uniform."""
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def all_scores(templates: Float32, probes: Float32) -> npt.NDArray[np.float64]:
    """[M, N] in float64: what a search is held against."""
    return probes.astype(np.float64) @ templates.astype(np.float64).T


def best(scores: npt.NDArray[np.float64], k: int) -> Int64:
    """[M, k] by sorting all."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int64)
