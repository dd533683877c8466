"""What a face network says, before faces that it found several times are made one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.models._nms import nms
from compoundeye.models._runtime import Arrays
from compoundeye.records import Faces

Float32 = npt.NDArray[np.float32]

_MAX_CANDIDATES = 4000
"""Boxes that are compared with each other, some 10 a face: their number squared is 64 MB of overlaps."""


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates of one picture, in pixels of the network's input."""

    boxes: Float32
    """[N, 4] left, top, right, bottom."""
    scores: Float32
    """[N] in 0..1."""
    landmarks: Float32
    """[N, 5, 2], as ``Faces`` has them."""

    @classmethod
    def joined(cls, parts: Sequence[Found]) -> Found:
        """Several as one."""
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
        )

    def faces(self, iou: float) -> Faces:
        """Each face once, the surest first. ``iou``: overlap above which two boxes are one face."""
        kept = nms(self.boxes, self.scores, None, iou, _MAX_CANDIDATES)
        return Faces(*(np.asarray(part[kept], np.float32) for part in (self.boxes, self.scores, self.landmarks)))


Read = Callable[[Arrays, tuple[int, int], float], list[Found]]
"""Reads a network's outputs: (outputs, width and height of the input, lowest score) to candidates of each picture."""
