"""Grouping a gallery: everybody's faces put together as far as what was said allows, and written down."""

from __future__ import annotations

import numpy as np

from compoundeye.apps.face._gallery import Gallery, Person
from compoundeye.apps.face._group import group


def group_gallery(gallery: Gallery, *, threshold: float, by: str, why: str) -> list[Person]:
    """Group all faces of a gallery; what somebody said stays. The people of the groups, largest first.

    Faces whose quality is not known count like the middle of the others.

    Raises:
        EyeError: who asks, or why, is not said.
    """
    known, said = gallery.known(), gallery.said()
    quality = None
    if np.isfinite(known.quality).any():
        quality = np.where(np.isfinite(known.quality), known.quality, np.nanmedian(known.quality))
    apart = [(int(one), int(other)) for one, other in said.apart]
    labels = group(
        known.templates, known.pictures, threshold=threshold, people=said.people, apart=apart, quality=quality
    )
    return gallery.regroup(known.faces, labels, by=by, why=why)
