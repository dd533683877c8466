"""Pictures of real people for the tests of `eye face`, and the command itself, in this process."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from face_clips import clip, photograph
from face_samples import astronaut
from PIL import Image
from typer.testing import CliRunner

from compoundeye.cli import app

UInt8 = npt.NDArray[np.uint8]
SU, HAO, FIVE = "0-f1-su-ph.jpg", "0-f15-hao-ph.jpg", "multi_face.jpg"
WOMAN = "WolfgangLanger_Pexels.mp4"


def eye(*arguments: object) -> tuple[str, str]:
    """What `eye face ...` prints: results and notes."""
    done = CliRunner().invoke(app, ["face", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.stderr
    return done.stdout, done.stderr


def told(*arguments: object) -> Any:
    """Its JSON."""
    return json.loads(eye(*arguments, "--json")[0])


def refused(*arguments: object) -> str:
    """The one sentence of a mistake."""
    done = CliRunner().invoke(app, ["face", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    return done.stderr.splitlines()[-1]


@cache
def frames(name: str, *places: int) -> tuple[UInt8, ...]:
    """Frames of a clip, by number."""
    import av

    with av.open(clip(name)) as container:
        found = {
            at: frame.to_ndarray(format="rgb24") for at, frame in enumerate(container.decode(video=0)) if at in places
        }
    return tuple(found[place] for place in places)


def saved(path: Path, rgb: UInt8) -> Path:
    """A picture as a file."""
    Image.fromarray(rgb).save(path)
    return path


def mirrored(rgb: UInt8) -> UInt8:
    """Another picture of the same person: half of the size, left and right changed."""
    picture = Image.fromarray(rgb).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(picture.resize((picture.width // 2, picture.height // 2)))


def album(folder: Path) -> Path:
    """Ten pictures: a woman on three frames of a clip, Su, Hao and Eileen twice each, and five strangers on one."""
    folder.mkdir()
    for number, rgb in enumerate(frames(WOMAN, 0, 150, 300)):
        saved(folder / f"anna{number}.png", rgb)
    for name, rgb in (("su", photograph(SU)), ("hao", photograph(HAO)), ("eileen", astronaut())):
        saved(folder / f"{name}0.png", rgb)
        saved(folder / f"{name}1.png", mirrored(rgb))
    saved(folder / "strangers.png", photograph(FIVE))
    return folder
