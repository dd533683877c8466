"""The gallery of faces that a console serves, if it was told of one, and the models that look at uploads."""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field

from compoundeye.console._found import LARGEST
from compoundeye.console._refusals import Conflict, NotFound, TooLarge, Unprocessable, WrongType
from compoundeye.console._state import Console
from compoundeye.pixels import PictureError, decode, probe
from compoundeye.records import EyeError, picture_id

if TYPE_CHECKING:
    from compoundeye.apps.face import FacePipeline, Gallery, OperatingPoint, Person, Sightings

UInt8 = npt.NDArray[np.uint8]
Number = Annotated[int, Field(ge=1, le=2**53)]
"""Of a person or a face; beyond it scripts of pages cannot count."""
OFF = "no gallery of faces is served here; `eye console --faces GALLERY` serves one"
MOST_FACES = 100
"""Faces of an upload that are told of, the surest first."""
FMR = 1e-4
"""Share of comparisons of two people that may be taken for one: NIST's FRTE 1:1 reports from 1e-3 to 1e-6."""
TOO_FEW = (
    "{:.3g} is what is published for the model, chosen on other pictures. How often it is wrong here is not known: the "
    "gallery needs more people with a name to tell."
)
_QUALITY = 90
_AT_ONCE = threading.BoundedSemaphore(2)


class FaceDesk:
    """The gallery, open, and the models, loaded when the first picture is sent. Safe to use from several threads."""

    def __init__(self, console: Console) -> None:
        """Open the gallery.

        Raises:
            NotFound: none is served.
            EyeError: it cannot be opened with this key.
        """
        if console.served.faces is None:
            raise NotFound(OFF)
        from compoundeye.apps.face import Gallery

        self.gallery: Gallery = Gallery.open(console.served.faces, console.served.faces_key)
        self._pipeline: FacePipeline | None = None
        self._loading = threading.Lock()
        self._points: dict[tuple[int, float, int], OperatingPoint] = {}

    def person(self, number: int) -> Person:
        """Somebody.

        Raises:
            NotFound: there is no such person, or not any more.
        """
        try:
            return self.gallery.person(number)
        except EyeError as error:
            raise NotFound(str(error)) from error

    def look(self, data: bytes) -> Sightings:
        """The faces of an uploaded picture, the surest first; nothing is kept of it.

        Raises:
            WrongType: it is no picture.
            TooLarge: it has more pixels than are decoded.
            Conflict: templates of this gallery were made by another model.
            EyeError: the models cannot be loaded.
        """
        from compoundeye.apps.face import Sightings, assess

        with _AT_ONCE:
            rgb = picture(data)
            pipeline = self._models()
            found = pipeline.faces(rgb)
        quality = assess(found.crops, found.faces, size=(rgb.shape[1], rgb.shape[0])).overall
        name = picture_id(data).hex()
        count = len(found)
        return Sightings(
            [name] * count, found.faces, found.embeddings, str(pipeline.embedder.identity), (), quality, found.crops
        )[:MOST_FACES]

    def compared_from(self, given: float | None) -> OperatingPoint:
        """From which score two faces count as one person, where two pictures are compared."""
        return self._point(given, 0)

    def looked_for_from(self, given: float | None, *, named: bool) -> OperatingPoint:
        """From which score somebody is told, where one face is held against everybody."""
        return self._point(given, len(self.gallery.people(named=named or None)) or 1)

    def _point(self, given: float | None, among: int) -> OperatingPoint:
        """What is given, or what the gallery's own people tell, or where they are too few, what is published."""
        from compoundeye.apps.face import FPIR, operating_point

        if given is not None:
            return operating_point(value=given)
        rate = FPIR if among else FMR
        key = self.gallery.revision(), rate, among
        found = self._points.get(key)
        if found is None:
            try:
                found = (
                    operating_point(self.gallery, fpir=rate, among=among)
                    if among
                    else operating_point(self.gallery, fmr=rate)
                )
            except EyeError:
                found = operating_point()
                found = replace(found, warning=TOO_FEW.format(found.value))
            self._points = {one: point for one, point in self._points.items() if one[0] == key[0]} | {key: found}
        return found

    def _models(self) -> FacePipeline:
        from compoundeye.apps.face import FacePipeline
        from compoundeye.models import load_face_detector, load_face_embedder

        with self._loading:
            if self._pipeline is None:
                self._pipeline = FacePipeline(load_face_detector(), load_face_embedder())
        made_by, ours = self.gallery.embedder(), str(self._pipeline.embedder.identity)
        if made_by is not None and made_by != ours:
            raise Conflict(f"templates of this gallery were made by {made_by}; those of {ours} cannot be compared")
        return self._pipeline


def faces_of(console: Console) -> FaceDesk:
    """The console's gallery: ``here.part(faces_of)``; see `FaceDesk`."""
    return FaceDesk(console)


def picture(data: bytes) -> UInt8:
    """An uploaded picture, uint8 [H, W, 3] RGB, as it is shown.

    Raises:
        WrongType: it is none. TooLarge: it has more than `LARGEST` pixels.
    """
    try:
        header = probe(data)
        if header.width * header.height > LARGEST:
            raise TooLarge(f"a picture has at most {LARGEST // 1_000_000} million pixels here; send it smaller")
        return decode(data)
    except PictureError as error:
        raise WrongType(f"this is no picture that can be looked at: {error}") from error


def jpeg(crop: UInt8) -> bytes:
    """A crop, uint8 [H, W, 3] RGB, for a page."""
    done, encoded = cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done
    return encoded.tobytes()


def shown(crop: UInt8) -> str:
    """A crop as an address that holds it: what was uploaded is kept nowhere, so it has no other."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(crop)).decode()


def chosen(seen: Sightings, which: int | None) -> Sightings:
    """The one face that is meant.

    Raises:
        Unprocessable: there is none, or several and nobody said which.
    """
    if not len(seen):
        raise Unprocessable("no face was found in this picture; take one in which it is larger and seen from the front")
    if which is None and len(seen) > 1:
        raise Unprocessable(f"{len(seen)} faces were found; say which with face=0 to face={len(seen) - 1}")
    if which is not None and which >= len(seen):
        raise Unprocessable(f"there is no face {which} in this picture: {len(seen)} were found, counted from 0")
    return seen[which or 0 : (which or 0) + 1]


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands for each person: the face of the best quality, by the person's number."""

    face: dict[int, int]
    alone: int
    """Faces that are nobody's."""
    faces: int


def covers(gallery: Gallery) -> Cover:
    """The best face of everybody."""
    known = gallery.known()
    quality = np.where(np.isnan(known.quality), -1.0, known.quality)
    order = np.argsort(quality, kind="stable")  # the best is written last
    face = dict(zip(known.people[order].tolist(), known.faces[order].tolist(), strict=True))
    face.pop(-1, None)
    return Cover(face, int((known.people < 0).sum()), len(known.faces))
