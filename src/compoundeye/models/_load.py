"""From a name to a model that runs: fetch, build the graph, choose precision and runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compoundeye.models._card import Card, Precision
from compoundeye.models._catalogue import card as card_of
from compoundeye.models._catalogue import catalogue
from compoundeye.models._graph_cache import cached_graph
from compoundeye.models._hub import manifest_digest, read_hub
from compoundeye.models._labels import labels
from compoundeye.models._litert import LiteRT
from compoundeye.models._precision import choose_precision
from compoundeye.models._recipe import read_recipe
from compoundeye.models._runtime import Runtime, open_onnx
from compoundeye.models._vision import Prepare, UInt8, Vision
from compoundeye.models._weights import weights
from compoundeye.pixels import crop_box, crop_resize, framed
from compoundeye.records import EyeError, ModelIdentity, Progress

# Pixels of the EfficientNet-Lite files: MEAN_RGB and STDDEV_RGB of efficientnet_lite_builder.py.
_LITE_MEAN = 127.0
_LITE_DEVIATION = 128.0


@dataclass(frozen=True, slots=True)
class _Settings:
    device: str
    precision: str
    threads: int
    runtime: str | None


def load(
    name: str = "efficientnet-lite0",
    *,
    device: str = "cpu",
    precision: str = "auto",
    threads: int = 1,
    runtime: str | None = None,
    progress: Progress | None = None,
) -> Vision:
    """Load a picture model, fetching its weights the first time.

    Args:
        name: a model of the catalogue, or a folder with a model in the hub's layout (config.json, model.safetensors).
        device: "cpu" or "cuda".
        precision: "fp32", "bf16" (fp32 where the processor lacks it), or "auto": bf16 where it is supported and its
            measured loss on this model is negligible.
        threads: processor threads of one call.
        runtime: "openvino" or "onnxruntime" instead of the device's own, to compare them.
        progress: told (bytes so far, bytes in all) while weights are fetched.

    Raises:
        EyeError: no such model, device, precision or runtime, or a package for it is missing.
        WeightsError: the weights cannot be had or are not what they should be.
    """
    settings = _Settings(device, precision, threads, runtime)
    if name not in catalogue() and Path(name).is_dir():
        return _load_folder(Path(name), settings)
    found = card_of(name)
    if found.architecture not in _LOADERS:
        says = "where things are" if "detect" in found.task else "whose face it may be"
        raise EyeError(f"{name} says {says}, not what a picture is: choose a model of another task")
    return _LOADERS[found.architecture](found, weights(found, progress), settings)


def _load_lite(card: Card, path: Path, settings: _Settings) -> Vision:
    def build() -> bytes:
        from compoundeye.models._efficientnet import efficientnet_graph
        from compoundeye.models._torch_archive import read_state

        return bytes(efficientnet_graph(read_state(path), card.input_size).SerializeToString(deterministic=True))

    graph = cached_graph(path.with_suffix(".onnx"), build, ("_efficientnet.py", "_onnx.py", "_torch_archive.py"))
    return _vision(card, card.sha256, _open(card, graph, settings), _central_crop(card))


def _load_tflite(card: Card, path: Path, settings: _Settings) -> Vision:
    if settings.device != "cpu" or settings.runtime not in (None, "litert"):
        raise EyeError(f"{card.name} runs in LiteRT on a CPU only: load efficientnet-lite0 for anything else")
    choose_precision(card, settings.precision, {"fp32"})
    assert card.tensors is not None  # every card of this architecture has them
    runtime = LiteRT(path, card.tensors, _LITE_MEAN, _LITE_DEVIATION, settings.threads)
    return _vision(card, card.sha256, runtime, _central_crop(card))


def _load_hub(card: Card, path: Path, settings: _Settings) -> Vision:
    # The digests of the card are those of the files: ``weights`` has just compared them.
    digest = manifest_digest({file.name: file.sha256 for file in card.files})
    return _hub_vision(card, path.parent, digest, settings)


def _load_folder(folder: Path, settings: _Settings) -> Vision:
    model = read_hub(folder)
    size = read_recipe(folder).size
    card = Card(
        name=folder.resolve().name,
        task="embed",
        version="local",
        architecture="hub",
        input_size=size,
        crop_fraction=1.0,
        embedding_dim=model.joint,
        labels=None,
        licence="not known",
        metric="not known",
        protocol="",
        source=None,
        sha256=model.digest(),
        size_bytes=sum(path.stat().st_size for path in model.weights),
        text=model.text is not None,
    )
    return _hub_vision(card, folder, card.sha256, settings)


def _hub_vision(card: Card, folder: Path, digest: str, settings: _Settings) -> Vision:
    from compoundeye.models._vit import vision_graph

    model, recipe = read_hub(folder), read_recipe(folder)
    graph = vision_graph(model, recipe).SerializeToString()
    return _vision(card, digest, _open(card, graph, settings), recipe.prepare)


def _load_onnx(card: Card, path: Path, settings: _Settings) -> Vision:
    return _vision(card, card.sha256, _open(card, path.read_bytes(), settings), _framed(card))


_LOADERS: Mapping[str, Callable[[Card, Path, _Settings], Vision]] = {
    "efficientnet-lite": _load_lite,
    "tflite": _load_tflite,
    "hub": _load_hub,
    "onnx": _load_onnx,
}


def _vision(card: Card, digest: str, runtime: Runtime, prepare: Prepare) -> Vision:
    identity = ModelIdentity(card.name, card.version, digest)
    return Vision(card, identity, labels(card.labels) if card.labels else None, runtime, prepare)


def _open(card: Card, graph: bytes, settings: _Settings) -> Runtime:
    return open_onnx(
        graph,
        device=settings.device,
        precision=_precision(card, settings),
        threads=settings.threads,
        runtime=settings.runtime,
    )


def _precision(card: Card, settings: _Settings) -> Precision:
    if settings.device != "cpu" or settings.runtime == "onnxruntime":
        return choose_precision(card, settings.precision, {"fp32"})
    from compoundeye.models._openvino import supported_precisions

    return choose_precision(card, settings.precision, supported_precisions())


def _central_crop(card: Card) -> Prepare:
    def prepare(data: bytes, out: UInt8 | None = None) -> UInt8:
        return crop_resize(data, card.input_size, card.crop_fraction, out=out)

    return prepare


def _framed(card: Card) -> Prepare:
    """As evaluation in training does it, to the bit."""

    def prepare(data: bytes, out: UInt8 | None = None) -> UInt8:
        size = (card.input_size, card.input_size)
        return crop_box(data, lambda width, height: framed(card.crop, card.crop_fraction, width, height), size, out=out)

    return prepare
