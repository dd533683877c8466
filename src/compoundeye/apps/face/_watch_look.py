"""What looks at frames for `eye watch --app face`: finds faces at one size, shared by all streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._align import align
from compoundeye.apps.face._second_look import second_look
from compoundeye.apps.face._watch_settings import FaceDetectorSettings
from compoundeye.models import FaceDetector, FaceEmbedder, load_face_detector, load_face_embedder
from compoundeye.records import EyeError, Faces, Frame, ModelIdentity

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FacesInView:
    """The faces of one frame, and what makes templates of them."""

    faces: Faces
    """In pixels of the frame."""
    pixels: UInt8
    """[h, w, 3] the frame as it was looked at: smaller than the frame, or as large."""
    detector: FaceDetector
    embedder: FaceEmbedder

    def embedded(self, pixels: UInt8, face: Faces) -> Float32:
        """[D] the embedding of one face, whose landmarks are in these pixels; small ones are looked at twice."""
        (embedding,) = self.embedder(align(pixels, second_look(self.detector, pixels, face).landmarks))
        return np.asarray(embedding, np.float32)


class FaceLook:
    """Every frame through one detector of faces. Safe to call from several threads."""

    def __init__(self, settings: FaceDetectorSettings, *, device: str = "cpu", threads: int = 1) -> None:
        """Load both models, and run them once.

        Raises:
            EyeError: one cannot be had, or finds no landmarks.
        """
        how = {"device": device, "precision": settings.precision, "threads": threads}
        self._detector = load_face_detector(settings.name, **how)  # type: ignore[arg-type]
        self._embedder = load_face_embedder(settings.embedder, **how)  # type: ignore[arg-type]
        if not self._detector.landmarks:
            raise EyeError(f"{settings.name} finds no landmarks, so its faces cannot be compared: choose yunet")
        self._settings = settings
        side = self._embedder.card.input_size
        self._embedder(np.zeros((1, side, side, 3), np.uint8))

    @property
    def identity(self) -> ModelIdentity | None:
        """The detector's."""
        return self._detector.identity

    @property
    def batch(self) -> int:
        """Frames at a time that cost least each."""
        return 1

    def prepare(self, frame: Frame) -> UInt8:
        """[h, w, 3] the frame, its longer side at most as long as the settings say."""
        width, height = frame.image.width, frame.image.height
        scale = min(1.0, self._settings.longest / max(width, height))
        return frame.image.rgb(max(round(width * scale), 1), max(round(height * scale), 1))

    def __call__(self, frames: Sequence[Frame], prepared: Sequence[UInt8]) -> Sequence[FacesInView]:
        """The faces of each frame, in order."""
        found = self._detector.batch(prepared, min_score=self._settings.min_score)
        return [
            FacesInView(_in_frame(faces, frame, pixels), pixels, self._detector, self._embedder)
            for faces, frame, pixels in zip(found, frames, prepared, strict=True)
        ]


def _in_frame(faces: Faces, frame: Frame, pixels: UInt8) -> Faces:
    scale = np.array([frame.image.width / pixels.shape[1], frame.image.height / pixels.shape[0]], np.float32)
    # Landmarks are middles of pixels: the middle of the first one is at 0, half a pixel from the edge.
    points = (faces.landmarks + 0.5) * scale - 0.5
    return Faces(faces.boxes * np.tile(scale, 2), faces.scores, points.astype(np.float32))
