"""Pictures whose category their neighbours do not share: each is compared with examples of every category.

The comparison is that of `eye categorise --examples` with nearest neighbours: unit embeddings seen from the middle of
the examples, and of each category the mean weight of its ten most similar ones, the picture itself left out. All
pictures are looked at; examples are at most some 4,000 (or eleven of each category), those that people labelled first:
Cost: some 1,000 pictures of 1,280 numbers a second on two cores with a thousand categories, and memory that does not
grow with the pictures but for six bytes each. `benchmarks/console_review.py` measures it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from compoundeye.categorise import Neighbours, centred, nearness, unit
from compoundeye.console._column import Flags
from compoundeye.corpus import Corpus, names_below
from compoundeye.records import EyeError, Progress

K = 10
EXAMPLES = 4_096
"""Of all categories together, as many as `eye categorise` compares with; but `K` + 1 of each at least."""
MOST = 20_000
"""Pictures that are listed: those that their neighbours contradict most."""
FILE = "disagree.npz"

_BATCH = 1_024
_IN_SMALL_BITES = {"batch_size": _BATCH, "batch_readahead": 2, "fragment_readahead": 1, "io_buffer_size": 64 << 20}

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What came of it, the strongest disagreement first."""

    rows: npt.NDArray[np.uint32]
    """[n] row numbers of the version that was looked at."""
    ids: npt.NDArray[np.uint8]
    """[n, 16]."""
    score: Floats
    """[n] by how much the neighbours favour theirs: a difference of probabilities."""
    theirs: tuple[str, ...]
    """[n] what the neighbours are."""


def find_disagreements(tell: Progress, folder: str, path: str, version: int, name: str) -> None:
    """`disagreements` of a version, into a file: what runs in a process of its own."""
    found = disagreements(Corpus.open(path, version=version), name, tell)
    theirs = np.array(found.theirs, np.str_)
    np.savez(Path(folder) / FILE, rows=found.rows, ids=found.ids, score=found.score, theirs=theirs)


def read_found(folder: Path) -> Found:
    """What `find_disagreements` wrote."""
    with np.load(folder / FILE, allow_pickle=False) as file:
        return Found(file["rows"], file["ids"], file["score"], tuple(file["theirs"].tolist()))


def disagreements(corpus: Corpus, name: str, progress: Progress | None = None) -> Found:
    """Pictures that nobody has labelled, and whose category their neighbours do not share.

    Args:
        corpus: opened at the version to look at.
        name: which result of categorising; a person's label counts before it.
        progress: told of pictures looked at, of all.

    Raises:
        EyeError: no embeddings, no such result, or fewer than two categories.
    """
    if not corpus.has_column("embedding") or not corpus.has_column(name):
        raise EyeError("neighbours are known by embeddings and categories: run `eye categorise` first")
    names, codes, labelled, sure = _categories(corpus, name)
    if len(names) < 2:
        raise EyeError("there are fewer than two categories, so nothing can disagree")
    examples = _examples(codes, labelled, sure, len(names))
    vectors = _vectors(corpus.dataset.take(examples.tolist(), columns=["embedding"])["embedding"].combine_chunks())
    known = np.isfinite(vectors).all(axis=1) & (np.abs(vectors).sum(axis=1) > 0)
    examples, features = examples[known], unit(vectors[known])
    centre = np.asarray(features.mean(axis=0))
    judge = _Judge(Neighbours(centred(features, centre), codes[examples], len(names), K), examples, centre)
    agrees = _agreement(corpus, name, names)
    best, done = _Best(), 0
    for rows, embedding in _batches(corpus):
        mine = (codes[rows] >= 0) & ~labelled[rows]
        done += len(rows)
        if mine.any():
            best.add(rows[mine], *judge(rows[mine], _vectors(embedding)[mine], codes[rows[mine]], agrees))
        if progress is not None:
            progress(done, len(codes))
    rows, score, theirs = best.finish()
    ids = corpus.dataset.take(rows.tolist(), columns=["id"])["id"].to_pylist()
    whole = np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16)
    return Found(rows.astype(np.uint32), whole, score, tuple(names[code] for code in theirs.tolist()))


def _categories(corpus: Corpus, name: str) -> tuple[list[str], Codes, Flags, Floats]:
    """Names; of each row the place of its category (-1: none), whether a person said it, and how sure the model is."""
    columns = [one for one in (name, f"{name}_confidence", "label") if corpus.has_column(one)]
    places = dict[str, int]()
    codes, labelled, sure = list[Codes](), list[Flags](), list[Floats]()
    for batch in corpus.dataset.scanner(columns=columns, scan_in_order=True).to_batches():
        none = pa.nulls(batch.num_rows, pa.string())
        label = batch["label"] if "label" in columns else none
        shown = pc.coalesce(label, batch[name]).dictionary_encode()
        table = [places.setdefault(text, len(places)) for text in shown.dictionary.to_pylist()]
        codes.append(np.array([*table, -1], np.int32)[shown.indices.fill_null(len(table)).to_numpy()])
        labelled.append(label.is_valid().to_numpy(zero_copy_only=False))
        certain = batch[f"{name}_confidence"] if f"{name}_confidence" in columns else pa.nulls(batch.num_rows)
        sure.append(np.nan_to_num(certain.cast(pa.float32()).fill_null(0).to_numpy(zero_copy_only=False)))
    if not codes:
        return [], np.empty(0, np.int32), np.empty(0, np.bool_), np.empty(0, np.float32)
    return list(places), np.concatenate(codes), np.concatenate(labelled), np.concatenate(sure)


