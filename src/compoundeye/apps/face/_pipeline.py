"""From pictures to faces that can be compared: find, align, embed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._align import align
from compoundeye.apps.face._find import SMALLEST, FindSettings, find
from compoundeye.apps.face._quality import Quality, assess
from compoundeye.models import MIN_FACE_SCORE, FaceDetector, FaceEmbedder
from compoundeye.records import Faces

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """The faces of one picture, as a structure of arrays. N may be 0."""

    faces: Faces
    crops: UInt8
    """[N, 112, 112, 3] RGB, aligned."""
    embeddings: Float32
    """[N, D] of length 1."""
    size: tuple[int, int] | None = None
    """Width and height of the picture."""
    confirmed: npt.NDArray[np.bool_] | None = None
    """[N] False: a closer look was not sure of this face: it may be aligned wrongly. None: all are confirmed."""

    @cached_property
    def quality(self) -> Quality:
        """Of each face; computed when it is first asked for, some 0.5 ms a face."""
        return assess(self.crops, self.faces, size=self.size, confirmed=self.confirmed)

    def __len__(self) -> int:
        return len(self.faces)


class FacePipeline:
    """Finds, aligns and embeds. Safe to call from several threads.

    >>> pipeline = FacePipeline(load_face_detector(), load_face_embedder())
    >>> found = pipeline.faces(rgb)

    Args:
        detector: one that finds landmarks.
        embedder: what makes faces comparable.
        smallest: width in pixels of the smallest face to look for.
        min_score: faces that are less sure are left out.
        turned: look at faces that are not sure, and at pictures without any, turned by 90, 180 and 270 degrees too.
    """

    def __init__(
        self,
        detector: FaceDetector,
        embedder: FaceEmbedder,
        *,
        smallest: float = SMALLEST,
        min_score: float = MIN_FACE_SCORE,
        turned: bool = True,
    ) -> None:
        self.detector = detector
        self.embedder = embedder
        self._settings = FindSettings(smallest, min_score, turned)

    def find(self, rgb: UInt8) -> Faces:
        """Where faces are, without looking whose they may be."""
        return find(self.detector, [rgb], self._settings)[0].faces

    def faces(self, rgb: UInt8) -> Found:
        """The faces of one picture, uint8 [H, W, 3] RGB, the surest first."""
        return self.batch([rgb])[0]

    def batch(self, pictures: Sequence[UInt8]) -> list[Found]:
        """The faces of each picture; faces of all of them are looked at closer, and embedded, together."""
        if not pictures:
            return []
        found = find(self.detector, pictures, self._settings)
        crops = [align(rgb, one.faces.landmarks) for rgb, one in zip(pictures, found, strict=True)]
        embeddings = np.split(self.embedder(np.concatenate(crops)), np.cumsum([len(one) for one in crops])[:-1])
        sizes = [(rgb.shape[1], rgb.shape[0]) for rgb in pictures]
        return [
            Found(one.faces, faces, vectors, size, one.confirmed)
            for one, faces, vectors, size in zip(found, crops, embeddings, sizes, strict=True)
        ]
