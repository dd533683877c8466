"""From pictures to faces that can be compared: find, align, embed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._align import SIDE, align
from compoundeye.models import MIN_FACE_SCORE, FaceDetector, FaceEmbedder
from compoundeye.records import Faces

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """The faces of one picture, as a structure of arrays. N may be 0."""

    faces: Faces
    crops: UInt8
    """[N, 112, 112, 3] RGB, aligned."""
    embeddings: Float32
    """[N, D] of length 1."""

    def __len__(self) -> int:
        return len(self.faces)


class FacePipeline:
    """Finds, aligns and embeds. Safe to call from several threads.

    >>> pipeline = FacePipeline(load_face_detector(), load_face_embedder())
    >>> found = pipeline.faces(rgb)
    """

    def __init__(self, detector: FaceDetector, embedder: FaceEmbedder, *, min_score: float = MIN_FACE_SCORE) -> None:
        self.detector = detector
        self.embedder = embedder
        self._min_score = min_score

    def faces(self, rgb: UInt8) -> Found:
        """The faces of one picture, uint8 [H, W, 3] RGB, the surest first."""
        return self.batch([rgb])[0]

    def batch(self, pictures: Sequence[UInt8]) -> list[Found]:
        """The faces of each picture; faces of all of them are embedded together."""
        found = self.detector.batch(pictures, min_score=self._min_score)
        crops = [align(rgb, faces.landmarks) for rgb, faces in zip(pictures, found, strict=True)]
        joined = np.concatenate(crops) if crops else np.empty((0, SIDE, SIDE, 3), np.uint8)
        ends = np.cumsum([len(faces) for faces in found])[:-1]
        embeddings = np.split(self.embedder(joined), ends)
        return [Found(*parts) for parts in zip(found, crops, embeddings, strict=True)]