def _examples(codes: Codes, labelled: Flags, sure: Floats, classes: int) -> Ints:
    """Rows, ascending: of each category those that people labelled, then an even choice of the surer half."""
    quota, found = max(K + 1, EXAMPLES // classes), []
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(classes + 1))
    for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        mine = order[first:last]
        said, rest = mine[labelled[mine]], mine[~labelled[mine]]
        said = _even(said, quota)
        if len(rest) > 2 * quota:
            rest = rest[sure[rest] >= np.median(sure[rest])]
        found += [said, _even(rest, quota - len(said))]
    return np.sort(np.concatenate(found))


def _even(rows: Ints, most: int) -> Ints:
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _batches(corpus: Corpus) -> Iterator[tuple[Ints, pa.Array]]:
    first = 0
    scanner = corpus.dataset.scanner(columns=["embedding"], scan_in_order=True, **_IN_SMALL_BITES)
    for batch in scanner.to_batches():
        yield np.arange(first, first + batch.num_rows), batch["embedding"]
        first += batch.num_rows


def _vectors(column: pa.Array) -> Floats:
    """Float32 [n, D]; zeros where there is no embedding."""
    width = column.type.list_size
    flat = column.values.slice(column.offset * width, len(column) * width).to_numpy(zero_copy_only=False)
    vectors: Floats = flat.reshape(-1, width).astype(np.float32)
    vectors[~column.is_valid().to_numpy(zero_copy_only=False) | ~np.isfinite(vectors).all(axis=1)] = 0
    return vectors


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """Pictures against examples that they are not themselves."""

    neighbours: Neighbours
    examples: Ints
    """[E] rows, ascending."""
    centre: Floats

    def __call__(self, rows: Ints, vectors: Floats, own: Codes, agrees: Flags) -> tuple[Floats, Codes]:
        """By how much the neighbours favour another category [n] (not above 0: they do not), and which."""
        cosines = centred(vectors, self.centre) @ self.neighbours.examples.T
        place = np.searchsorted(self.examples, rows)
        itself = np.flatnonzero(self.examples[np.minimum(place, len(self.examples) - 1)] == rows)
        cosines[itself, place[itself]] = -np.inf
        with np.errstate(invalid="ignore"):  # a category whose only example is the picture itself says nothing
            near = nearness(cosines, self.neighbours.truth, self.neighbours.classes, self.neighbours.k)
        near[np.isnan(near)] = -np.inf
        weight = np.exp(near - near.max(axis=1, keepdims=True))
        share = weight / weight.sum(axis=1, keepdims=True)
        fits = agrees[own]
        best = np.where(fits, -1, share).argmax(axis=1)
        score = share[np.arange(len(rows)), best] - np.where(fits, share, 0).sum(axis=1)
        known = np.abs(vectors).sum(axis=1) > 0
        return np.where(known, score, -1).astype(np.float32), best.astype(np.int32)


def _agreement(corpus: Corpus, name: str, names: list[str]) -> Flags:
    """[K, K] which categories do not contradict each other: the same, or one below the other in the model's tree."""
    lower = {one.lower(): place for place, one in enumerate(names)}
    found = np.eye(len(names), dtype=np.bool_)
    for place, one in enumerate(names):
        below = [lower[other] for other in names_below(corpus, one, name) if other in lower]
        found[place, below] = found[below, place] = True
    return found


class _Best:
    """The `MOST` of highest score, whatever comes."""

    def __init__(self) -> None:
        self._parts: list[tuple[Ints, Floats, Codes]] = []
        self._held = 0

    def add(self, rows: Ints, score: Floats, theirs: Codes) -> None:
        kept = score > 0
        self._parts.append((rows[kept], score[kept], theirs[kept]))
        self._held += int(kept.sum())
        if self._held > 4 * MOST:
            self._parts = [self.finish()]
            self._held = len(self._parts[0][0])

    def finish(self) -> tuple[Ints, Floats, Codes]:
        none = np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int32)
        rows, score, theirs = (np.concatenate(parts) for parts in zip(none, *self._parts, strict=True))
        order = np.lexsort((rows, -score))[:MOST]
        return rows[order], score[order], theirs[order]
