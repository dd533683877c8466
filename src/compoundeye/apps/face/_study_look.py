"""Templates of a study's pictures by our own pipeline: each picture is looked at once, failures are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._pipeline import FacePipeline, Found
from compoundeye.apps.face._study import Float32, Int64, Shot, Study, Which, pooled
from compoundeye.pixels import PictureError, decode
from compoundeye.records import Faces, Progress

TOGETHER = 8
"""Pictures in one call of the pipeline."""

LEAST_OVERLAP = 0.2
"""Below this intersection over union a found face is not the one whose box was given: boxes of data sets are loose."""

NO_FACE, NOT_THE_FACE = "no face found", "no face where one is said to be"


@dataclass(frozen=True, slots=True)
class Looked:
    """Templates, and why some are missing."""

    embeddings: Float32
    """[T, D] of length 1; NaN rows: none of its pictures gave a face."""
    pictures: int
    reasons: Mapping[str, int]
    """How many shots failed, by reason."""


def look_at(study: Study, pipeline: FacePipeline, progress: Progress | None = None) -> Looked:
    """Templates of all of a study's shots."""
    shots = [shot for template in study.templates for shot in template.shots]
    wanted = dict[Path, list[int]]()
    for number, shot in enumerate(shots):
        wanted.setdefault(shot.path, []).append(number)
    rows, reasons, paths = np.full((len(shots), pipeline.embedder.dim), np.nan, np.float32), Counter[str](), [*wanted]
    for start in range(0, len(paths), TOGETHER):
        for path, seen in _seen(pipeline, paths[start : start + TOGETHER]).items():
            for number in wanted[path]:
                one = seen if isinstance(seen, str) else seen.template(shots[number], study.which)
                if isinstance(one, str):
                    reasons[one] += 1
                else:
                    rows[number] = one
        if progress is not None:
            progress(min(start + TOGETHER, len(paths)), len(paths))
    of = np.repeat(np.arange(len(study.templates)), [len(template.shots) for template in study.templates])
    return Looked(pooled(rows, of, _media(shots), len(study.templates)), len(paths), dict(reasons))


@dataclass(frozen=True, slots=True)
class _Seen:
    found: Found
    size: tuple[int, int]
    """Width and height of the picture."""

    def template(self, shot: Shot, which: Which) -> Float32 | str:
        """Of the face that is meant, or why there is none."""
        faces = self.found.faces
        if not len(faces):
            return NO_FACE
        if shot.box is None:
            return np.asarray(self.found.embeddings[choose(faces, self.size, which)], np.float32)
        overlap = _overlap(faces.boxes, np.array(shot.box, np.float32))
        if overlap.max() < LEAST_OVERLAP:
            return NOT_THE_FACE
        return np.asarray(self.found.embeddings[int(np.argmax(overlap))], np.float32)


def choose(faces: Faces, size: tuple[int, int], which: Which) -> int:
    """The face that a picture of one person is about: the largest, or the one nearest to its middle.

    Args:
        faces: at least one.
        size: width and height of the picture.
    """
    sides = faces.boxes[:, 2:] - faces.boxes[:, :2]
    if which == "largest":
        return int(np.argmax(sides.prod(axis=1)))
    away = (faces.boxes[:, 2:] + faces.boxes[:, :2] - np.array(size, np.float32)) / 2
    return int(np.argmin(np.hypot(*away.T)))


def _seen(pipeline: FacePipeline, paths: Iterable[Path]) -> dict[Path, _Seen | str]:
    """Each picture's faces, or why it has none that can be looked at."""
    out, pictures = dict[Path, _Seen | str](), dict[Path, npt.NDArray[np.uint8]]()
    for path in paths:
        try:
            pictures[path] = decode(path.read_bytes())
        except PictureError as error:
            out[path] = str(error)
        except OSError as error:
            out[path] = (error.strerror or "cannot be read").lower()
    for (path, rgb), found in zip(pictures.items(), pipeline.batch([*pictures.values()]), strict=True):
        out[path] = _Seen(found, (rgb.shape[1], rgb.shape[0]))
    return out


def _media(shots: Iterable[Shot]) -> Int64:
    """[S] numbers of media; a shot without a medium is one of its own."""
    names = [shot.medium or f"shot {number}" for number, shot in enumerate(shots)]
    return np.asarray(np.unique(names, return_inverse=True)[1], np.int64) if names else np.empty(0, np.int64)


def _overlap(boxes: Float32, box: Float32) -> Float32:
    """[N] intersection over union."""
    sides = np.maximum(np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2]), 0)
    shared = sides.prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(shared / np.maximum(areas - shared, np.finfo(np.float32).tiny), np.float32)
