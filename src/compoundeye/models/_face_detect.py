"""A detector of faces: pictures in, boxes and five landmarks out, at one scale."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from compoundeye.models._card import Card
from compoundeye.models._face_heads import Read
from compoundeye.models._runtime import Runtime
from compoundeye.records import EyeError, Faces, ModelIdentity

UInt8 = npt.NDArray[np.uint8]

MIN_FACE_SCORE = 0.6
"""conf_threshold of yunet.py in github.com/opencv/opencv_zoo: lower, and every other box is none."""

_KEPT = 48
"""Networks kept for so many sizes of input: those of the usual proportions, upright and lying. One takes 30 ms to
compile, and some megabytes."""
_MAX_PIXELS = 2048 * 2048
"""One input is at most so large: activations take 40 bytes a pixel and more."""


class FaceDetector:
    """A loaded detector of faces. Safe to call from several threads.

    It looks at pictures as they are: ``compoundeye.apps.face`` looks at several scales of them.

    >>> detector = load_face_detector()
    >>> detector.find(rgb).boxes
    """

    def __init__(
        self,
        card: Card,
        identity: ModelIdentity,
        open_network: Callable[[int, int], Runtime],
        read: Read,
        iou: float,
        step: int,
        landmarks: bool,
    ) -> None:
        self.card = card
        self.identity = identity
        self.step = step
        """Sides of the network's input are multiples of this; pictures are filled up with black."""
        self.iou = iou
        """Overlap of boxes (intersection over union) above which they are one face."""
        self.landmarks = landmarks
        """Whether it finds landmarks; without them they are not numbers (NaN), and faces cannot be aligned."""
        self._open = open_network
        self._read = read
        self._lock = threading.Lock()
        self._networks: OrderedDict[tuple[int, int], Runtime] = OrderedDict()
        self._largest = self._network((step, step))

    @property
    def precision(self) -> str:
        """Arithmetic of the network: "fp32" or "bf16"."""
        return self._largest.precision

    @property
    def runtime(self) -> str:
        """Engine and version, for reports."""
        return self._largest.name

    def find(self, rgb: UInt8, *, min_score: float = MIN_FACE_SCORE) -> Faces:
        """Faces of one picture, uint8 [H, W, 3] RGB, the surest first; it may be small or hold none.

        Raises:
            EyeError: a picture too large to be looked at in one go.
            ValueError: not a picture.
        """
        return self.batch([rgb], min_score=min_score)[0]

    def batch(self, pictures: Sequence[UInt8], *, min_score: float = MIN_FACE_SCORE) -> list[Faces]:
        """Faces of pictures of any sizes, in order: as ``find`` would find them one by one."""
        sizes = [self._input_size(picture) for picture in pictures]
        found: dict[int, Faces] = {}
        for size in dict.fromkeys(sizes):
            places = [place for place, one in enumerate(sizes) if one == size]
            network = self._network(size)
            for start in range(0, len(places), network.batch):
                part = places[start : start + network.batch]
                outputs = network(_filled([pictures[place] for place in part], size))
                for place, one in zip(part, self._read(outputs, size, min_score), strict=True):
                    found[place] = one.faces(self.iou)
        return [found[place] for place in range(len(pictures))]

    def _input_size(self, picture: UInt8) -> tuple[int, int]:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise ValueError(f"a picture is uint8 [H, W, 3], not {picture.dtype} {list(picture.shape)}")
        height, width = picture.shape[:2]
        if width * height > _MAX_PIXELS:
            raise EyeError(
                f"{width} x {height} pixels are too many for {self.card.name} to look at in one go (at most "
                f"{_MAX_PIXELS}): FacePipeline of compoundeye.apps.face looks at a large picture in parts"
            )
        return -(-width // self.step) * self.step, -(-height // self.step) * self.step

    def _network(self, size: tuple[int, int]) -> Runtime:
        with self._lock:
            if size not in self._networks:
                self._networks[size] = self._open(*size)
                if len(self._networks) > _KEPT:
                    self._networks.popitem(last=False)
            self._networks.move_to_end(size)
            return self._networks[size]


def _filled(pictures: Sequence[UInt8], size: tuple[int, int]) -> UInt8:
    """[N, height, width, 3] pictures in the upper left corners of black."""
    width, height = size
    if len(pictures) == 1 and pictures[0].shape[:2] == (height, width):
        return pictures[0][None]
    out = np.zeros((len(pictures), height, width, 3), np.uint8)
    for row, picture in zip(out, pictures, strict=True):
        row[: picture.shape[0], : picture.shape[1]] = picture
    return out
