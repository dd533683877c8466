"""From a name to a detector or an embedder of faces that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from compoundeye.models._card import Card, Precision
from compoundeye.models._catalogue import card as card_of
from compoundeye.models._face_detect import FaceDetector
from compoundeye.models._face_embed import FaceEmbedder, sface_graph
from compoundeye.models._graph_cache import cached_graph
from compoundeye.models._load_detector import Settings, identity, supported
from compoundeye.models._precision import choose_precision
from compoundeye.models._runtime import Runtime, open_onnx
from compoundeye.models._weights import weights
from compoundeye.records import EyeError, Progress

_DETECTED_AT_ONCE, _SMALL_AT_ONCE = (1,), (8, 3, 1)
"""A picture of usual size costs the same alone; of 160 x 160 pixels, of which there are three ways to turn a face, each
costs two thirds of that in threes and less in eights."""
_SMALL = 320 * 320
_EMBEDDED_AT_ONCE = (8, 4, 2, 1)
"""Eight faces at a time cost least each (``benchmarks/face_pipeline.py``); two and four are common in one picture."""


def load_face_detector(
    name: str = "yunet",
    *,
    device: str = "cpu",
    precision: str = "auto",
    threads: int = 1,
    progress: Progress | None = None,
) -> FaceDetector:
    """Load a detector of faces, fetching its weights the first time.

    Args:
        name: a model of the catalogue whose task is "face-detect".
        device: "cpu" or "cuda".
        precision: "fp32", "bf16" (fp32 where the processor lacks it), or "auto": bf16 where it is supported and its
            measured loss on this model is negligible.
        threads: processor threads of one call.
        progress: told (bytes so far, bytes in all) while weights are fetched.

    Raises:
        EyeError: no such model, device or precision, or a package for it is missing.
        WeightsError: the weights cannot be had or are not what they should be.
    """
    card = _card(name, "face-detect", "finds faces")
    settings = Settings(device, precision, threads)
    return FACE_LOADERS[card.architecture](card, weights(card, progress), settings)


def load_face_embedder(
    name: str = "sface",
    *,
    device: str = "cpu",
    precision: str = "auto",
    threads: int = 1,
    progress: Progress | None = None,
) -> FaceEmbedder:
    """Load an embedder of faces, fetching its weights the first time.

    Args and errors are those of ``load_face_detector``; the model's task is "face-embed".
    """
    card = _card(name, "face-embed", "tells one face from another")
    path = weights(card, progress)
    graph = cached_graph(
        path.with_suffix(".bytes.onnx"),
        lambda: sface_graph(path.read_bytes(), card.input_size),
        ("_face_embed.py", "_detect_graph.py"),
    )
    network = _open(card, graph, Settings(device, precision, threads), _EMBEDDED_AT_ONCE)
    return FaceEmbedder(card, identity(card), network)


def _card(name: str, task: str, does: str) -> Card:
    card = card_of(name)
    if card.task != task:
        raise EyeError(f"{name} is no model that {does}: choose one whose task is {task}; 'eye models' lists all")
    return card


def _load_yunet(card: Card, path: Path, settings: Settings) -> FaceDetector:
    from compoundeye.models._yunet import STRIDES, YUNET_IOU, yunet_graph, yunet_read

    published = path.read_bytes()

    def network(width: int, height: int) -> Runtime:
        sizes = _SMALL_AT_ONCE if width * height <= _SMALL else _DETECTED_AT_ONCE
        return _open(card, yunet_graph(published, (width, height)), settings, sizes)

    return FaceDetector(card, identity(card), network, yunet_read, YUNET_IOU, step=max(STRIDES), landmarks=True)


def _load_ultraface(card: Card, path: Path, settings: Settings) -> FaceDetector:
    from compoundeye.models._ultraface import STEP, ULTRAFACE_IOU, ultraface_graph, ultraface_read

    published = path.read_bytes()

    def network(width: int, height: int) -> Runtime:
        return _open(card, ultraface_graph(published, (width, height)), settings, _DETECTED_AT_ONCE)

    return FaceDetector(card, identity(card), network, ultraface_read, ULTRAFACE_IOU, step=STEP, landmarks=False)


FACE_LOADERS: Mapping[str, Callable[[Card, Path, Settings], FaceDetector]] = {
    "yunet": _load_yunet,
    "ultraface": _load_ultraface,
}


def _open(card: Card, graph: bytes, settings: Settings, sizes: tuple[int, ...]) -> Runtime:
    precision: Precision = choose_precision(card, settings.precision, supported(settings))
    return open_onnx(graph, device=settings.device, precision=precision, threads=settings.threads, sizes=sizes)
