"""Pictures through a model: decoded straight into the batch, and those that cannot be looked at named, not dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from compoundeye.models import Labels, Outputs, Vision, catalogue, load
from compoundeye.pixels import PictureError
from compoundeye.records import EyeError

CHUNK = 256
"""Pictures whose outputs are handed on together: enough to make the cost of numpy calls vanish, 1 MB of logits."""

RUN = 64
"""Pictures decoded in one go, then run in one go: decoder and network each find their code and data in the caches."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model, so exactly that every worker loads the same. Picklable."""

    name: str
    """Of the catalogue, or the absolute path of a folder."""
    precision: str
    digest: str


_loaded: dict[ModelRef, Vision] = {}


def vision(ref: ModelRef) -> Vision:
    """The model, loaded once a process, on one thread.

    Raises:
        EyeError: this machine's weights or arithmetic are not those that the job began with.
    """
    if ref not in _loaded:
        found = load(ref.name, precision=ref.precision, threads=1)
        if found.identity.digest != ref.digest:
            raise EyeError(f"the weights of {ref.name} here are not those that the job began with; fetch the same ones")
        if found.precision != ref.precision:
            raise EyeError(
                f"{ref.name} cannot run in {ref.precision} on this machine; use machines of one kind for a job"
            )
        return _kept(ref, found)
    return _loaded[ref]


def reference(name: str) -> tuple[ModelRef, Vision]:
    """The exact reference of a model by name or folder, and the model, loaded here."""
    exact = str(Path(name).resolve()) if name not in catalogue() and Path(name).is_dir() else name
    found = load(exact, threads=1)
    ref = ModelRef(exact, found.precision, found.identity.digest)
    return ref, _kept(ref, found)


def _kept(ref: ModelRef, found: Vision) -> Vision:
    """One model a process: a worker that goes on to another job has no use for the last one."""
    if ref not in _loaded:
        _loaded.clear()
        _loaded[ref] = found
    return _loaded[ref]


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
    while reasons := batch.fill(stream):
        collected.add(reasons, *batch.run(reasons))
        if len(collected.reason) + batch.size > chunk:
            yield collected.finish()
            collected = _Chunk(model, chunk)
    if collected.reason:
        yield collected.finish()


def run_size(model: Vision) -> int:
    """Pictures in one run: about `RUN`, in whole batches of the model."""
    return max(1, RUN // model.batch_size) * model.batch_size


class _Chunk:
    """Outputs collected until they are worth handing on."""

    def __init__(self, model: Vision, size: int) -> None:
        self._embedding = np.zeros((max(size, run_size(model)), model.card.embedding_dim), np.float16)
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
        self.size = run_size(model)
        side = model.input_size
        self._model = model
        self._pixels = np.empty((self.size, side, side, 3), np.uint8)

    def fill(self, stream: Iterator[bytes]) -> list[str | None]:
        """Decode the next pictures, each as it is read; the reason of each, or None. Empty at the end of the stream."""
        reasons: list[str | None] = []
        good = 0
        for data in islice(stream, self.size):
            try:
                self._model.prepare(data, self._pixels[good])
            except PictureError as error:
                reasons.append(str(error))
            else:
                reasons.append(None)
                good += 1
        return reasons

    def run(self, reasons: list[str | None]) -> tuple[list[int], Outputs | None]:
        """Places of the pictures that the model answered, and its answers; reasons of the others are filled in."""
        good = [place for place, reason in enumerate(reasons) if reason is None]
        if not good:
            return good, None
        outputs = _attempt(self._model, self._pixels[: len(good)])
        if isinstance(outputs, Outputs) and _finite(outputs).all():
            return good, outputs
        return self._one_by_one(reasons, good)

    def _one_by_one(self, reasons: list[str | None], good: list[int]) -> tuple[list[int], Outputs | None]:
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
        return kept, _joined(parts) if parts else None


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
