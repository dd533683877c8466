"""The three ways to a category, behind one call: a trained classifier, examples, or words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from compoundeye.categorise._answers import Answers
from compoundeye.categorise._calibrate import Calibration
from compoundeye.categorise._hedge import LEAST_BITS, Hedge
from compoundeye.categorise._look import Looked
from compoundeye.categorise._neighbours import Guard, Neighbours
from compoundeye.categorise._probe import Probe
from compoundeye.models import Labels

Floats = npt.NDArray[np.floating[Any]]
Float32 = npt.NDArray[np.float32]


class Rule(Protocol):
    """From what a model saw to answers. Pure and picklable."""

    @property
    def needs_logits(self) -> bool:
        """Whether embeddings alone do not do, so that the picture has to be looked at."""

    def answer(self, seen: Looked) -> Answers:
        """Answers to N pictures; those of pictures that could not be looked at mean nothing."""


@dataclass(frozen=True, slots=True)
class ByLabels:
    """The model's own labels, or what is above them in their tree."""

    calibration: Calibration
    threshold: float
    least_bits: float = LEAST_BITS
    needs_logits: bool = True

    def answer(self, seen: Looked) -> Answers:
        """See `Rule.answer`."""
        labels = seen.labels
        assert seen.logits is not None
        assert labels is not None
        probabilities = self.calibration.probabilities(seen.logits)
        best = probabilities.argmax(axis=1).astype(np.int32)
        sure = probabilities.max(axis=1, initial=0.0).astype(np.float32)
        nobody = np.zeros(len(best), np.bool_)
        if labels.tree is None:
            return Answers(labels.names, np.where(sure >= self.threshold, best, -1), sure, best, sure, nobody)
        node, of_node = _hedge(labels, self.least_bits)(probabilities, self.threshold)
        return Answers(labels.tree.names, node, of_node, labels.tree.leaf[best], sure, nobody)


@lru_cache(maxsize=4)
def _hedge(labels: Labels, least_bits: float) -> Hedge:
    assert labels.tree is not None
    return Hedge(labels.tree, least_bits)


@dataclass(frozen=True, slots=True, eq=False)
class ByExamples:
    """A person's own categories, learnt from examples of each (see ``_learn.py``)."""

    names: tuple[str, ...]
    centre: Float32
    """[D] mean of the examples' unit embeddings."""
    classifier: Probe | Neighbours
    calibration: Calibration
    guard: Guard
    thresholds: npt.NDArray[np.float64]
    """[K] on the calibrated confidence."""
    needs_logits: bool = False

    def answer(self, seen: Looked) -> Answers:
        """See `Rule.answer`."""
        features = centred(seen.embedding, self.centre)
        probabilities = self.calibration.probabilities(self.classifier.logits(features))
        best = probabilities.argmax(axis=1).astype(np.int32)
        sure = self.calibration.confidence(probabilities.max(axis=1, initial=0.0))
        strange = self.guard.strange(features)
        said = (sure >= self.thresholds[best]) & ~strange
        confidence = sure.astype(np.float32)
        return Answers(self.names, np.where(said, best, -1).astype(np.int32), confidence, best, confidence, strange)


@dataclass(frozen=True, slots=True, eq=False)
class ByText:
    """Categories named in words: the nearest text in the space that pictures and texts share (Radford et al. 2021)."""

    names: tuple[str, ...]
    texts: Float32
    """[K, D], rows of length 1."""
    scale: float
    bias: float
    independent: bool
    """Each text alone (SigLIP) rather than one of them (CLIP)."""
    calibration: Calibration
    threshold: float
    needs_logits: bool = False

    def logits(self, embedding: Floats) -> Float32:
        """How well each picture [N, D] fits each text: [N, K]."""
        return np.asarray(unit(embedding) @ self.texts.T * np.float32(self.scale) + np.float32(self.bias), np.float32)

    def answer(self, seen: Looked) -> Answers:
        """See `Rule.answer`."""
        fit = self.logits(seen.embedding)
        if self.independent:
            probabilities = 1 / (1 + np.exp(np.clip(-fit / self.calibration.temperature, -80, 80)))
        else:
            probabilities = self.calibration.probabilities(fit)
        best = probabilities.argmax(axis=1).astype(np.int32)
        sure = self.calibration.confidence(probabilities.max(axis=1, initial=0.0)).astype(np.float32)
        nobody = np.zeros(len(best), np.bool_)
        category = np.where(sure >= self.threshold, best, -1).astype(np.int32)
        return Answers(self.names, category, sure, best, sure, nobody)


def unit(rows: Floats) -> Float32:
    """Rows [N, D] scaled to length 1 in float32; rows of zeros stay."""
    exact = np.asarray(rows, np.float32)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    return np.asarray(exact / np.where(lengths == 0, 1, lengths), np.float32)


def centred(embedding: Floats, centre: Float32) -> Float32:
    """Directions seen from the middle of the examples [N, D]: raw features of a network share a large mean."""
    return unit(unit(embedding) - centre)
