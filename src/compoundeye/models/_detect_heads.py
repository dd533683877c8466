"""Readers of what detectors put out: one a family of outputs.

Outputs are read where they are sure enough, and only there: of thousands of places a picture has a handful.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.models._runtime import Arrays

Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]
Places = npt.NDArray[np.intp]
Allowed = npt.NDArray[np.bool_]
"""[K] which classes are wanted."""
Decode = Callable[[Float32, Places], Float32]
"""Raw numbers [M, 4] of places [M] to boxes [M, 4]: left, top, right, bottom in pixels of the input."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a network says of one picture, before suppression."""

    boxes: Float32
    """[M, 4] left, top, right, bottom in pixels of the network's input."""
    scores: Float32
    """[M]"""
    classes: Int32
    """[M] places in the detector's names."""


Head = Callable[[Arrays, float, Allowed], list[Candidates]]
"""Reads a network's outputs [N, ...]: for each picture what reaches a score, of the classes that are wanted."""


class Dense:
    """Reads ``raw`` [N, A, 4] and ``scores`` [N, A, K] of every place. A place counts as its best class only."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode

    def __call__(self, outputs: Arrays, min_score: float, allowed: Allowed) -> list[Candidates]:
        return [self._one(*pair, min_score, allowed) for pair in zip(outputs["raw"], outputs["scores"], strict=True)]

    def _one(self, raw: Float32, scores: Float32, min_score: float, allowed: Allowed) -> Candidates:
        places, best = best_of_place(scores, min_score)
        wanted = allowed[best]
        places, best = places[wanted], best[wanted]
        return Candidates(self._decode(raw[places], places), scores[places, best], best.astype(np.int32))


def best_of_place(scores: npt.NDArray[Any], least: float) -> tuple[Places, Places]:
    """Places [M] of which a class reaches a score, and the best class [M] of each. ``scores`` is [A, K]."""
    # One comparison of all scores; the rest is for the few places that have one.
    places = np.unique(np.flatnonzero(scores.reshape(-1) >= least) // scores.shape[1])
    return places, scores[places].argmax(axis=1)
