"""A detector: pictures in, boxes of things with names out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from compoundeye.models._card import Card
from compoundeye.models._detect_heads import Allowed, Candidates
from compoundeye.models._detect_views import Views
from compoundeye.models._letterbox import Letterbox
from compoundeye.models._nms import nms
from compoundeye.records import Detections, EyeError, Image, ModelIdentity

UInt8 = npt.NDArray[np.uint8]
Int32 = npt.NDArray[np.int32]

MIN_SCORE = 0.1
"""Trackers of the second chance (ByteTrack, arXiv:2110.06864, section 3) use boxes from here on."""

RIVALS = (("car", "bus", "train", "truck"), ("bicycle", "motorcycle"))
"""Detectors often give one vehicle two names, and a count would count it twice."""


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
        views: Views,
        iou: float,
        batch: int | None = None,
    ) -> None:
        self.card = card
        self.identity = identity
        self.names = tuple(names)
        """Names of the classes, in the order of ``Detections.classes``."""
        self._views = views
        self._iou = iou
        self._batch = batch or views.largest.network.batch

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height in pixels at which the network looks; at less where a picture does not fill it."""
        return self._views.largest.letterbox.width, self._views.largest.letterbox.height

    @property
    def batch(self) -> int:
        """Pictures at a time that cost least each."""
        return self._batch

    @property
    def precision(self) -> str:
        """Arithmetic of the network: "fp32", "bf16" or "int8"."""
        return self._views.largest.network.precision

    @property
    def runtime(self) -> str:
        """Engine and version, for reports."""
        return self._views.largest.network.name

    def prepare(self, image: Image) -> UInt8:
        """[height, width, 3] RGB: the picture as this network wants it, in one pass from decoded pixels."""
        return self._views.of_picture(image.width, image.height).letterbox.prepare(image)

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
        found: dict[int, Detections] = {}
        for (height, width), places in _by_shape(prepared).items():
            view = self._views.of_input(width, height)
            for start in range(0, len(places), self._batch):
                part = places[start : start + self._batch]
                outputs = view.network(np.stack([prepared[place] for place in part]))
                for place, one in zip(part, view.head(outputs, min_score, allowed), strict=True):
                    found[place] = self._detections(one, group, view.letterbox, *sizes[place])
        return [found[place] for place in range(len(prepared))]

    def _detections(self, found: Candidates, group: Int32, letterbox: Letterbox, width: int, height: int) -> Detections:
        kept = nms(found.boxes, found.scores, group[found.classes], self._iou)
        boxes = letterbox.restore(found.boxes[kept], width, height)
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


def _by_shape(prepared: Sequence[UInt8]) -> Mapping[tuple[int, int], list[int]]:
    """Places of the pictures of each height and width: only those go through a network together."""
    shapes: dict[tuple[int, int], list[int]] = {}
    for place, picture in enumerate(prepared):
        shapes.setdefault((picture.shape[0], picture.shape[1]), []).append(place)
    return shapes


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:12])} and {len(names) - 12} more"
