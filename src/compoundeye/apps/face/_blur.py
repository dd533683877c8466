"""Faces of a picture or a video made unrecognisable, or all but those of somebody who is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from compoundeye.apps.face._blur_video import Progress, blur_video
from compoundeye.apps.face._pipeline import FacePipeline
from compoundeye.apps.face._watch_app import head
from compoundeye.models import load_face_detector, load_face_embedder
from compoundeye.pixels import PictureError, decode
from compoundeye.records import EyeError, Faces
from compoundeye.video import HOW, How, hide

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Who = Callable[[Float32], Sequence[str | None]]
"""Templates [N, D] to the name of each, None for a stranger: such as a gallery's ``identify``."""

# Lower than for comparing: a face that is hidden by mistake does less harm than one that is not.
BLUR_MIN_SCORE = 0.3
PICTURES = {".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95], ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95], ".png": [], ".webp": []}
VIDEOS = (".mp4", ".mkv", ".mov")


@dataclass(frozen=True, slots=True)
class Blurred:
    """What was hidden."""

    frames: int
    """1 for a picture."""
    faces: int
    """Faces of a picture; of a video, tracks and faces that were seen once."""
    hidden: int
    kept: tuple[str, ...]
    """Names of those who were left as they are."""


def blur(
    source: Path,
    target: Path,
    *,
    how: How = "pixelate",
    keep: Sequence[str] = (),
    who: Who | None = None,
    device: str = "cpu",
    threads: int = 1,
    progress: Progress | None = None,
) -> Blurred:
    """Write a picture or a video in which faces are hidden, with a margin for the head.

    A video is looked at before it is written: a face that is lost between two frames that show it is hidden there too,
    and for a third of a second before the first and after the last. Sound is left out, for voices tell who speaks; so
    is everything that a picture carries beside its pixels, for thumbnails and positions do too. What no detector finds
    is not hidden: look at the result.

    Args:
        target: .jpg, .png or .webp for a picture; .mp4, .mov or .mkv for a video.
        how: "pixelate", "blur", or "cover", the only one that nothing can be guessed from.
        keep: names whose faces are left as they are; everybody is hidden if empty.
        who: says whose faces these are; needed with ``keep``.
        progress: told the frames that are done and their number, if that is known, in each of the two rounds.

    Raises:
        EyeError: it cannot be read or written, or names are to be kept and nobody says who is who.
    """
    _check(source, target, how, keep, who)
    detector = load_face_detector(device=device, threads=threads)
    embedder = load_face_embedder(device=device, threads=threads)
    wanted = _wanted(keep, who)
    if target.suffix.lower() in VIDEOS:
        return Blurred(*blur_video(source, target, detector, embedder, how, wanted, BLUR_MIN_SCORE, progress))
    try:
        rgb = decode(source.read_bytes())
    except OSError as error:
        raise EyeError(f"cannot read {source}: {error.strerror or error}") from None
    except PictureError as error:
        raise EyeError(f"{source}: {error}; to blur a video, name a target that is one (.mp4)") from None
    found = FacePipeline(detector, embedder, min_score=BLUR_MIN_SCORE).faces(rgb)
    faces = found.faces
    names: Sequence[str | None] = [None] * len(faces)
    if wanted and len(faces):
        names = wanted(found.embeddings)
    hidden = hide_faces(rgb, faces[np.array([name is None for name in names], np.bool_)], how)
    _write(hidden, target)
    left = tuple(sorted({name for name in names if name}))
    return Blurred(1, len(faces), sum(name is None for name in names), left)


def hide_faces(rgb: UInt8, faces: Faces, how: How = "pixelate") -> UInt8:
    """A copy of a picture [H, W, 3] in which these faces, and their heads, are unrecognisable."""
    copy = np.array(rgb)
    hide(copy, [head(box) for box in faces.boxes.tolist()], how)
    return copy


def _wanted(keep: Sequence[str], who: Who | None) -> Who | None:
    if not keep or who is None:
        return None
    return lambda templates: [name if name in keep else None for name in who(templates)]


def _check(source: Path, target: Path, how: str, keep: Sequence[str], who: Who | None) -> None:
    if how not in HOW:
        raise EyeError(f"faces can be hidden by {', '.join(HOW)}, not by {how!r}")
    if keep and who is None:
        raise EyeError(f"to keep {', '.join(keep)}, somebody has to say who that is: name a gallery")
    if target.suffix.lower() not in (*PICTURES, *VIDEOS):
        raise EyeError(f"{target}: a picture is written to {', '.join(PICTURES)}, a video to {', '.join(VIDEOS)}")
    if not source.exists():
        raise EyeError(f"there is no {source}")
    if target.exists() and source.samefile(target):
        raise EyeError(f"{target} is the source itself: name another file, and remove the source when you have looked")
    if not target.absolute().parent.is_dir():
        raise EyeError(f"{target}: there is no folder {target.parent}")


def _write(rgb: UInt8, target: Path) -> None:
    done, data = cv2.imencode(target.suffix.lower(), rgb[:, :, ::-1], PICTURES[target.suffix.lower()])
    part = target.with_name(target.name + ".part")
    try:
        if not done:
            raise EyeError(f"{target}: {rgb.shape[1]} x {rgb.shape[0]} pixels cannot be written to such a file")
        part.write_bytes(data.tobytes())
        part.replace(target)
    except OSError as error:
        raise EyeError(f"cannot write {target}: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
