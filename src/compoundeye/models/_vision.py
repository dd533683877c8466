"""A loaded picture model: encoded pictures in, embeddings and logits out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compoundeye.models._card import Card
from compoundeye.models._labels import Labels
from compoundeye.models._runtime import Runtime
from compoundeye.records import ModelIdentity

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Prepare = Callable[[bytes, UInt8 | None], UInt8]
"""(encoded picture, array to fill or None) to uint8 [S, S, 3]."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a model says about N pictures."""

    embedding: Float32
    """[N, D] pooled features, not normalised."""
    logits: Float32 | None
    """[N, K] before softmax, in the order of the labels; None for a model without labels."""


class Vision:
    """A loaded model. Safe to call from several threads; each call runs on the threads it was loaded with."""

    def __init__(
        self, card: Card, identity: ModelIdentity, labels: Labels | None, runtime: Runtime, prepare: Prepare
    ) -> None:
        self.card = card
        self.identity = identity
        self.labels = labels
        self._runtime = runtime
        self._prepare = prepare

    @property
    def input_size(self) -> int:
        """Side of the input in pixels."""
        return self.card.input_size

    @property
    def precision(self) -> str:
        """Arithmetic that the model was loaded in: "fp32" or "bf16"."""
        return self._runtime.precision

    @property
    def runtime(self) -> str:
        """Engine and version."""
        return self._runtime.name

    @property
    def batch_size(self) -> int:
        """Pictures at a time that cost least each: a call costs least for a multiple of it."""
        return self._runtime.batch

    def prepare(self, data: bytes, out: UInt8 | None = None) -> UInt8:
        """Encoded picture to the model's input, uint8 [S, S, 3] in sRGB; the one pre-processing of this model.

        Args:
            data: the bytes of a picture file.
            out: uint8 [S, S, 3] to fill and return.

        Raises:
            PictureError: the picture cannot be decoded.
        """
        return self._prepare(data, out)

    def __call__(self, batch: UInt8) -> Outputs:
        """Run the network; normalisation and layout happen inside it.

        Args:
            batch: uint8 [N, S, S, 3], as ``prepare`` makes them.

        Raises:
            ValueError: another shape or type.
        """
        side = self.input_size
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:] != (side, side, 3):
            raise ValueError(f"{self.card.name} takes uint8 [N, {side}, {side}, 3], not {batch.dtype} {batch.shape}")
        if not len(batch):
            none = np.empty((0, 0 if self.labels is None else len(self.labels)), np.float32)
            return Outputs(np.empty((0, self.card.embedding_dim), np.float32), None if self.labels is None else none)
        arrays = self._runtime(batch)
        return Outputs(arrays["embedding"], None if self.labels is None else arrays["logits"])
