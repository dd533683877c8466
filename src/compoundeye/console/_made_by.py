"""Who said what a picture shows, taken apart: model, version, digest, and whether its confidences were ever tested."""

from __future__ import annotations

import re
from dataclasses import dataclass

from compoundeye.console._snapshot import Snapshot

_BY = re.compile(r"(?P<model>[^\s]+)/(?P<version>[^\s/]+) sha256:(?P<digest>[0-9a-f]+)(?: (?P<more>.*))?")


@dataclass(frozen=True, slots=True)
class MadeBy:
    """What results and embeddings carry in their column ``_by``."""

    model: str
    version: str | None = None
    digest: str | None = None
    """Of the weights: the beginning of a SHA-256."""
    more: str | None = None
    """Arithmetic and recipe."""


def made_by(text: str | None) -> MadeBy | None:
    """Its parts; of a text that somebody else wrote, the whole as the model's name."""
    if not text:
        return None
    found = _BY.fullmatch(text)
    return MadeBy(**found.groupdict()) if found else MadeBy(text)


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known of confidences."""

    calibrated: bool | None
    """None: nothing is recorded of these."""
    how: str
    """In words."""


def trust(at: Snapshot, name: str, by: str | None) -> Trust:
    """How the confidences of a result were made, as `eye categorise` noted in the corpus.

    Args:
        name: of the result.
        by: who gave the answer: another model's or recipe's confidences are not what was noted.
    """
    known = at.corpus.config(f"calibration.{name}")
    if known is None or known.get("by") != by:
        return Trust(None, "whether this confidence was calibrated is not recorded")
    if known["method"] == "none":
        return Trust(False, "the model's own confidence: no labelled pictures have tested it")
    error = "" if known["ece"] is None else f", off by {known['ece']:.3f} on average"
    return Trust(True, f"calibrated ({known['method']}) on {known['pictures']:,} labelled pictures{error}")
