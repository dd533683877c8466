"""Whether pictures whose hashes are near are copies: what their embeddings and their colours say.

A perceptual hash is the signs of 63 slow waves. Two pictures of different things seldom share them, and then their
embeddings differ. A picture with almost no structure (one colour, a few large areas) has waves of size zero, so that
all white and all black pictures share a hash; embeddings say little of such pictures either (EfficientNet-Lite0: cosine
0.95 between white and black), and their colours decide.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import cv2
import lance
import numpy as np
import numpy.typing as npt

from compoundeye.corpus._nearest import Vectors, unit_rows
from compoundeye.corpus._rows import RowIds, take_rows
from compoundeye.pixels import PictureError, decode

Mask = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

MIN_SIMILARITY = 0.5
"""Cosine of a copy's embedding. EfficientNet-Lite0 on 18 photographs of scikit-image and scikit-learn: copies at half
and a third of the size, at JPEG quality 30, brighter, in grey, with a stamp reach 0.56, others at most 0.48."""

MAX_COLOUR_DIFFERENCE = 8.0
"""Mean difference of 8 x 8 colours of two flat pictures, of 255: JPEG shifts a colour by 2, #eeeeee to white is 17."""

_GRID = 8
_STRUCTURED_BITS = 32
"""A hash with structure sets half its 64 bits, those above the median; fewer are set where many waves are zero."""


def flat(hashes: Hashes) -> Mask:
    """Which hashes come from pictures with too little structure to tell them apart."""
    return np.bitwise_count(hashes) < _STRUCTURED_BITS


@dataclass(frozen=True, slots=True)
class Looks:
    """What is known of n pictures apart from their hashes."""

    unit: Vectors
    """float32 [n, D], of length 1; zero where there is no embedding."""
    model: npt.NDArray[np.int32]
    """[n] number of the model of each embedding: those of two models have nothing to do with each other."""
    colours: Vectors | None
    """float32 [n, 192], 0 to 255, or None where no picture is flat; NaN for a thumbnail that cannot be read."""
    flat: Mask
    min_similarity: float

    def confirm(self, best: int, others: npt.NDArray[np.int64]) -> tuple[Mask, Vectors]:
        """Which of the others are copies of the best, and their cosines to it (NaN where there is none)."""
        cosines = np.minimum(self.unit[others] @ self.unit[best], 1)
        known = self.unit[others].any(1) & self.unit[best].any() & (self.model[others] == self.model[best])
        copies = ~known | (cosines >= self.min_similarity)
        unclear = self.flat[others] | self.flat[best]
        if self.colours is not None and unclear.any():
            apart = np.abs(self.colours[others] - self.colours[best]).mean(1)
            copies = np.where(unclear, apart <= MAX_COLOUR_DIFFERENCE, copies)
        return copies, np.where(known, cosines, np.nan).astype(np.float32)


def read_looks(
    dataset: lance.LanceDataset, rows: RowIds, hashes: Hashes, *, embeddings: bool, min_similarity: float
) -> Looks:
    """Looks of n rows: their embeddings, and if one of them is flat the colours of all."""
    without_structure = flat(hashes)
    colours = None
    if without_structure.any():
        colours = np.full((len(rows), 3 * _GRID * _GRID), np.nan, np.float32)
        for place, thumbnail in enumerate(take_rows(dataset, rows, ["thumbnail"])["thumbnail"].to_pylist()):
            with suppress(PictureError):
                grid = cv2.resize(decode(thumbnail), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
                colours[place] = np.asarray(grid, np.float32).ravel()
    if not embeddings:
        unit, model = np.zeros((len(rows), 1), np.float32), np.zeros(len(rows), np.int32)
    else:
        found = take_rows(dataset, rows, ["embedding", "embedding_by"])
        unit, _ = unit_rows(found["embedding"].combine_chunks())
        numbers = found["embedding_by"].combine_chunks().dictionary_encode().indices
        model = numbers.fill_null(-1).to_numpy().astype(np.int32)
    return Looks(unit, model, colours, without_structure, min_similarity)
