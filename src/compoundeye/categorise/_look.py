"""Pictures through a model: decoded straight into the batch, and those that cannot be looked at named, not dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.models import Labels, Outputs, Vision, load
from compoundeye.pixels import PictureError
from compoundeye.records import EyeError

CHUNK = 256
"""Pictures whose outputs are handed on together: enough to make the cost of numpy calls vanish, 1 MB of logits."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model, so exactly that every worker loads the same. Picklable."""

    name: str
    """Of the catalogue, or the absolute path of a folder."""
    precision: str
    digest: str


@lru_cache(maxsize=2)
def vision(ref: ModelRef) -> Vision:
    """The model, loaded once a process, on one thread.

    Raises:
        EyeError: this machine's weights or arithmetic are not those that the job began with.
    """
    found = load(ref.name, precision=ref.precision, threads=1)
    if found.identity.digest != ref.digest:
        raise EyeError(f"the weights of {ref.name} here are not those that the job began with; fetch the same ones")
    if found.precision != ref.precision:
        raise EyeError(f"{ref.name} cannot run in {ref.precision} on this machine; use machines of one kind for a job")
    return found


def reference(name: str) -> tuple[ModelRef, Vision]:
    """The exact reference of a model by name or folder, and the model, loaded here."""
    exact = str(Path(name).resolve()) if Path(name).is_dir() else name
    found = load(exact, threads=1)
    return ModelRef(exact, found.precision, found.identity.digest), found


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What a model makes of N pictures; rows of those with a reason hold zeros."""

    embedding: npt.NDArray[np.float16]
    """[N, D]: as the corpus keeps it, so that whoever starts from there comes to the same answers."""
    logits: npt.NDArray[np.float32] | None
    """[N, K]."""
    labels: Labels | None
    """What the logits are called."""
    reason: list[str | None]
    """Why a picture could not be looked at, or None."""

    def __len__(self) -> int:
        return len(self.reason)


def look(model: Vision, pictures: Iterable[bytes], chunk: int = CHUNK) -> Iterator[Looked]:
    """Look at pictures in order; memory is one batch of pixels and one chunk of outputs."""
    batch, collected = _Batch(model), _Chunk(model, chunk)
    stream = iter(pictures)
    while some := list(islice(stream, model.batch_size)):
        collected.add(*batch.run(some))
        if len(collected.reason) + model.batch_size > chunk:
            yield collected.finish()
            collected = _Chunk(model, chunk)
    if collected.reason:
        yield collected.finish()


class _Chunk:
    """Outputs collected until they are worth handing on."""

    def __init__(self, model: Vision, size: int) -> None:
        self._embedding = np.zeros((max(size, model.batch_size), model.card.embedding_dim), np.float16)
        self._labels = labels = model.labels
        self._logits = None if labels is None else np.zeros((len(self._embedding), len(labels)), np.float32)
        self.reason: list[str | None] = []

    def add(self, reasons: list[str | None], good: list[int], outputs: Outputs | None) -> None:
        start = len(self.reason)
        self.reason += reasons
        if outputs is None:
            return
        rows = start + np.array(good)
        self._embedding[rows] = outputs.embedding
        if self._logits is not None and outputs.logits is not None:
            self._logits[rows] = outputs.logits

    def finish(self) -> Looked:
        count = len(self.reason)
        logits = None if self._logits is None else self._logits[:count]
        return Looked(self._embedding[:count], logits, self._labels, self.reason)


class _Batch:
    """One buffer of pixels, filled and run again and again."""

    def __init__(self, model: Vision) -> None:
        side = model.input_size
        self._model = model
        self._pixels = np.empty((model.batch_size, side, side, 3), np.uint8)

    def run(self, pictures: list[bytes]) -> tuple[list[str | None], list[int], Outputs | None]:
        """Reason of each picture or None, places of the good ones, and the outputs of those, in their order."""
        reasons: list[str | None] = [None] * len(pictures)
        good: list[int] = []
        for place, data in enumerate(pictures):
            try:
                self._model.prepare(data, self._pixels[len(good)])
            except PictureError as error:
                reasons[place] = str(error)
            else:
                good.append(place)
        if not good:
            return reasons, good, None
        outputs = _attempt(self._model, self._pixels[: len(good)])
        if isinstance(outputs, Outputs) and _finite(outputs).all():
            return reasons, good, outputs
        return self._one_by_one(reasons, good)

    def _one_by_one(
        self, reasons: list[str | None], good: list[int]
    ) -> tuple[list[str | None], list[int], Outputs | None]:
        """Something in this batch upset the model: find out which pictures did."""
        kept: list[int] = []
        parts: list[Outputs] = []
        for slot, place in enumerate(good):
            outputs = _attempt(self._model, self._pixels[slot : slot + 1])
            if not isinstance(outputs, Outputs):
                reasons[place] = f"model failed ({outputs})"
            elif not _finite(outputs).all():
                reasons[place] = "model gave no finite answer"
            else:
                kept.append(place)
                parts.append(outputs)
        return reasons, kept, _joined(parts) if parts else None


def _attempt(model: Vision, pixels: npt.NDArray[np.uint8]) -> Outputs | str:
    """Outputs, or the name of what went wrong. Running out of memory is the machine's trouble, not a picture's."""
    try:
        return model(pixels)
    except MemoryError:
        raise
    except Exception as error:
        return type(error).__name__


def _finite(outputs: Outputs) -> npt.NDArray[np.bool_]:
    # float16 ends at 65,504: an embedding beyond it would be kept as infinity.
    with np.errstate(over="ignore"):
        fine = np.isfinite(outputs.embedding.astype(np.float16)).all(axis=1)
    return np.asarray(fine if outputs.logits is None else fine & np.isfinite(outputs.logits).all(axis=1))


def _joined(parts: list[Outputs]) -> Outputs:
    logits: Any = None if parts[0].logits is None else np.concatenate([p.logits for p in parts if p.logits is not None])
    return Outputs(np.concatenate([part.embedding for part in parts]), logits)
