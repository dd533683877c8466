"""Faces of one picture, as a structure of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # who only needs an error or an account does without numpy
    import numpy as np
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Faces:
    """Where faces are. N may be 0."""

    boxes: Float32
    """[N, 4] left, top, right, bottom in pixels of the picture as shown; may reach over its edge."""
    scores: Float32
    """[N] in 0..1."""
    landmarks: Float32
    """[N, 5, 2] x, y in pixels: the person's right eye, left eye, tip of the nose, right and left mouth corner."""

    @classmethod
    def none(cls) -> Faces:
        """No face."""
        import numpy as np

        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32))

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, which: Any) -> Faces:
        """Those that a mask, a slice or an array of places chooses."""
        return Faces(self.boxes[which], self.scores[which], self.landmarks[which])
