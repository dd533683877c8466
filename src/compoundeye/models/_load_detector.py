"""From a name to a detector that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compoundeye.models._card import Card, Precision
from compoundeye.models._catalogue import card as card_of
from compoundeye.models._class_names import CLASS_NAMES
from compoundeye.models._detect import Detector
from compoundeye.models._detect_heads import Dense
from compoundeye.models._detect_views import CutViews, OneView, View
from compoundeye.models._graph_cache import cached_graph
from compoundeye.models._letterbox import Letterbox
from compoundeye.models._precision import choose_precision
from compoundeye.models._runtime import Runtime, open_onnx
from compoundeye.models._weights import weights
from compoundeye.records import EyeError, ModelIdentity, Progress

_SIZES = (1,)
"""Pictures in one run on a CPU: detectors look at so many pixels that company saves nothing, and each would wait for it
(``benchmarks/detectors.py``)."""

# The suppression in the published file of YOLOX: iou_threshold of its NonMaxSuppression.
_YOLOX_IOU = 0.65
# The suppression at the end of the published files of EfficientDet-Lite: nms_iou_threshold.
_EFFICIENTDET_IOU = 0.5
# MEAN_RGB of the Lite models (efficientdet_lite's hparams in github.com/google/automl): pictures are padded after it
# was taken off, so with what stands for zero.
_EFFICIENTDET_FILL = 127
# letterbox_image and yolo_eval of github.com/qqwweee/keras-yolo3 (yolo3/utils.py, model.py), from which the file of the
# ONNX Model Zoo was converted.
_KERAS_FILL = 128
_KERAS_IOU = 0.5
# detector.c of github.com/AlexeyAB/darknet, test_detector: nms = .45
_DARKNET_IOU = 0.45


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
        name: a model of the catalogue whose task is "detect", or the path of an ONNX file: YOLOX, RT-DETR, D-FINE,
            RF-DETR or a torchvision model as their own exporters write them, names of the classes beside it (see
            ``load_detector_file``).
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
    if name.endswith(".onnx") or Path(name).is_file():
        return _load_file(Path(name).expanduser(), settings)
    card = card_of(name)
    if card.task != "detect":
        raise EyeError(f"{name} says what a picture is, not where things are: choose a model whose task is detect")
    return DETECTOR_LOADERS[card.architecture](card, weights(card, progress), settings)


def _load_yolox(card: Card, path: Path, settings: Settings) -> Detector:
    from compoundeye.models._yolox import STRIDES, yolox_decode, yolox_graph

    def view(width: int, height: int) -> View:
        size = (width, height)
        graph = cached_graph(
            path.with_name(f"{path.stem}.{width}x{height}.onnx"),
            lambda: yolox_graph(path.read_bytes(), size, len(names_of(card))),
            ("_yolox.py", "_detect_graph.py"),
        )
        return View(Letterbox(*size, "corner"), _open(card, graph, settings), Dense(yolox_decode(size)))

    views = CutViews(view, card.input_size, max(STRIDES))
    return Detector(card, identity(card), names_of(card), views, _YOLOX_IOU)


def _load_darknet(card: Card, path: Path, settings: Settings) -> Detector:
    from compoundeye.models._darknet import read_darknet
    from compoundeye.models._yolo_head import yolo_decode

    network = read_darknet((path.parent / card.beside[0].name).read_text("utf-8"), path.read_bytes())
    head = Dense(yolo_decode(network.maps, network.size))
    runtime = _open(card, network.graph, settings)
    view = OneView(View(Letterbox(*network.size, "stretch"), runtime, head))
    return Detector(card, identity(card), names_of(card), view, _DARKNET_IOU)


def _load_tiny_yolov3(card: Card, path: Path, settings: Settings) -> Detector:
    from compoundeye.models._tiny_yolov3 import tiny_yolov3_graph, tiny_yolov3_maps
    from compoundeye.models._yolo_head import yolo_decode

    size = (card.input_size, card.input_size)
    graph = cached_graph(
        path.with_suffix(".raw.onnx"),
        lambda: tiny_yolov3_graph(path.read_bytes(), size, len(names_of(card))),
        ("_tiny_yolov3.py", "_yolo_head.py", "_detect_graph.py"),
    )
    head = Dense(yolo_decode(tiny_yolov3_maps(size), size))
    runtime = _open(card, graph, settings)
    letterbox = Letterbox(*size, "centre", _KERAS_FILL)
    view = OneView(View(letterbox, runtime, head))
    return Detector(card, identity(card), names_of(card), view, _KERAS_IOU)


def _load_efficientdet(card: Card, path: Path, settings: Settings) -> Detector:
    from compoundeye.models._efficientdet import EfficientDetHead, TfliteNetwork, cut_tflite

    if settings.device != "cpu":
        raise EyeError(f"{card.name} runs in LiteRT on a CPU only: choose another detector for {settings.device}")
    choose_precision(card, settings.precision, {"fp32"})
    part = cut_tflite(path.read_bytes())
    network = TfliteNetwork(part.network, settings.threads)
    head = EfficientDetHead(network, part.anchors, card.input_size)
    letterbox = Letterbox(card.input_size, card.input_size, "corner", _EFFICIENTDET_FILL)
    view = OneView(View(letterbox, network, head))
    return Detector(card, identity(card), names_of(card), view, _EFFICIENTDET_IOU)


DETECTOR_LOADERS: Mapping[str, Callable[[Card, Path, Settings], Detector]] = {
    "yolox-mmdeploy": _load_yolox,
    "darknet": _load_darknet,
    "tiny-yolov3": _load_tiny_yolov3,
    "efficientdet-lite": _load_efficientdet,
}


def _load_file(path: Path, settings: Settings) -> Detector:
    from compoundeye.models._load_detector_file import load_detector_file

    return load_detector_file(
        path,
        device=settings.device,
        precision=lambda card: choose_precision(card, settings.precision, supported(settings)),
        threads=settings.threads,
    )


def identity(card: Card) -> ModelIdentity:
    """What predictions of a detector carry."""
    return ModelIdentity(card.name, card.version, card.sha256)


def names_of(card: Card) -> tuple[str, ...]:
    """Names of the classes of a detector of the catalogue."""
    assert card.labels is not None  # every card of this task has them
    return CLASS_NAMES[card.labels]


def _open(card: Card, graph: bytes, settings: Settings) -> Runtime:
    precision = choose_precision(card, settings.precision, supported(settings))
    return open_onnx(graph, device=settings.device, precision=precision, threads=settings.threads, sizes=_SIZES)


def supported(settings: Settings) -> frozenset[Precision]:
    """Precisions that the chosen device has instructions for."""
    if settings.device != "cpu":
        return frozenset({"fp32"})
    from compoundeye.models._openvino import supported_precisions

    return supported_precisions()
