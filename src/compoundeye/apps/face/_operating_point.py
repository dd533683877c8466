"""From which score somebody is told, where a user says how often it may be wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compoundeye.apps.face._gallery import Gallery
from compoundeye.apps.face._impostors import impostors
from compoundeye.apps.face._sightings import Float32
from compoundeye.apps.face._threshold import Target, threshold
from compoundeye.records import EyeError

FPIR = 0.003
"""Share of searches for strangers that may return somebody, if the user does not say: NIST's FRTE 1:N reports it."""

# docs.opencv.org, "DNN-based Face Detection And Recognition": a cosine of 0.363 or more is one person, chosen on LFW.
PUBLISHED = 0.363


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A score, and what it rests on."""

    value: float
    """Cosine from which two faces count as one person."""
    source: str
    """"given", "published", or the target that it was found for."""
    warning: str | None
    """What cannot be told of it; None: nothing to warn of."""


def operating_point(
    gallery: Gallery | None = None, *, value: float | None = None, fpir: float | None = None,
    fmr: float | None = None, among: int | None = None,
) -> OperatingPoint:  # fmt: skip
    """The threshold that is meant: what is given, what a target demands of a gallery, or the model's published one.

    Where a gallery's people are too few to show that a target is met, the threshold is not below the published one.

    Args:
        value: it is this one.
        fpir: share of searches for strangers that may return somebody of the gallery.
        fmr: share of comparisons of two people that may match.
        among: how many are searched with ``fpir``; the people with a name if not given.

    Raises:
        EyeError: several are given, there is a target and no gallery, or it cannot be told from the gallery's faces.
    """
    if sum(each is not None for each in (value, fpir, fmr)) > 1:
        raise EyeError("say one of them: a threshold, or how often it may be wrong (--fpir or --fmr)")
    if value is not None:
        return OperatingPoint(value, "given", None)
    if fpir is None and fmr is None:
        return OperatingPoint(
            PUBLISHED, "published",
            f"{PUBLISHED} is what OpenCV publishes for SFace, chosen on LFW: how often it is wrong on your pictures "
            "was not measured. A gallery of known people tells: --fmr or --fpir with it.",
        )  # fmt: skip
    if gallery is None:
        raise EyeError("how often a score is wrong is told from a gallery's people: name one, or give a threshold")
    enrolled = among or len(gallery.people(named=True))
    target = Target(fmr=fmr) if fmr is not None else Target(fpir=fpir, enrolled=max(enrolled, 1))
    known = gallery.known()
    # Who a grouping made says nothing: it put together what scores high.
    sure = np.where(known.said, known.people, -1)
    try:
        chosen = threshold(target, impostors(known.templates, sure))
    except EyeError as error:
        raise EyeError(f"{gallery.path}: {error} Or give the score from which somebody is told (threshold).") from None
    rate = f"FMR {fmr:g}" if fmr is not None else f"FPIR {fpir:g} among {enrolled:,}"
    if chosen.warning is None or chosen.value >= PUBLISHED:
        return OperatingPoint(chosen.value, rate, chosen.warning)
    return OperatingPoint(
        PUBLISHED, f"{rate}, not shown",
        f"{chosen.warning} They give {chosen.value:.3f}; so few cannot show that this is safe, so the published "
        f"{PUBLISHED} is taken, which is stricter.",
    )  # fmt: skip


def naming(gallery: Gallery, at: float, *, by: str, why: str) -> Callable[[Float32], list[str | None]]:
    """Who it is, for `blur`: templates [N, D] to N names; None for a stranger. Every call is in the audit log."""

    def who(templates: Float32) -> list[str | None]:
        found = gallery.identify(templates, threshold=at, k=1, named=True, by=by, why=why)
        return [one[0].name if one else None for one in found]

    return who
