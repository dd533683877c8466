"""Galleries of made-up faces: what is kept of a face does not depend on whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face import Gallery, Sightings
from compoundeye.records import Faces

EMBEDDER = "sface/1 sha256:0000000000000000"


def directions(count: int, *, seed: int = 0, around: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
    """[count, 128] of length 1, in any direction or near ``around``."""
    drawn = np.random.default_rng(seed).normal(size=(count, 128))
    if around is not None:
        drawn = around + 0.03 * drawn
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def sightings(
    pictures: Sequence[str], *, seed: int = 0, templates: npt.NDArray[np.float32] | None = None,
    sources: Sequence[str | None] = (), embedder: str = EMBEDDER,
) -> Sightings:  # fmt: skip
    """A face of each picture named."""
    count, rng = len(pictures), np.random.default_rng(seed)
    boxes = np.tile(np.array([10, 20, 110, 140], np.float32), (count, 1))
    landmarks = rng.uniform(20, 100, (count, 5, 2)).astype(np.float32)
    faces = Faces(boxes, np.full(count, 0.9, np.float32), landmarks)
    crops = rng.integers(0, 256, (count, 112, 112, 3)).astype(np.uint8)
    quality = rng.uniform(0, 100, count).astype(np.float32)
    templates = directions(count, seed=seed) if templates is None else templates
    return Sightings(pictures, faces, templates, embedder, sources, quality, crops)


def gallery(folder: Path) -> Gallery:
    """An empty gallery, its key beside it."""
    return Gallery.create(folder / "people.gallery", folder / "people.key", by="owner")


def enrol(into: Gallery, who: int | str, pictures: Sequence[str], seed: int = 0) -> int:
    """Somebody with a face in each picture; the number."""
    return into.enrol(who, sightings(pictures, seed=seed), consent=True, purpose="door", by="desk").id


def on_disk(folder: Path) -> bytes:
    """All bytes of all files in a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
