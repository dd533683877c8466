"""What the verbs of `eye face` share: options, the pipeline, opening a gallery, naming somebody."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compoundeye.cli._output import note
from compoundeye.records import EyeError

if TYPE_CHECKING:
    from compoundeye.apps.face import Analysis, FacePipeline, Gallery, OperatingPoint

Place = Annotated[Path, typer.Argument(metavar="GALLERY", help="The gallery's folder.")]
Sources = Annotated[
    list[str], typer.Argument(metavar="PICTURES...", help="Picture files, folders, or a corpus.", show_default=False)
]
Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="Its key; else EYE_GALLERY_KEY, or staff.key beside staff.gallery."),
]
By = Annotated[str, typer.Option("--by", help="Who asks, for the audit log; your login if not given.")]
Why = Annotated[str, typer.Option("--why", help="What for, for the audit log.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Detector = Annotated[str, typer.Option(help="Model that finds faces.")]
Embedder = Annotated[str, typer.Option(help="Model that tells faces apart.")]
Cut = Annotated[
    float | None, typer.Option("--threshold", min=-1, max=1, help="Cosine from which two faces are one person.")
]

FEW_PX = 24
"""Between the eyes: below, an embedding says little, and a note says so."""


@cache
def pipeline(detector: str, embedder: str) -> FacePipeline:
    """Models that find faces and tell them apart, loaded once in a process."""
    from compoundeye.apps.face import FacePipeline
    from compoundeye.models import load_face_detector, load_face_embedder

    return FacePipeline(load_face_detector(detector), load_face_embedder(embedder))


def key_of(gallery: Path, key: Path | None) -> Path | None:
    """The key that is meant; None: it is in the environment."""
    if key is not None or os.environ.get("EYE_GALLERY_KEY"):
        return key
    return gallery.with_name(f"{gallery.name.removesuffix('.gallery')}.key")


def opened(gallery: Path, key: Path | None) -> Gallery:
    """A gallery that is there.

    Raises:
        EyeError: there is none, or the key is missing or wrong.
    """
    from compoundeye.apps.face import Gallery

    return Gallery.open(gallery, key_of(gallery, key))


def opened_or_new(gallery: Path, key: Path | None, by: str) -> Gallery:
    """A gallery; where nothing is, a new one is made, and its key is told."""
    from compoundeye.apps.face import Gallery

    if gallery.exists():
        return opened(gallery, key)
    place = key_of(gallery, key)
    made = Gallery.create(gallery, place, by=asker(by))
    if place is not None:
        note(f"new gallery {gallery}; its key is {place}: keep a copy elsewhere, for without it nothing can be read")
    return made


def asker(by: str) -> str:
    """Who asks: what was said, or the login.

    Raises:
        EyeError: neither is known.
    """
    if by.strip():
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise EyeError("say who asks, for the audit log: --by NAME") from None


def reason(why: str) -> str:
    """What for; asked before the work, not after.

    Raises:
        EyeError: it was not said.
    """
    if not why.strip():
        raise EyeError('a search is written to the audit log with its reason: --why "..."')
    return why


def who(text: str) -> int | str:
    """A number or a name, as people are told on the command line."""
    return int(text) if text.isascii() and text.isdecimal() else text


def same_model(gallery: Gallery, embedder: str) -> None:
    """Raises EyeError: another model made the templates of the gallery."""
    made_by = gallery.embedder()
    if made_by is not None and made_by != embedder:
        raise EyeError(f"{gallery.path}: its templates were made by {made_by}; {embedder} cannot be compared with them")


def tell_point(point: OperatingPoint) -> None:
    """The threshold and what cannot be told of it, on stderr."""
    note(f"one person from a cosine of {point.value:.3f} ({point.source})")
    if point.warning:
        note(f"note: {point.warning}")


def tell_failed(failed: list[Analysis]) -> None:
    """Which pictures could not be looked at, on stderr."""
    for one in failed:
        note(f"{one.source}: {one.reason}")


def box(values: Iterable[float]) -> str:
    """Left, top, right, bottom in whole pixels."""
    return ",".join(f"{value:.0f}" for value in values)


def pixels(values: Any) -> Any:
    """Places of a picture as plain numbers, to a hundredth of a pixel."""
    return values.astype(float).round(2).tolist()
