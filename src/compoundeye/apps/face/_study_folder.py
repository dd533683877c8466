"""Labelled faces that are there anyway: a folder for each person, or a gallery."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compoundeye.apps.face._gallery import Gallery
from compoundeye.apps.face._gallery_files import FACES
from compoundeye.apps.face._study import Float32, Int64, SearchPlan, Shot, Study, Template, all_pairs
from compoundeye.apps.face._study_pairs import OWN_SOURCE, PICTURES
from compoundeye.records import EyeError

ONE_EACH = "one enrolled picture a person"


def read_folder(folder: Path) -> Study:
    """``folder/person/picture.jpg``: all are compared with all, and each searched for among the first of each person.

    Raises:
        EyeError: there are no two people in it.
    """
    people = [one for one in sorted(folder.iterdir()) if one.is_dir()]
    pictures = [
        (path, at)
        for at, one in enumerate(people)
        for path in sorted(one.rglob("*"))
        if path.suffix.lower() in PICTURES and path.is_file()
    ]
    subjects = np.array([at for _, at in pictures], np.int64)
    if len(np.unique(subjects)) < 2:
        raise EyeError(
            f"{folder} must hold a folder for each person, with that person's pictures, of two people or more"
        )
    templates = [Template(str(path.relative_to(folder)), (Shot(path),)) for path, _ in pictures]
    return _everybody(folder.name, templates, subjects)


def is_gallery(path: Path) -> bool:
    """Whether a gallery lies there."""
    return (path / FACES).is_file()


def read_gallery(gallery: Gallery) -> Study:
    """The people of a gallery by the templates it has: no picture is looked at, and nobody's name is in the result.

    Only faces of which somebody said whose they are: what grouping found cannot judge the same templates.

    Raises:
        EyeError: there are no two such people in it.
    """
    known = gallery.known()
    kept = np.flatnonzero(known.said & (known.people >= 0))
    subjects = known.people[kept]
    if len(np.unique(subjects)) < 2:
        raise EyeError(
            f"{gallery.path} has fewer than two people of whom somebody said who they are: enrol or name some"
        )
    templates = [Template(f"face {face}", ()) for face in known.faces[kept]]
    return _everybody(gallery.path.name, templates, subjects, known.templates[kept])


def _everybody(name: str, templates: Sequence[Template], subjects: Int64, embeddings: Float32 | None = None) -> Study:
    """All against all, and one of each person enrolled."""
    pairs, drawn = all_pairs(subjects)
    first = np.unique(subjects, return_index=True)[1]
    probes = np.setdiff1d(np.arange(len(subjects)), first)
    notes = [f"of all non-mated comparisons {len(pairs) - int(pairs.same.sum()):,} were drawn"] if drawn else []
    return Study(
        data=name, split="all with all", source=OWN_SOURCE, templates=tuple(templates), subjects=subjects,
        pairs=pairs, searches=((ONE_EACH, SearchPlan(first, probes, without_mate=True)),), embeddings=embeddings,
        notes=tuple(notes),
    )  # fmt: skip
