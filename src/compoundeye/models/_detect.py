"""A detector: pictures in, boxes of things with names out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from compoundeye.models._card import Card
from compoundeye.models._detect_heads import Allowed, Candidates, Head
from compoundeye.models._letterbox import Letterbox
from compoundeye.models._nms import nms
from compoundeye.models._runtime import Array, Arrays
from compoundeye.records import Detections, EyeError, Image, ModelIdentity

UInt8 = npt.NDArray[np.uint8]
Int32 = npt.NDArray[np.int32]

MIN_SCORE = 0.1
"""Trackers of the second chance (ByteTrack, arXiv:2110.06864, section 3) use boxes from here on."""

RIVALS = (("car", "bus", "train", "truck"), ("bicycle", "motorcycle"))
"""Detectors often give one vehicle two names, and a count would count it twice."""


class Network(Protocol):
    """What runs: as ``Runtime`` says, and quantised networks too."""

    @property
    def name(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def batch(self) -> int: ...
    def __call__(self, batch: Array) -> Arrays: ...


class Detector:
    """A loaded detector. Safe to call from several threads.

    >>> detector = load_detector()
    >>> prepared = detector.prepare(frame.image)
    >>> (found,) = detector([prepared], [(frame.image.width, frame.image.height)])
    """

    def __init__(
        self,
        card: Card,
        identity: ModelIdentity,
        names: Sequence[str],
        runtime: Network,
        letterbox: Letterbox,
        head: Head,
        iou: float,
        batch: int | None = None,
    ) -> None:
        self.card = card
        self.identity = identity
        self.names = tuple(names)
        """Names of the classes, in the order of ``Detections.classes``."""
        self._runtime = runtime
        self._letterbox = letterbox
        self._head = head
        self._iou = iou
        self._batch = batch or runtime.batch

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height in pixels at which the network looks."""
        return self._letterbox.width, self._letterbox.height

    @property
    def batch(self) -> int:
        """Pictures at a time that cost least each."""
        return self._batch

    @property
    def precision(self) -> str:
        """Arithmetic of the network: "fp32", "bf16" or "int8"."""
        return self._runtime.precision

    @property
    def runtime(self) -> str:
        """Engine and version, for reports."""
        return self._runtime.name

    def prepare(self, image: Image) -> UInt8:
        """[height, width, 3] RGB: the picture as this network wants it, in one pass from decoded pixels."""
        return self._letterbox.prepare(image)

    def __call__(
        self,
        prepared: Sequence[UInt8],
        sizes: Sequence[tuple[int, int]],
        *,
        min_score: float = MIN_SCORE,
        classes: Collection[str] | None = None,
        rivals: Collection[Collection[str]] = RIVALS,
    ) -> list[Detections]:
        """What each picture shows, in order; the surest first.

        Args:
            prepared: pictures as ``prepare`` gave them.
            sizes: width and height in pixels of the pictures that they were made from.
            min_score: what is less sure is left out.
            classes: names of what is wanted; everything if not given.
            rivals: groups of classes of which a thing has only one: boxes of a group suppress each other. Names that
                this detector does not have are passed over. ``()`` is how detectors are evaluated.

        Raises:
            EyeError: a class that this detector does not know.
        """
        if len(prepared) != len(sizes):
            raise ValueError(f"{len(prepared)} pictures but {len(sizes)} sizes")
        allowed, group = self._allowed(classes), self._groups(rivals)
        found: list[Candidates] = []
        for start in range(0, len(prepared), self._batch):
            outputs = self._runtime(np.stack(prepared[start : start + self._batch]))
            found += self._head(outputs, min_score, allowed)
        return [self._detections(one, group, *size) for one, size in zip(found, sizes, strict=True)]

    def _detections(self, found: Candidates, group: Int32, width: int, height: int) -> Detections:
        kept = nms(found.boxes, found.scores, group[found.classes], self._iou)
        boxes = self._letterbox.restore(found.boxes[kept], width, height)
        return Detections(boxes, found.scores[kept], found.classes[kept], self.names)

    def _groups(self, rivals: Collection[Collection[str]]) -> Int32:
        """[K] a number for each class, the same for those of one group."""
        group = np.arange(len(self.names), dtype=np.int32)
        for names in rivals:
            places = [place for place, name in enumerate(self.names) if name in names]
            group[places] = places[0] if places else 0
        return group

    def _allowed(self, classes: Collection[str] | None) -> Allowed:
        if classes is None:
            return np.ones(len(self.names), np.bool_)
        places: Mapping[str, int] = {name: place for place, name in enumerate(self.names)}
        unknown = [name for name in classes if name not in places]
        if unknown:
            raise EyeError(f"{self.card.name} does not find {unknown[0]!r}: it finds {_some(self.names)}")
        allowed = np.zeros(len(self.names), np.bool_)
        allowed[[places[name] for name in classes]] = True
        return allowed


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:12])} and {len(names) - 12} more"
