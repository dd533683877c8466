"""Galleries of faces to serve: made-up ones, where it matters only what is kept, and one of photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from face_clips import photograph
from face_samples import astronaut
from gallery_samples import directions, sightings

from compoundeye.apps.face import FacePipeline, Gallery, Sightings, assess
from compoundeye.models import load_face_detector, load_face_embedder

UInt8 = npt.NDArray[np.uint8]
KEY = "people.key"
FOLDER = "people.gallery"


def made_up(place: Path) -> Gallery:
    """Anna (1) with four faces, Bert (2) with two, the groups 3 and 4 without a name, and a face that is nobody's."""
    gallery = Gallery.create(place / FOLDER, place / KEY, by="owner")
    for number, (name, count) in enumerate((("Anna", 4), ("Bert", 2))):
        gallery.enrol(name, _of(number, count), consent=number == 0, purpose="opening the door", by="desk")
    found = [_of(number, count) for number, count in ((2, 3), (3, 2), (4, 1))]
    faces = np.concatenate([gallery.add(one, purpose="the album", by="desk") for one in found]).astype(np.int64)
    labels = np.array([0, 0, 0, 1, 1, -1], np.int64)
    gallery.regroup(faces, labels, by="desk", why="the album is sorted")
    return gallery


def _of(number: int, count: int) -> Sightings:
    around = directions(1, seed=100 + number)[0]
    names = [f"{number:016x}{at:016x}" for at in range(count)]
    made: Sightings = sightings(names, seed=number, templates=directions(count, seed=number, around=around))
    return made


def photographed(place: Path) -> Gallery:
    """Eileen (1) in three versions of one photograph, and five people of another one in two versions, without names."""
    pipeline = FacePipeline(load_face_detector(), load_face_embedder())
    gallery = Gallery.create(place / FOLDER, place / KEY, by="owner")
    versions = [_seen(pipeline, one, name) for name, one in zip("abc", _versions(astronaut()), strict=True)]
    for one in versions:
        gallery.enrol("Eileen", one, consent=True, purpose="opening the door", by="desk")
    crowd = photograph("multi_face.jpg")
    found = [_seen(pipeline, one, name) for name, one in zip("de", (crowd, _darker(crowd)), strict=True)]
    faces = [np.array(gallery.add(one, purpose="the album", by="desk"), np.int64) for one in found]
    nearest = (found[1].templates @ found[0].templates.T).argmax(axis=1)
    gallery.regroup(np.concatenate(faces), np.concatenate([np.arange(len(faces[0])), nearest]), by="desk", why="sorted")
    return gallery


def _versions(rgb: UInt8) -> list[UInt8]:
    return [rgb, _darker(rgb), np.ascontiguousarray(rgb[:, ::-1])]


def _darker(rgb: UInt8) -> UInt8:
    return (rgb * 0.6).astype(np.uint8)


def _seen(pipeline: FacePipeline, rgb: UInt8, name: str) -> Sightings:
    found = pipeline.faces(rgb)
    quality = assess(found.crops, found.faces).overall
    embedder = str(pipeline.embedder.identity)
    return Sightings([name * 32] * len(found), found.faces, found.embeddings, embedder, (), quality, found.crops)
