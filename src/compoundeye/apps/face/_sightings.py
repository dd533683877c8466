"""Faces to be kept: what was found, and in which picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from compoundeye.records import EyeError, Faces

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]


class _Found(Protocol):
    """What a pipeline gives of one picture."""

    @property
    def faces(self) -> Faces: ...
    @property
    def crops(self) -> UInt8: ...
    @property
    def embeddings(self) -> Float32: ...


@dataclass(frozen=True, slots=True)
class Sightings:
    """Faces of any pictures, as a structure of arrays.

    Raises:
        EyeError: arrays of unequal lengths, or templates that are not numbers or not of length 1.
    """

    pictures: Sequence[str]
    """[N] the picture's id, hexadecimal."""
    faces: Faces
    templates: Float32
    """[N, D] of length 1."""
    embedder: str
    """Which model made the templates: templates of two models cannot be compared."""
    sources: Sequence[str | None] = ()
    """[N] where the picture lies, or empty."""
    quality: Float32 | None = None
    """[N] 0..100."""
    crops: UInt8 | None = None
    """[N, 112, 112, 3] RGB; without them no page can show the face."""

    def __post_init__(self) -> None:
        count = len(self.pictures)
        given = (self.faces, self.templates, self.quality, self.crops, self.sources or None)
        if any(len(each) != count for each in given if each is not None):
            raise EyeError(f"{count} pictures are named, and not as many faces, templates, qualities or crops given")
        lengths = np.linalg.norm(self.templates, axis=-1)
        if self.templates.ndim != 2 or not np.all(np.abs(lengths - 1) < 1e-3):  # NaN too
            raise EyeError("templates must be [N, D] and have length 1; divide each by its norm")

    @classmethod
    def of(cls, found: _Found, picture: bytes | str, source: str | None = None, *, embedder: str) -> Sightings:
        """All faces of one picture.

        Args:
            found: what `FacePipeline.faces` gave.
            picture: its id, bytes or hexadecimal.
            source: where it lies: `forget` removes it from there if asked.
            embedder: identity of the model that made the embeddings.
        """
        name = picture if isinstance(picture, str) else picture.hex()
        quality: Any = getattr(getattr(found, "quality", None), "overall", None)
        count = len(found.faces)
        return cls([name] * count, found.faces, found.embeddings, embedder, [source] * count, quality, found.crops)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, which: Any) -> Sightings:
        """Those that a mask, a slice or an array of places chooses."""
        rows = np.atleast_1d(np.arange(len(self))[which])
        return Sightings(
            [self.pictures[row] for row in rows], self.faces[rows], self.templates[rows], self.embedder,
            [self.sources[row] for row in rows] if self.sources else (),
            None if self.quality is None else self.quality[rows], None if self.crops is None else self.crops[rows],
        )  # fmt: skip
