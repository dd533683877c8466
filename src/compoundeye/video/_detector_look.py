"""A detector of the catalogue as what looks at frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from compoundeye.records import Detections, Frame, ModelIdentity
from compoundeye.video._app import Look
from compoundeye.video._settings import Section

UInt8 = npt.NDArray[np.uint8]


class DetectorSettings(Section):
    """What looks for people and things, for applications that need that: the table [detector]."""

    name: str = Field(default="yolox-tiny-humanart", description="a model of `eye models`, or an ONNX file")
    precision: Literal["auto", "fp32", "bf16"] = Field(default="auto", description="of its arithmetic")
    min_score: float = Field(default=0.1, ge=0, le=1, description="detections below are forgotten at once")
    classes: tuple[str, ...] | None = Field(default=None, description="only these names; all that it knows if left out")


class DetectorLook:
    """Every frame through one detector, in batches. Safe to call from several threads."""

    def __init__(self, settings: DetectorSettings, *, device: str = "cpu", threads: int = 1) -> None:
        """Load the model, and run it once.

        Raises:
            EyeError: it cannot be had, or knows no class of one of the names.
        """
        from compoundeye.models import load_detector

        self._detector = load_detector(settings.name, device=device, precision=settings.precision, threads=threads)
        self._settings = settings
        self._alone = device == "cpu"
        # The first call compiles the network, which would make the first frames late.
        width, height = self._detector.input_size
        self._detector([np.zeros((height, width, 3), np.uint8)], [(width, height)], classes=settings.classes)

    @property
    def identity(self) -> ModelIdentity | None:
        """The detector's."""
        return self._detector.identity

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes that it knows."""
        return self._detector.names

    @property
    def batch(self) -> int:
        """Frames at a time that cost least each."""
        # A processor gains nothing from several detections at a time (benchmarks/video_pipeline.py), and the first of
        # them would wait for the last.
        return 1 if self._alone else self._detector.batch

    def prepare(self, frame: Frame) -> UInt8:
        """[height, width, 3] as the network takes it."""
        return self._detector.prepare(frame.image)

    def __call__(self, frames: Sequence[Frame], prepared: Sequence[UInt8]) -> Sequence[Detections]:
        """What is in each frame, in order."""
        sizes = [(frame.image.width, frame.image.height) for frame in frames]
        return self._detector(prepared, sizes, min_score=self._settings.min_score, classes=self._settings.classes)


def detector_look(settings: DetectorSettings, *, device: str = "cpu", threads: int = 1) -> Look[Detections]:
    """What an application returns from ``look`` when a detector is all that it needs."""
    return DetectorLook(settings, device=device, threads=threads)
