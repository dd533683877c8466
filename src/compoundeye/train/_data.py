"""From settings to what a loader needs: corpora at their versions, the order, the targets and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compoundeye.corpus import Corpus, Order, Targets, balanced, mixture, targets, training_order
from compoundeye.records import EyeError
from compoundeye.train._settings import Data, Settings, Source


@dataclass(frozen=True, slots=True)
class Material:
    """What a run learns from, or is measured on."""

    corpora: tuple[Corpus, ...]
    order: Order
    targets: tuple[Targets, ...] | None
    names: tuple[str, ...] = ()
    """Classes, in the order of their numbers."""
    numbers: tuple[NDArray[np.int64], ...] = field(default=())
    """For each corpus: the number here of each of its own classes."""

    def renumbered(self, found: NDArray[np.int64], sources: NDArray[np.int16]) -> NDArray[np.int64]:
        """Class numbers of the corpora [n] as numbers here; -1, and what only another corpus knows, stay -1."""
        if len(self.corpora) == 1:
            return self.numbers[0][found]
        return np.array([self.numbers[s][t] for s, t in zip(sources, found, strict=True)], np.int64)


def pinned(settings: Settings) -> Settings:
    """The same settings with the version of every corpus in them, and with paths that hold elsewhere too.

    Raises:
        CorpusError: a corpus is not there.
    """
    data, validation = settings.data, settings.validation
    held = validation.corpora or (data.corpora if validation.where is not None else ())
    known: dict[str, int] = {}
    update = {
        "data": data.model_copy(update={"corpora": tuple(_pinned(source, known) for source in data.corpora)}),
        "validation": validation.model_copy(update={"corpora": tuple(_pinned(source, known) for source in held)}),
    }
    return settings.model_copy(update=update)


def unversioned(settings: Settings) -> Settings:
    """The same settings without the versions of corpora."""
    parts = {
        name: part.model_copy(
            update={"corpora": tuple(source.model_copy(update={"version": None}) for source in part.corpora)}
        )
        for name, part in (("data", settings.data), ("validation", settings.validation))
    }
    return settings.model_copy(update=parts)


def training(settings: Settings) -> Material:
    """What is learnt from.

    Raises:
        EyeError: no pictures, no classes, or no such column.
    """
    return _material(settings.data.corpora, settings.data, settings.data.where, settings.seed, None)


def validation(settings: Settings, names: Sequence[str]) -> Material | None:
    """What is measured on, with the classes of the training, in corpus order; None if the recipe has none."""
    held = settings.validation
    if not held.corpora:
        return None
    return _material(held.corpora, settings.data, held.where, settings.seed, names)


def _material(
    sources: Sequence[Source], data: Data, where: str | None, seed: int, names: Sequence[str] | None
) -> Material:
    """With ``names``, the classes of a training, it is what that is measured on: in corpus order, and all of it."""
    learns = names is None
    narrowed: dict[str, Any] = {}
    if learns:
        category = list(data.category) if isinstance(data.category, tuple) else data.category
        narrowed = {"category": category, "min_confidence": data.min_confidence, "name": data.result}
    corpora = tuple(Corpus.open(source.path, version=source.version) for source in sources)
    orders = []
    for source, corpus in zip(sources, corpora, strict=True):
        condition = " AND ".join(f"({one})" for one in (where, source.where) if one) or None
        if learns and data.balanced:
            orders.append(balanced(corpus, data.target, seed=seed, where=condition, **narrowed))
        else:
            lanes = data.lanes if learns else 1
            order = training_order(corpus, seed=seed, where=condition, lanes=lanes, shuffle=learns, **narrowed)
            orders.append(order)
        if not orders[-1].rows:
            raise EyeError(f"no picture of {source.path} fits {condition or 'the order'}; `eye search` shows what does")
    order = orders[0] if len(orders) == 1 else mixture(_weighted(orders, sources), seed)
    if data.target == "none":
        return Material(corpora, order, None)
    found = tuple(targets(corpus, data.target) for corpus in corpora)
    if data.target == "caption":
        return Material(corpora, order, found)
    if names is None:
        names = sorted({name for one in found for name in one.names})
        if len(names) < 2:
            raise EyeError(
                f"target {data.target!r} of {sources[0].path} has {len(names)} classes, and learning needs two: "
                "set data.target to folder, label, metadata.KEY or a result's name"
            )
    place = {name: number for number, name in enumerate(names)}
    # The last entry is what -1 looks up.
    numbers = tuple(np.array([*(place.get(name, -1) for name in one.names), -1], np.int64) for one in found)
    return Material(corpora, order, found, tuple(names), numbers)


def _weighted(orders: Sequence[Order], sources: Sequence[Source]) -> list[tuple[Order, float]]:
    return [(order, source.weight) for order, source in zip(orders, sources, strict=True)]


def _pinned(source: Source, known: dict[str, int]) -> Source:
    corpus = Corpus.open(source.path, version=source.version)
    # One corpus in both roles is looked at in one version, even if somebody adds to it in between.
    version = known.setdefault(corpus.path, corpus.version)
    return source.model_copy(update={"path": corpus.path, "version": source.version or version})
