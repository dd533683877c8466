"""What looks: the catalogue of models, published and one's own, their weights, and one way to run them.

Guarantee: a model is its digest. Weights are used only if their SHA-256 is the catalogue's, nothing foreign is
unpickled or run, and each prediction names model, version and digest. Pre-processing is one function a model.
Detectors find what their published files find, without a limit of boxes, at any batch.
Cost: a first use downloads (19 MB for the default model) and builds a graph; later ones read it, and compile in about
0.2 s. `benchmarks/precision.py` prints pictures a second and what a cheaper precision changes; for detectors
`benchmarks/detectors.py`.
Limit: a GPU needs ONNX Runtime's GPU package; text towers and models without labels need public weights that no
registry package carries.
"""

from compoundeye.models._byte_rows import ByteRows, Rounded, UnprovenError, rounded, rounding
from compoundeye.models._card import Card, DetectionLoss, FaceLoss, Loss, Mirror, WeightsFile
from compoundeye.models._catalogue import card, catalogue
from compoundeye.models._detect import MIN_SCORE, Detector
from compoundeye.models._error import WeightsError
from compoundeye.models._face_detect import MIN_FACE_SCORE, FaceDetector
from compoundeye.models._face_embed import FaceEmbedder
from compoundeye.models._labels import Labels, labels
from compoundeye.models._listing import CatalogueRow, catalogue_rows
from compoundeye.models._load import load
from compoundeye.models._load_detector import load_detector
from compoundeye.models._load_face import load_face_detector, load_face_embedder
from compoundeye.models._load_text import load_text
from compoundeye.models._local import register
from compoundeye.models._nms import nms
from compoundeye.models._runtime import open_onnx
from compoundeye.models._safetensors import weight_files
from compoundeye.models._text import TEMPLATES, TextEncoder
from compoundeye.models._tree import Tree
from compoundeye.models._vision import Outputs, Vision
from compoundeye.models._weights import home, present, weights, weights_folder

__all__ = [
    "MIN_FACE_SCORE",
    "MIN_SCORE",
    "TEMPLATES",
    "ByteRows",
    "Card",
    "CatalogueRow",
    "DetectionLoss",
    "Detector",
    "FaceDetector",
    "FaceEmbedder",
    "FaceLoss",
    "Labels",
    "Loss",
    "Mirror",
    "Outputs",
    "Rounded",
    "TextEncoder",
    "Tree",
    "UnprovenError",
    "Vision",
    "WeightsError",
    "WeightsFile",
    "card",
    "catalogue",
    "catalogue_rows",
    "home",
    "labels",
    "load",
    "load_detector",
    "load_face_detector",
    "load_face_embedder",
    "load_text",
    "nms",
    "open_onnx",
    "present",
    "register",
    "rounded",
    "rounding",
    "weight_files",
    "weights",
    "weights_folder",
]
