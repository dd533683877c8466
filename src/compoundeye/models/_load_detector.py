"""From a name to a detector that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compoundeye.models._card import Card, Precision
from compoundeye.models._catalogue import card as card_of
from compoundeye.models._class_names import CLASS_NAMES
from compoundeye.models._detect import Detector
from compoundeye.models._detect_heads import dense
from compoundeye.models._graph_cache import cached_graph
from compoundeye.models._letterbox import Letterbox
from compoundeye.models._precision import choose_precision
from compoundeye.models._runtime import open_onnx
from compoundeye.models._weights import weights
from compoundeye.records import EyeError, ModelIdentity, Progress

# The suppression in the published file of YOLOX: iou_threshold of its NonMaxSuppression.
_YOLOX_IOU = 0.65


@dataclass(frozen=True, slots=True)
class Settings:
    """How a detector is to run."""

    device: str
    precision: str
    threads: int


def load_detector(
    name: str = "yolox-tiny-humanart",
    *,
    device: str = "cpu",
    precision: str = "auto",
    threads: int = 1,
    progress: Progress | None = None,
) -> Detector:
    """Load a detector, fetching its weights the first time.

    Args:
        name: a model of the catalogue whose task is "detect".
        device: "cpu" or "cuda".
        precision: "fp32", "bf16" (fp32 where the processor lacks it), or "auto": bf16 where it is supported and its
            measured loss on this model is negligible.
        threads: processor threads of one call.
        progress: told (bytes so far, bytes in all) while weights are fetched.

    Raises:
        EyeError: no such model, device or precision, or a package for it is missing.
        WeightsError: the weights cannot be had or are not what they should be.
    """
    settings = Settings(device, precision, threads)
    card = card_of(name)
    if card.task != "detect":
        raise EyeError(f"{name} says what a picture is, not where things are: choose a model whose task is detect")
    return DETECTOR_LOADERS[card.architecture](card, weights(card, progress), settings)


def _load_yolox(card: Card, path: Path, settings: Settings) -> Detector:
    def build() -> bytes:
        from compoundeye.models._yolox import yolox_graph

        return yolox_graph(path.read_bytes(), card.input_size, len(_names(card)))

    graph = cached_graph(path.with_suffix(".raw.onnx"), build, ("_yolox.py", "_detect_graph.py"))
    runtime = open_onnx(graph, device=settings.device, precision=_precision(card, settings), threads=settings.threads)
    letterbox = Letterbox(card.input_size, card.input_size, "corner")
    return Detector(card, _identity(card), _names(card), runtime, letterbox, dense, _YOLOX_IOU)


DETECTOR_LOADERS: Mapping[str, Callable[[Card, Path, Settings], Detector]] = {
    "yolox-mmdeploy": _load_yolox,
}


def _identity(card: Card) -> ModelIdentity:
    return ModelIdentity(card.name, card.version, card.sha256)


def _names(card: Card) -> tuple[str, ...]:
    assert card.labels is not None  # every card of this task has them
    return CLASS_NAMES[card.labels]


def _precision(card: Card, settings: Settings) -> Precision:
    if settings.device != "cpu":
        return choose_precision(card, settings.precision, {"fp32"})
    from compoundeye.models._openvino import supported_precisions

    return choose_precision(card, settings.precision, supported_precisions())
